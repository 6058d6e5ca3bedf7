"""A clock that moves only when told to, and a device that works behind the host's back on that clock.

The device stands in for a GPU: launched work is queued and ends only as time passes, `elapsed_s` refuses marks that
were not waited for, and memory comes from a caching allocator with a capacity. Its tensors live on the CPU, so real
models run on it: inside `settings`, every operator launches work and takes memory for what it returns.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator
from typing import Any, cast

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from zoobench.cases import Case, DeviceFacts, Precision
from zoobench.devices import Call, Mark, PeakMemory, ProfiledOperator
from zoobench.measure.executor import Task
from zoobench.measure.messages import Emit
from zoobench.records import Failure, Measurement, MetricResult, Unavailable

BLOCK_BYTES = 512
"""What the fake allocator rounds up to, as CUDA's caching allocator does (c10/cuda/CUDACachingAllocator.cpp)."""

OPERATOR_S = 2.0**-10
"""What an operator takes on the device: a power of two, so that sums of it are exact."""

LAUNCH_S = 2.0**-13
"""What it takes the host to launch an operator."""


class FakeClock:
    """Seconds that pass only by `advance`."""

    def __init__(self, now_s: float = 1000.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s

    def advance(self, seconds: float) -> None:
        assert seconds >= 0, "a clock never steps back"
        self.now_s += seconds


class NotReadyError(RuntimeError):
    """As `cudaErrorNotReady`: the time of an event was asked for that the device has not reached yet."""


class FakeMark:
    """An event of the fake device: `at_s` is when the device reaches it."""

    def __init__(self, at_s: float) -> None:
        self.at_s = at_s


class FakeAllocator:
    """Counts bytes as a caching allocator does: what is freed stays reserved until `empty_cache`."""

    def __init__(self, capacity_bytes: int) -> None:
        self.capacity_bytes = capacity_bytes
        self.current_bytes = self.peak_bytes = self.reserved_bytes = self.peak_reserved_bytes = 0

    def allocate(self, size_bytes: int) -> int:
        """Take memory; what was taken, to be given back by `free`."""
        rounded_bytes = -(-size_bytes // BLOCK_BYTES) * BLOCK_BYTES
        if self.current_bytes + rounded_bytes > self.capacity_bytes:
            raise torch.OutOfMemoryError(f"CUDA out of memory. Tried to allocate {size_bytes} bytes. GPU 0 is a fake")
        self.current_bytes += rounded_bytes
        self.reserved_bytes = max(self.reserved_bytes, self.current_bytes)
        self.peak_bytes = max(self.peak_bytes, self.current_bytes)
        self.peak_reserved_bytes = max(self.peak_reserved_bytes, self.reserved_bytes)
        return rounded_bytes

    def free(self, rounded_bytes: int) -> None:
        self.current_bytes -= rounded_bytes

    def empty_cache(self) -> None:
        self.reserved_bytes = self.current_bytes

    def reset_peaks(self) -> None:
        self.peak_bytes, self.peak_reserved_bytes = self.current_bytes, self.reserved_bytes


class FakeAsyncDevice:
    """A `zoobench.devices.Device`. `waits` counts how often it was waited for, `applied` the cases of its settings."""

    name = "fake"
    torch_device = torch.device("cpu")

    def __init__(self, clock: FakeClock | None = None, *, capacity_bytes: int = 2**40) -> None:
        self.clock = clock or FakeClock()
        self.allocator = FakeAllocator(capacity_bytes)
        self.waits = 0
        self.applied: list[Case] = []
        self.is_in_use = False
        self._free_at_s = self.clock()
        self._kernels_s = 0.0

    def launch(self, seconds: float, *, launch_s: float = 0.0) -> None:
        """Queue work that takes the device so long; the host is busy with launching it for `launch_s`."""
        self.clock.advance(launch_s)
        self._free_at_s = max(self._free_at_s, self.clock()) + seconds
        self._kernels_s += seconds

    def facts(self) -> DeviceFacts:
        precisions = tuple(precision.value for precision in Precision)
        return DeviceFacts(
            name=self.name,
            is_available=True,
            model="Fake accelerator",
            precisions=precisions,
            native_precisions=tuple(name for name in precisions if name != Precision.BF16),
        )

    @contextlib.contextmanager
    def settings(self, case: Case) -> Iterator[None]:
        self.applied.append(case)
        self.is_in_use = True
        try:
            with _EveryOperator(self):
                yield
        finally:
            self.is_in_use = False

    def read_settings(self) -> dict[str, str]:
        return {"is_in_use": str(self.is_in_use)}

    def wait(self) -> None:
        self.waits += 1
        self.clock.advance(max(0.0, self._free_at_s - self.clock()))

    def mark(self) -> Mark:
        return Mark(FakeMark(max(self._free_at_s, self.clock())))

    def elapsed_s(self, start: Mark, end: Mark) -> float:
        reached = [cast("FakeMark", mark).at_s for mark in (start, end)]
        if max(reached) > self.clock():
            raise NotReadyError("the device has not reached this mark: wait for it first")
        return reached[1] - reached[0]

    def has_own_timeline(self) -> bool:
        return True

    def why_no_conditions(self) -> str:
        return ""

    def conditions(self) -> dict[str, float]:
        return {}

    def allocated_bytes(self) -> int | None:
        return self.allocator.current_bytes

    def measure_peak_memory(self, call: Call) -> PeakMemory:
        self.allocator.empty_cache()
        self.wait()
        self.allocator.reset_peaks()
        baseline_bytes = self.allocator.current_bytes
        call()
        self.wait()
        return PeakMemory(growth_bytes=self.allocator.peak_bytes - baseline_bytes, method="fake allocator")

    def free_memory_bytes(self) -> int:
        return self.allocator.capacity_bytes - self.allocator.current_bytes

    def measure_other_memory(self) -> tuple[MetricResult, ...]:
        reserved = float(self.allocator.peak_reserved_bytes)
        return (
            Measurement(metric="peak_reserved", samples=(reserved,), method="fake allocator"),
            Unavailable(metric="process_memory", reason="a fake has no processes"),
        )

    def profile_operators(self, call: Call) -> tuple[ProfiledOperator, ...]:
        """All that its kernels took, as one operator."""
        before_s = self._kernels_s
        call()
        self.wait()
        return (ProfiledOperator(name="relu", shapes=((),), values=(None,), time_s=self._kernels_s - before_s),)

    def measure_device_time(self, call: Call, *, is_capturable: bool = True) -> MetricResult:
        before_s = self._kernels_s
        call()
        self.wait()
        return Measurement(metric="device_time", samples=(self._kernels_s - before_s,), method="fake profiler")


class EmittingExecutor:
    """A `zoobench.measure.executor.Executor` that tells these parts and fails so; it writes down what it was asked."""

    def __init__(self, *parts: Any, failure: Failure | None = None, takes_s: float = 0.0) -> None:
        self.parts = parts
        self.failure = failure
        self.tasks: list[Task] = []
        self.limits_s: list[float] = []
        self.clock = FakeClock()
        self._takes_s = takes_s

    def run(self, task: Task, emit: Emit, time_limit_s: float) -> Failure | None:
        self.tasks.append(task)
        self.limits_s.append(time_limit_s)
        self.clock.advance(self._takes_s)
        for part in self.parts:
            emit(part)
        return self.failure


def make_device(_: int) -> FakeAsyncDevice:
    """The callable of a `zoobench.devices` entry point."""
    return FakeAsyncDevice()


def make_small_device(_: int) -> FakeAsyncDevice:
    """A device on which hardly anything fits."""
    return FakeAsyncDevice(capacity_bytes=256 * 2**10)


def register(folder: Any, maker: Callable[[int], FakeAsyncDevice], name: str = "fake") -> None:
    """Make `folder`, which must be on sys.path, hold an installed package that provides the device."""
    info = folder / f"{name}_device-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-device\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(
        f"[zoobench.devices]\n{name} = {maker.__module__}:{maker.__name__}\n", encoding="utf-8"
    )


class _EveryOperator(TorchDispatchMode):
    """Launches work for every operator, and takes memory for each storage that is new, until that storage is freed."""

    def __init__(self, device: FakeAsyncDevice) -> None:
        super().__init__()
        self._device = device
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves(result) if isinstance(leaf, Tensor) and leaf.device.type != "meta"]
        if tensors:
            self._device.launch(OPERATOR_S, launch_s=LAUNCH_S)
        for tensor in tensors:
            self._hold(tensor.untyped_storage())
        return result

    def _hold(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self._known:
            return
        held_bytes = self._device.allocator.allocate(storage.nbytes())
        self._known.add(key)
        weakref.finalize(storage, self._release, key, held_bytes)

    def _release(self, key: int, held_bytes: int) -> None:
        self._known.discard(key)
        self._device.allocator.free(held_bytes)
