"""The CPU as a device: time from the host's clock, allocator events from the torch profiler."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import psutil
import torch
from torch.profiler import ProfilerActivity, profile

from zoobench.cases import Case, DeviceFacts, Precision, precisions_of
from zoobench.devices import host_memory
from zoobench.devices.device import REFERENCE, Call, Mark, PeakMemory
from zoobench.devices.profiler import ProfiledOperator, profile_operators
from zoobench.devices.speed_probe import MatrixProduct, SpeedProbe
from zoobench.records import Measurement, MetricResult, Unavailable

_STATUS = Path("/proc/self/status")


class CpuDevice:
    """The host's processor. `clock` returns seconds and is monotonic."""

    name = "cpu"
    torch_device = torch.device("cpu")

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._speed_probe = SpeedProbe(MatrixProduct(), clock)
        _forget_peak_rss()
        self._rss_at_start_bytes = _rss_bytes()

    def facts(self) -> DeviceFacts:
        return DeviceFacts(
            name=self.name,
            is_available=True,
            model=_cpu_model(),
            precisions=precisions_of({"fp32", "fp16", "bf16"}),
            native_precisions=precisions_of(set(_native_products())),
            amp=Precision.AMP_BF16.value,
            facts={"instruction_set": torch.backends.cpu.get_cpu_capability()},
        )

    @contextlib.contextmanager
    def settings(self, case: Case) -> Iterator[None]:
        """Set heap, threads and flushing of denormals, which is off afterwards: torch cannot report its earlier state.

        Flushing is a mode of each thread, inherited by threads that it starts: in a fresh worker, by all; in a
        process whose thread pool has already started, only this thread's mode is set and restored.
        """
        threads = torch.get_num_threads()
        with host_memory.allocator(case.allocator):
            torch.set_num_threads(case.threads)
            torch.set_flush_denormal(True)
            try:
                yield
            finally:
                torch.set_flush_denormal(False)
                torch.set_num_threads(threads)

    def read_settings(self) -> dict[str, str]:
        return {
            "threads": str(torch.get_num_threads()),
            "affinity": _affinity(),
            "allocator": host_memory.read_allocator(),
            "flushes_denormals": str(_flushes_denormals()),
            "onednn": str(_uses_onednn()),
        }

    def wait(self) -> None:
        """Do nothing: a call on the CPU has ended when it returns."""

    def mark(self) -> Mark:
        return Mark(self._clock())

    def elapsed_s(self, start: Mark, end: Mark) -> float:
        return cast("float", end) - cast("float", start)

    def has_own_timeline(self) -> bool:
        return False

    def why_no_conditions(self) -> str:
        return ""

    def conditions(self) -> dict[str, float]:
        return {REFERENCE: self._speed_probe.read_s()}

    def allocated_bytes(self) -> int | None:
        return host_memory.in_use_bytes()

    def measure_peak_memory(self, call: Call) -> PeakMemory:
        """Sum the allocator's events during one call, in order.

        Memory allocated before the call is not included, and is not subtracted when the call frees it.
        """
        with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
            call()
        growth = peak_of_events(_memory_events(profiler))
        return PeakMemory(growth_bytes=growth, method="torch profiler, allocator events of one call")

    def free_memory_bytes(self) -> int | None:
        """Nine tenths of the host's available memory, minus what a worker needs beside its tensors.

        The remaining tenth is for fragmentation of the heap, and for other processes: when memory is exhausted, the
        kernel kills processes instead of refusing allocations.
        """
        try:
            available_bytes = host_memory.available_bytes()
        except (OSError, psutil.Error):  # without /proc
            return None
        return max(0, int(_GIVEN_SHARE * available_bytes) - host_memory.WORKER_BYTES)

    def measure_other_memory(self) -> tuple[MetricResult, ...]:
        reserved = Unavailable(metric="peak_reserved", reason="a CPU's allocator reserves nothing ahead of use")
        return (reserved, self._process_memory())

    def profile_operators(self, call: Call) -> tuple[ProfiledOperator, ...]:
        return profile_operators(call, [ProfilerActivity.CPU], lambda event: event.cpu_time_total)

    def measure_device_time(self, call: Call, *, is_capturable: bool = True) -> MetricResult:  # noqa: ARG002 - only for GPUs
        return Unavailable(metric="device_time", reason="a CPU has no device time apart from latency")

    def _process_memory(self) -> MetricResult:
        peak_bytes = _peak_rss_bytes()
        if peak_bytes is None or self._rss_at_start_bytes is None:
            return Unavailable(metric="process_memory", reason="this system does not report a process's peak memory")
        growth = max(0, peak_bytes - self._rss_at_start_bytes)
        method = "peak resident set since the process began to measure, above what it began with"
        return Measurement(metric="process_memory", samples=(float(growth),), method=method)


_GIVEN_SHARE = 0.9


def peak_of_events(events: list[dict[str, Any]]) -> int:
    """Highest running sum of allocated (positive) and freed (negative) bytes in a trace's memory events."""
    live = peak = 0
    for event in sorted(events, key=lambda event: float(event["ts"])):
        live += event["args"]["Bytes"]
        peak = max(peak, live)
    return peak


def _memory_events(profiler: profile) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="zoobench-") as folder:
        trace = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(trace))
        events = json.loads(trace.read_text(encoding="utf-8", errors="replace"))["traceEvents"]
    return [event for event in events if event.get("name") == "[memory]"]


def _uses_onednn() -> bool:
    """Whether oneDNN is available and enabled: `torch.backends.mkldnn.enabled` alone is True without it."""
    return bool(torch.backends.mkldnn.is_available() and torch.backends.mkldnn.enabled)  # type: ignore[no-untyped-call]


def _affinity() -> str:
    """Numbers of the processors that this process may run on, such as `0,1,8`."""
    return ",".join(map(str, sorted(os.sched_getaffinity(0)))) if hasattr(os, "sched_getaffinity") else "unknown"


def _flushes_denormals() -> bool:
    """Whether this thread's arithmetic treats denormals as zero. The result is read as bits."""
    smallest = torch.ones(1, dtype=torch.int32).view(torch.float32)
    return not (smallest * 1.0).view(torch.int32).any()


def _native_products() -> Iterator[str]:
    """Precisions that oneDNN multiplies with this processor's instructions, without conversion to fp32."""
    yield "fp32"
    if torch.ops.mkldnn._is_mkldnn_bf16_supported():  # noqa: SLF001 - torch has no public name for it
        yield "bf16"
    if torch.ops.mkldnn._is_mkldnn_fp16_supported():  # noqa: SLF001
        yield "fp16"


def _forget_peak_rss() -> None:
    """Reset the kernel's peak RSS (proc(5), clear_refs); where this is impossible, the peak is too high."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _rss_bytes() -> int | None:
    try:
        return int(psutil.Process().memory_info().rss)
    except (OSError, psutil.Error):  # without /proc
        return None


def _peak_rss_bytes() -> int | None:
    if not _STATUS.exists():
        return None
    lines = dict(line.split(":", 1) for line in _STATUS.read_text(encoding="ascii").splitlines() if ":" in line)
    return int(lines["VmHWM"].split()[0]) * 1024 if "VmHWM" in lines else None


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if sys.platform == "linux" and info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
