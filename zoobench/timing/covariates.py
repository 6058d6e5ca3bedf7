"""What else happened to this process while a round was timed. A disturbed round is known by these, not by its time."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

_TASKS = Path("/proc/self/task")
_SYSTEM = Path("/proc/stat")
_STEAL_FIELD = 8
_NANOSECONDS_A_SECOND = 1e9
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """Totals since this process began, of it and its threads; None what this system does not tell.

    Page faults are the minor ones (no disk): memory that the kernel had to hand out (getrusage(2)). `run_delay_s` is
    time that its threads were ready but waited for a processor (/proc/PID/schedstat, kernel documentation
    scheduler/sched-stats). `steal_s` is the machine's: time of its processors that the hypervisor gave to others
    (proc(5), /proc/stat), told in hundredths of a second. `continued` counts the signals that end a stop. A thread that
    ends takes its waits with it, so that `run_delay_s` alone can fall.
    """

    page_faults: float
    involuntary_switches: float
    cpu_s: float
    run_delay_s: float | None
    steal_s: float | None
    continued: float | None

    def since(self, earlier: Counters) -> dict[str, float]:
        """What was added after `earlier`, of all that both tell; nothing where a total fell."""
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
