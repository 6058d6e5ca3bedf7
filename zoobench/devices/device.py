"""Interface of a device to the rest of the measuring side, and failures of calls on it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NewType, Protocol

import msgspec
import torch

from zoobench.cases import Case, DeviceFacts, ZoobenchError
from zoobench.devices.profiler import ProfiledOperator
from zoobench.records import Failure, FailureKind, MetricResult


def interval_s(device: Device, call: Call, calls: int) -> float:
    """Seconds per call on the device's timeline, over `calls` back-to-back calls between two waits.

    The call must not wait for the device: the time would then include gaps between calls.
    """
    device.wait()
    start = device.mark()
    for _ in range(calls):
        call()
    end = device.mark()
    device.wait()
    return device.elapsed_s(start, end) / calls


def calls_of(call_s: float, sample_s: float, *, least: int, most: int) -> int:
    """Number of calls of `call_s` in a sample of about `sample_s`, between `least` and `most`."""
    return most if call_s * most <= sample_s else max(least, int(sample_s / call_s))


Mark = NewType("Mark", object)
"""A point on a device's timeline."""

REFERENCE = "reference_s"
"""Name of the condition that a device with a speed probe reports: the time of the probe now."""

Call = Callable[[], object]


class PeakMemory(msgspec.Struct, frozen=True, kw_only=True):
    """Peak of allocated bytes in one call, above those allocated before it, and the method of measurement."""

    growth_bytes: int
    method: str


class Device(Protocol):
    """A place where calls run, possibly asynchronously: only after `wait` are they finished."""

    @property
    def name(self) -> str:
        """Name as in a case: `cpu`, `cuda`, `cuda:1`."""
        ...

    @property
    def torch_device(self) -> torch.device:
        """Device of the tensors."""
        ...

    def facts(self) -> DeviceFacts:
        """Properties and capabilities; without such a device, `is_available` is False and `reason` is set."""
        ...

    def settings(self, case: Case) -> AbstractContextManager[None]:
        """Apply the case's process-wide settings in the block, and restore them afterwards."""
        ...

    def read_settings(self) -> dict[str, str]:
        """Read the current settings of the process."""
        ...

    def wait(self) -> None:
        """Wait until all work launched so far has ended."""
        ...

    def mark(self) -> Mark:
        """Record a mark after all work launched so far."""
        ...

    def elapsed_s(self, start: Mark, end: Mark) -> float:
        """Seconds between two marks; call `wait` first."""
        ...

    def has_own_timeline(self) -> bool:
        """Whether work runs asynchronously to the host, so that the host's clock does not measure it."""
        ...

    def why_no_conditions(self) -> str:
        """Conditions missing so far, with reasons; empty if none is missing."""
        ...

    def conditions(self) -> dict[str, float]:
        """Current conditions by name, such as clocks; read between rounds, never within one."""
        ...

    def allocated_bytes(self) -> int | None:
        """Memory allocated now, after `wait`; None if unknown. Takes less than a millisecond."""
        ...

    def measure_peak_memory(self, call: Call) -> PeakMemory:
        """Run the call once and return the peak of allocated bytes above those before it."""
        ...

    def free_memory_bytes(self) -> int | None:
        """Bytes available to a call: free memory now, minus what must stay free. None if unknown."""
        ...

    def measure_other_memory(self) -> tuple[MetricResult, ...]:
        """Measure the metrics `peak_reserved` and `process_memory`, since the process began."""
        ...

    def profile_operators(self, call: Call) -> tuple[ProfiledOperator, ...]:
        """Profile the operators of the call, each with its time on the device."""
        ...

    def measure_device_time(self, call: Call, *, is_capturable: bool = True) -> MetricResult:
        """Measure the metric `device_time`: kernels of one call, without gaps in which the device waits for the host.

        A call that waits for the device is not capturable.
        """
        ...


BUILD = "build"
"""The step in which errors are caused by the model."""

_OUT_OF_MEMORY_TEXTS = (
    "can't allocate memory",  # DefaultCPUAllocator
    "not enough memory",  # the same on other systems
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDA error: out of memory",
)
"""Messages of torch, cuDNN and cuBLAS in a plain RuntimeError when memory is exhausted."""


def failure_of(error: Exception, where: str) -> Failure:
    """Make the record of an exception in the step `where` of a case; only this function assigns kinds."""
    return Failure(kind=_kind(error, where), message=_first_line(error), where=where)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory was exhausted; other errors, such as of shapes, have none of the known messages."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _OUT_OF_MEMORY_TEXTS)


def _kind(error: Exception, where: str) -> FailureKind:
    if is_out_of_memory(error):
        return FailureKind.OUT_OF_MEMORY
    return FailureKind.BUILD if where == BUILD else FailureKind.ERROR


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    if not lines:
        return type(error).__name__
    return lines[0] if isinstance(error, ZoobenchError) else f"{type(error).__name__}: {lines[0]}"
