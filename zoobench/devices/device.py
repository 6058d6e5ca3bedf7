"""What the rest of the measuring side may ask of a device, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NewType, Protocol

import msgspec
import torch

from zoobench.cases import Case, DeviceFacts, ZoobenchError
from zoobench.devices.profiler import ProfiledOperator
from zoobench.records import Failure, FailureKind, MetricResult

# Calls back to back: what one takes when the device need not wait for the host to notice the last one's end.


def interval_s(device: Device, call: Call, calls: int) -> float:
    """Seconds a call on the device's own timeline, over so many calls with one wait before and one after them all.

    The call must not wait for the device, or the gaps it is meant to leave out come back.
    """
    device.wait()
    start = device.mark()
    for _ in range(calls):
        call()
    end = device.mark()
    device.wait()
    return device.elapsed_s(start, end) / calls


def calls_of(call_s: float, sample_s: float, *, least: int, most: int) -> int:
    """How many calls of that length make a sample of about `sample_s`, between `least` and `most`."""
    return most if call_s * most <= sample_s else max(least, int(sample_s / call_s))


Mark = NewType("Mark", object)
"""A point on a device's own timeline."""

REFERENCE = "reference_s"
"""The condition of a device with a speed probe: the time that the probe takes now."""

Call = Callable[[], object]


class PeakMemory(msgspec.Struct, frozen=True, kw_only=True):
    """How far one call raised the allocated bytes above what was there before it, and how that was found."""

    growth_bytes: int
    method: str


class Device(Protocol):
    """A place where calls run, perhaps behind the host's back: only `wait` says that they are done."""

    @property
    def name(self) -> str:
        """As in a case: `cpu`, `cuda`, `cuda:1`."""
        ...

    @property
    def torch_device(self) -> torch.device:
        """Where tensors go."""
        ...

    def facts(self) -> DeviceFacts:
        """What it is and can do. Works, and says why not, where there is no such device."""
        ...

    def settings(self, case: Case) -> AbstractContextManager[None]:
        """Process-wide settings of the case, put back at the end."""
        ...

    def read_settings(self) -> dict[str, str]:
        """Settings as the live process has them."""
        ...

    def wait(self) -> None:
        """Return when everything launched so far has ended."""
        ...

    def mark(self) -> Mark:
        """Put a mark behind everything launched so far."""
        ...

    def elapsed_s(self, start: Mark, end: Mark) -> float:
        """Seconds between two marks. Only after `wait`."""
        ...

    def has_own_timeline(self) -> bool:
        """Whether its work runs apart from the host's, so that the host's clock does not measure it."""
        ...

    def why_no_conditions(self) -> str:
        """Which conditions are missing and why, so far; empty where it reports all that it could."""
        ...

    def conditions(self) -> dict[str, float]:
        """What the device's surroundings are like now, by name: asked for between rounds, never within one."""
        ...

    def allocated_bytes(self) -> int | None:
        """Memory that is allocated now, after `wait`; None where nobody knows. It costs less than a millisecond."""
        ...

    def measure_peak_memory(self, call: Call) -> PeakMemory:
        """Run the call once and say how far it raised the allocated bytes."""
        ...

    def free_memory_bytes(self) -> int | None:
        """Bytes that a call may be given: what nobody holds now, less what must stay free. None where nobody knows."""
        ...

    def measure_other_memory(self) -> tuple[MetricResult, ...]:
        """The metrics `peak_reserved` and `process_memory`, since the process began."""
        ...

    def profile_operators(self, call: Call) -> tuple[ProfiledOperator, ...]:
        """The operators of the call, each with the time that it takes on the device."""
        ...

    def measure_device_time(self, call: Call, *, is_capturable: bool = True) -> MetricResult:
        """The metric `device_time`: the kernels of one call, without the gaps in which the device waits for the host.

        The call must not wait for the device; it is capturable if nothing in it does.
        """
        ...


# From an exception to a `Failure`: the only place that distinguishes the kinds.


BUILD = "build"
"""The step in which errors are the model's own making."""

_OUT_OF_MEMORY_TEXTS = (
    "can't allocate memory",  # DefaultCPUAllocator
    "not enough memory",  # the same on other systems
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDA error: out of memory",
)
"""What torch, cuDNN and cuBLAS say in a plain RuntimeError when memory is short."""


def failure_of(error: Exception, where: str) -> Failure:
    """How an exception in the step `where` of a case is recorded."""
    return Failure(kind=_kind(error, where), message=_first_line(error), where=where)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory was short. A shape bug is not: its messages are none of the known ones."""
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
