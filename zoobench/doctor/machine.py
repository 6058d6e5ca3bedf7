"""How the machine is set up: clock frequency, threads that share a core, a container's quota; read, not measured."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from zoobench.devices import Result
from zoobench.doctor.effort import Effort
from zoobench.isolate import Tell
from zoobench.records import Measurement, Unavailable

ROOT = Path("/")

_PROCESSORS = "sys/devices/system/cpu"

FACTS = {
    "turbo": ("sys/devices/system/cpu/cpufreq/boost",),
    "turbo_off": ("sys/devices/system/cpu/intel_pstate/no_turbo",),
    "smt_active": ("sys/devices/system/cpu/smt/active",),
    "clocksource": ("sys/devices/system/clocksource/clocksource0/current_clocksource",),
    "huge_pages": ("sys/kernel/mm/transparent_hugepage/enabled",),
}


def examine_machine(_device_name: str, _effort: Effort, tell: Tell) -> None:
    """Tell `performance_governor`, `threads_a_core`, `allowed_share`, and facts."""
    processors = usable_processors()
    for read in (read_governors, read_threads_a_core, read_allowed_share):
        tell(read(processors))
    tell(read_facts())


def usable_processors() -> tuple[int, ...]:
    """Numbers of those that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def read_governors(processors: Iterable[int], root: Path = ROOT) -> Result:
    """For each usable processor, whether its governor is `performance` (kernel documentation, CPUFreq)."""
    files = [root / _PROCESSORS / f"cpu{number}/cpufreq/scaling_governor" for number in processors]
    governors = [text for text in map(_read, files) if text]
    if not governors:
        reason = "the kernel has no frequency governor here, as on most virtual machines: the host decides"
        return Unavailable(metric="performance_governor", reason=reason)
    samples = tuple(float(governor == "performance") for governor in governors)
    return Measurement(metric="performance_governor", samples=samples, method=", ".join(sorted(set(governors))))


def read_threads_a_core(processors: Iterable[int], root: Path = ROOT) -> Result:
    """Usable processors over the cores that they are threads of."""
    numbers = list(processors)
    files = [root / _PROCESSORS / f"cpu{number}/topology/thread_siblings_list" for number in numbers]
    cores = [text for text in map(_read, files) if text]
    if len(cores) < len(numbers):
        return Unavailable(metric="threads_a_core", reason="the kernel does not tell which threads share a core")
    threads = len(numbers) / len(set(cores))
    return Measurement(metric="threads_a_core", samples=(threads,), method=f"/{_PROCESSORS}, thread_siblings_list")


def read_allowed_share(processors: Iterable[int], root: Path = ROOT) -> Result:
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
