"""How the machine is set up: clock frequency, threads that share a core, a container's quota; read, not measured."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil

from zoobench.measure.messages import Effort, Emit, MachineFacts
from zoobench.records import Measurement, MetricResult, Unavailable

ROOT = Path("/")

_PROCESSORS = "sys/devices/system/cpu"

FACTS = {
    "turbo": ("sys/devices/system/cpu/cpufreq/boost",),
    "turbo_off": ("sys/devices/system/cpu/intel_pstate/no_turbo",),
    "smt_active": ("sys/devices/system/cpu/smt/active",),
    "clocksource": ("sys/devices/system/clocksource/clocksource0/current_clocksource",),
    "huge_pages": ("sys/kernel/mm/transparent_hugepage/enabled",),
}


def examine_machine(_device_name: str, _effort: Effort, emit: Emit) -> None:
    """Send `performance_governor`, `threads_a_core`, `allowed_share`, and facts."""
    processors = usable_processors()
    for read in (read_governors, read_threads_a_core, read_allowed_share):
        emit(read(processors))
    emit(MachineFacts(read_facts()))


def usable_processors() -> tuple[int, ...]:
    """Numbers of those that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def read_governors(processors: Iterable[int], root: Path = ROOT) -> MetricResult:
    """For each usable processor, whether its governor is `performance` (kernel documentation, CPUFreq)."""
    files = [root / _PROCESSORS / f"cpu{number}/cpufreq/scaling_governor" for number in processors]
    governors = [text for text in map(_read, files) if text]
    if not governors:
        reason = "the kernel has no frequency governor here, as on most virtual machines: the host decides"
        return Unavailable(metric="performance_governor", reason=reason)
    samples = tuple(float(governor == "performance") for governor in governors)
    return Measurement(metric="performance_governor", samples=samples, method=", ".join(sorted(set(governors))))


def read_threads_a_core(processors: Iterable[int], root: Path = ROOT) -> MetricResult:
    """Usable processors over the cores that they are threads of."""
    numbers = list(processors)
    files = [root / _PROCESSORS / f"cpu{number}/topology/thread_siblings_list" for number in numbers]
    cores = [text for text in map(_read, files) if text]
    if len(cores) < len(numbers):
        return Unavailable(metric="threads_a_core", reason="the kernel does not tell which threads share a core")
    threads = len(numbers) / len(set(cores))
    return Measurement(metric="threads_a_core", samples=(threads,), method=f"/{_PROCESSORS}, thread_siblings_list")


def read_allowed_share(processors: Iterable[int], root: Path = ROOT) -> MetricResult:
    """What the control group's quota allows, as a share of the usable processors; without a quota, all."""
    quotas = (_quota_of_version_2(root), _quota_of_version_1(root))
    quota = next((quota for quota in quotas if quota is not None), None)
    if quota is None:
        return Unavailable(metric="allowed_share", reason="there are no control groups here, or they are hidden")
    share = min(1.0, quota / len(list(processors)))
    return Measurement(metric="allowed_share", samples=(share,), method="CPU quota of this process's control group")


def read_facts(root: Path = ROOT) -> dict[str, str]:
    """Of those files that the kernel has, what they say."""
    texts = {name: next(filter(None, (_read(root / file) for file in files)), "") for name, files in FACTS.items()}
    return {name: text for name, text in texts.items() if text} | {"is_virtual": _is_virtual(root)}


def _quota_of_version_2(root: Path) -> float | None:
    """`cpu.max`: quota and period in microseconds, or `max` (kernel documentation, control group v2)."""
    return _quotient(_read(root / "sys/fs/cgroup/cpu.max").split())


def _quota_of_version_1(root: Path) -> float | None:
    folder = root / "sys/fs/cgroup/cpu"
    return _quotient([_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")])


def _quotient(words: list[str]) -> float | None:
    match words:
        case ["max" | "-1", _]:
            return float("inf")
        case [quota, period] if quota.isdecimal() and period.isdecimal() and int(period):
            return int(quota) / int(period)
    return None


def _is_virtual(root: Path) -> str:
    """Whether the processor says that a hypervisor is below it (x86 only)."""
    flags = next((line for line in _read(root / "proc/cpuinfo").splitlines() if line.startswith("flags")), "")
    return str("hypervisor" in flags.split()).lower() if flags else "unknown"


def _read(path: Path) -> str:
    """What the file says; nothing if there is none, or it is not to be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


# What else the machine is doing while nothing is measured.


INTERVALS = 5
_NOT_BUSY = ("idle", "iowait", "steal")
_COUNTED_TWICE = ("guest", "guest_nice")
"""They are in `user` and `nice` as well (proc(5))."""

MOST_NAMES = 3
_LEAST_SHARE = 0.05
"""Of one processor: who uses less is not named."""


def examine_other_load(_device_name: str, effort: Effort, emit: Emit) -> None:
    """Send `other_load`, `load_average`, and as a fact who is busiest. This process sleeps meanwhile."""
    before = dict(processes())
    emit(measure_other_load(effort.load_s / INTERVALS))
    emit(measure_load_average())
    names = busiest(before, dict(processes()), effort.load_s)
    emit(MachineFacts({"busiest_processes": ", ".join(names) or "none"}))


def measure_other_load(interval_s: float) -> MetricResult:
    """Share of all processors' time that is neither idle nor stolen, in each of a few intervals."""
    try:
        shares = tuple(_busy_share(interval_s) for _ in range(INTERVALS))
    except OSError as error:
        reason = f"processor times cannot be read: {error.strerror or error}"
        return Unavailable(metric="other_load", reason=reason)
    method = f"psutil, {INTERVALS} intervals of {interval_s:g} s before the other checks"
    return Measurement(metric="other_load", samples=shares, method=method)


def measure_load_average() -> MetricResult:
    """Of the last minute."""
    try:
        load = os.getloadavg()[0]
    except OSError:
        return Unavailable(metric="load_average", reason="the system does not tell its load")
    return Measurement(metric="load_average", samples=(load,), method="getloadavg(3), 1 minute, before the checks")


Process = tuple[str, float]
"""Its name and the processor seconds that it has used."""


def processes() -> Iterator[tuple[int, Process]]:
    """By number, those that the system reports; none where it reports none."""
    try:
        for process in psutil.process_iter(["name", "cpu_times"]):
            times: Any = process.info["cpu_times"]
            if times is not None:
                yield process.pid, (process.info["name"], times.user + times.system)
    except (OSError, IndexError):  # psutil takes the first of no processes where /proc is empty
        return


def busiest(before: dict[int, Process], after: dict[int, Process], seconds: float) -> Sequence[str]:
    """The processes that used most between two readings, `seconds` apart: name, number, and processors filled."""
    used_s = {number: total_s - before.get(number, (name, 0.0))[1] for number, (name, total_s) in after.items()}
    most = sorted(used_s, key=lambda number: used_s[number], reverse=True)[:MOST_NAMES]
    return [
        f"{after[number][0]} {number} ({used_s[number] / seconds:.1f})"
        for number in most
        if used_s[number] / seconds >= _LEAST_SHARE
    ]


def _busy_share(interval_s: float) -> float:
    """Of the totals since the start: psutil's percentages are of a second at least, and too low in a shorter time."""
    before = psutil.cpu_times()._asdict()
    time.sleep(interval_s)
    after = psutil.cpu_times()._asdict()
    spent_s = {kind: after[kind] - before[kind] for kind in after if kind not in _COUNTED_TWICE}
    total_s = sum(spent_s.values())
    idle_s = sum(spent_s.get(kind, 0.0) for kind in _NOT_BUSY)
    return max(0.0, 1.0 - idle_s / total_s) if total_s > 0 else 0.0
