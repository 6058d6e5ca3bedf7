"""What else happened to this process while a round was timed. A disturbed round is known by these, not by its time."""

from __future__ import annotations

import contextlib
import itertools
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from zoobench.devices import Device
from zoobench.stats.interference import HOST_LEAD

_TASKS = Path("/proc/self/task")
_SYSTEM = Path("/proc/stat")
_STEAL_FIELD = 8
_NANOSECONDS_A_SECOND = 1e9
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """Totals since this process began, of it and its threads; None what this system does not report.

    Page faults are the minor ones (no disk): memory that the kernel had to hand out (getrusage(2)). `run_delay_s` is
    time that its threads were ready but waited for a processor (/proc/PID/schedstat, kernel documentation
    scheduler/sched-stats). `steal_s` is the machine's: time of its processors that the hypervisor gave to others
    (proc(5), /proc/stat), in hundredths of a second. `continued` counts the signals that end a stop. A thread that
    ends takes its waits with it, so that `run_delay_s` alone can fall.
    """

    page_faults: float
    involuntary_switches: float
    cpu_s: float
    run_delay_s: float | None
    steal_s: float | None
    continued: float | None

    def since(self, earlier: Counters) -> dict[str, float]:
        """What was added after `earlier`, of all that both have; nothing where a total fell."""
        pairs = {name: (getattr(earlier, name), getattr(self, name)) for name in self.__struct_fields__}
        return {name: max(0.0, now - before) for name, (before, now) in pairs.items() if None not in (before, now)}


def read_counters() -> Counters:
    """The totals as of now."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return Counters(
        page_faults=float(usage.ru_minflt),
        involuntary_switches=float(usage.ru_nivcsw),
        cpu_s=usage.ru_utime + usage.ru_stime,
        run_delay_s=_run_delay_s(),
        steal_s=_steal_s(),
        continued=_stops.count if _stops.is_watched else None,
    )


@contextlib.contextmanager
def watched_stops() -> Iterator[None]:
    """Count how often this process is stopped and continued, as far as its main thread can be asked to."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGCONT, lambda *_: _stops.add())
    _stops.is_watched = True
    try:
        yield
    finally:
        _stops.is_watched = False
        signal.signal(signal.SIGCONT, signal.SIG_DFL if before is None else before)  # None: set by C, and lost


class _Stops:
    """How often this process was continued; a process has one."""

    count = 0.0
    is_watched = False

    def add(self) -> None:
        self.count += 1


_stops = _Stops()


def _run_delay_s() -> float | None:
    try:
        waited_ns = [_waited_ns(task) for task in _TASKS.iterdir()]
    except (OSError, ValueError, IndexError):
        return None
    return sum(waited_ns) / _NANOSECONDS_A_SECOND


def _waited_ns(task: Path) -> int:
    """The second number of the thread's schedstat; a thread that has just ended waited for nothing."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError), (task / "schedstat").open("rb") as file:
        return int(file.read().split()[1])
    return 0


def _steal_s() -> float | None:
    try:
        with _SYSTEM.open("rb") as file:
            return int(file.readline().split()[_STEAL_FIELD]) / _TICKS_A_SECOND
    except (OSError, ValueError, IndexError):
        return None


# One round: a call between two waits, its phases separated by marks on the device's own timeline.


Clock = Callable[[], float]
"""Seconds that never step back."""

HOST_CLOCK: Clock = time.perf_counter

_LEAD_DECIMALS = 3


class CallPhase(msgspec.Struct, frozen=True):
    """A part of a call, and the metric that its time is. A call is its phases, one after the other."""

    metric: str
    run: Callable[[], object]


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """Times of one call in seconds: on the device's timeline as a whole and by phase, and by the host's clock.

    `conditions` are the device's surroundings just before the call, `covariates` what happened to the process in it,
    and how far the host was ahead of a device that has a timeline of its own.
    """

    device_s: float
    phases_s: tuple[float, ...]
    host_s: float
    conditions: dict[str, float]
    covariates: dict[str, float]


def host_lead(began_s: float, launched_s: float, ended_s: float) -> float:
    """The share of the time that was left when all was launched; 0 of no time at all."""
    return round((ended_s - launched_s) / (ended_s - began_s), _LEAD_DECIMALS) if ended_s > began_s else 0.0


def take_round(phases: Sequence[CallPhase], device: Device, clock: Clock = HOST_CLOCK) -> Round:
    """Time one call.

    The device is idle at the start, so nothing earlier is timed; it is waited for before any time is read, so that
    nothing is left out.
    """
    conditions = device.conditions()
    device.wait()
    counters, began = read_counters(), clock()
    marks = [device.mark()]
    for phase in phases:
        phase.run()
        marks.append(device.mark())
    launched = clock()
    device.wait()
    ended, later = clock(), read_counters()
    lead = {HOST_LEAD: host_lead(began, launched, ended)} if device.has_own_timeline() else {}
    return Round(
        device_s=device.elapsed_s(marks[0], marks[-1]),
        phases_s=tuple(device.elapsed_s(start, end) for start, end in itertools.pairwise(marks)),
        host_s=ended - began,
        conditions=conditions,
        covariates=later.since(counters) | lead,
    )
