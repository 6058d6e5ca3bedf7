"""One CUDA GPU: events for time, the caching allocator's counters for memory, graphs or the profiler for kernels.

Only this module uses `torch.cuda`. Documentation: pytorch.org/docs/stable/cuda.html and notes/cuda.html; memory
counters as in `torch.cuda.memory_stats`; precision switches as in notes/numerical_accuracy.html; capture of graphs as
in notes/cuda.html#cuda-graphs.
"""

from __future__ import annotations

import contextlib
import gc
import time
import warnings
from collections.abc import Iterator
from typing import Any, cast

import msgspec
import torch
from torch.autograd import DeviceType  # type: ignore[attr-defined]
from torch.profiler import ProfilerActivity

from zoobench.cases import Case, DeviceFacts, Precision, precisions_of
from zoobench.devices.device import REFERENCE, Call, Mark, PeakMemory, calls_of, interval_s
from zoobench.devices.nvml import Nvml
from zoobench.devices.profiler import ProfiledOperator, profile_operators, profiling
from zoobench.devices.speed_probe import Launches, SpeedProbe
from zoobench.records import Measurement, MetricResult, Unavailable

_MILLISECONDS_A_SECOND = 1e3
_MICROSECONDS_A_SECOND = 1e6
_TENSOR_FLOAT_32 = "tf32"
_IEEE_FLOAT_32 = "ieee"
_MIXED = "mixed"

_WARM_UP_CALLS = 3
"""Calls on the capture's stream before it (notes/cuda.html, whole-network capture): autotuning, lazy set-up."""

_CALIBRATION_CYCLES = 20_000_000
"""At least ten milliseconds on any GPU: much longer than a launch, and short for the user."""

_REPLAY_SAMPLES = 6
_REPLAY_SAMPLE_S = 0.05
_MAX_REPLAYS = 100

# Their attributes are made at run time, so the type checker cannot find them.
_MATMUL: Any = torch.backends.cuda.matmul
_CUDNN: Any = torch.backends.cudnn


class CudaDevice:
    """The GPU of that index; creating the object does not initialise a GPU."""

    def __init__(self, index: int = 0) -> None:
        self.torch_device = torch.device("cuda", index)
        self._index = index
        self._nvml = Nvml(self._uuid)
        self._speed_probe = SpeedProbe(Launches())
        self._failed_capture = ""
        self._cycles_a_second: float | None = None

    @property
    def name(self) -> str:
        return "cuda" if self._index == 0 else f"cuda:{self._index}"

    def facts(self) -> DeviceFacts:
        reason = self._why_absent()
        if reason:
            return DeviceFacts(name=self.name, is_available=False, reason=reason)
        return self._facts_of_present()

    @contextlib.contextmanager
    def settings(self, case: Case) -> Iterator[None]:
        """Set TF32 of matrix products and convolutions, cuDNN (autotuned, nondeterministic), and the host's threads."""
        before = _read_switches()
        uses_tf32 = case.precision.traits.product == _TENSOR_FLOAT_32
        wanted = _TENSOR_FLOAT_32 if uses_tf32 else _IEEE_FLOAT_32
        _switch(
            _Switches(
                old_matmul=None if before.old_matmul is None else uses_tf32,
                old_cudnn=None if before.old_cudnn is None else uses_tf32,
                matmul=wanted,
                convolution=wanted,
                autotunes=True,
                is_deterministic=False,
                threads=case.threads,
            )
        )
        try:
            with torch.cuda.device(self._index):
                yield
        finally:
            _switch(before)

    def read_settings(self) -> dict[str, str]:
        """Read all settings that select kernels. Those of autocast and of loss scaling are read from the call."""
        switches = _read_switches()
        return {
            "threads": str(switches.threads),
            "matmul_fp32_precision": switches.matmul,
            "matmul_allow_tf32": _text(switches.old_matmul),
            "matmul_fp16_reduced_precision": str(_MATMUL.allow_fp16_reduced_precision_reduction),
            "matmul_bf16_reduced_precision": str(_MATMUL.allow_bf16_reduced_precision_reduction),
            "matmul_fp16_accumulation": str(_MATMUL.allow_fp16_accumulation),
            "cudnn_enabled": str(_CUDNN.enabled),
            "cudnn_fp32_precision": switches.convolution,
            "cudnn_allow_tf32": _text(switches.old_cudnn),
            "cudnn_benchmark": str(switches.autotunes),
            "cudnn_benchmark_limit": str(_CUDNN.benchmark_limit),
            "cudnn_deterministic": str(switches.is_deterministic),
            "cudnn_depthwise_kernel": str(getattr(_CUDNN, "depthwise_kernel", "no such switch")),
            "deterministic_algorithms": str(torch.are_deterministic_algorithms_enabled()),
        }

    def wait(self) -> None:
        torch.cuda.synchronize(self._index)

    def mark(self) -> Mark:
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record(torch.cuda.current_stream(self._index))
        return Mark(event)

    def elapsed_s(self, start: Mark, end: Mark) -> float:
        """Seconds by cudaEventElapsedTime, whose resolution is about half a microsecond."""
        milliseconds = cast("Any", start).elapsed_time(cast("Any", end))
        return float(milliseconds) / _MILLISECONDS_A_SECOND

    def has_own_timeline(self) -> bool:
        return True

    def why_no_conditions(self) -> str:
        return self._nvml.why_incomplete()

    def conditions(self) -> dict[str, float]:
        """Conditions from NVML, and the speed probe of launches: at small batches, launching limits most calls."""
        return {**self._nvml.conditions(), REFERENCE: self._speed_probe.read_s()}

    def free_memory_bytes(self) -> int:
        """Memory free in the driver (cudaMemGetInfo), plus memory cached and unused in the caching allocator."""
        free_bytes, _ = torch.cuda.mem_get_info(self._index)
        return free_bytes + torch.cuda.memory_reserved(self._index) - torch.cuda.memory_allocated(self._index)

    def allocated_bytes(self) -> int | None:
        return int(torch.cuda.memory_allocated(self._index))

    def measure_peak_memory(self, call: Call) -> PeakMemory:
        """Read the caching allocator's counters, which are reset before the call."""
        self.wait()
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(self._index)
        baseline = torch.cuda.memory_allocated(self._index)
        call()
        self.wait()
        growth = torch.cuda.max_memory_allocated(self._index) - baseline
        return PeakMemory(growth_bytes=growth, method="peak of the caching allocator over one call")

    def measure_other_memory(self) -> tuple[MetricResult, ...]:
        reserved = Measurement(
            metric="peak_reserved",
            samples=(float(torch.cuda.max_memory_reserved(self._index)),),
            method="peak reserved by the caching allocator since the measured call began",
        )
        return (reserved, self._nvml.process_memory())

    def profile_operators(self, call: Call) -> tuple[ProfiledOperator, ...]:
        """Profile the call; an operator's time is that of the kernels that it and its inner operators launch."""
        activities = [ProfilerActivity.CPU, ProfilerActivity.CUDA]
        return profile_operators(call, activities, lambda event: event.device_time_total)

    def keep_busy(self, seconds: float) -> float:
        """Queue a kernel that waits for clock cycles; return its duration in seconds of the host's clock.

        The clock rate is measured once, as the difference of two durations, so that the time to launch cancels.
        """
        if self._cycles_a_second is None:
            self._busy_s(_CALIBRATION_CYCLES)  # raises the clock rate
            longer_s = self._busy_s(2 * _CALIBRATION_CYCLES) - self._busy_s(_CALIBRATION_CYCLES)
            self._cycles_a_second = _CALIBRATION_CYCLES / longer_s
        cycles = round(seconds * self._cycles_a_second)
        torch.cuda._sleep(cycles)  # type: ignore[no-untyped-call]  # noqa: SLF001 - it has no public name
        return cycles / self._cycles_a_second

    def _busy_s(self, cycles: int) -> float:
        self.wait()
        began = time.perf_counter()
        torch.cuda._sleep(cycles)  # type: ignore[no-untyped-call]  # noqa: SLF001
        self.wait()
        return time.perf_counter() - began

    def measure_device_time(self, call: Call, *, is_capturable: bool = True) -> MetricResult:
        """Replay a CUDA graph of the call; if it cannot be captured, sum the call's kernels."""
        if not is_capturable:
            return self._sum_of_kernels(call, "the call reads a result back")
        try:
            if not self._failed_capture:
                with self._captured(call) as graph:
                    return self._replayed(graph)
        except RuntimeError as error:  # includes torch.OutOfMemoryError, torch.AcceleratorError and dynamo's errors
            self._failed_capture = _first_line(error)
        return self._sum_of_kernels(call, self._failed_capture)

    @contextlib.contextmanager
    def _captured(self, call: Call) -> Iterator[torch.cuda.CUDAGraph]:
        """Capture a CUDA graph of the call, and delete it after the block.

        A failed capture may leave its stream current, because `torch.cuda.graph` does not leave the stream when
        `capture_end` raises. It may also leave the random generator in capture, so that the next dropout fails. So
        there is an outer stream, and a copy replaces the generator's state. The allocator may continue to query the
        graph's capture status (ATen/cuda/CUDAGraph.cpp, `capture_end`), which no API undoes: such a graph is kept
        alive, and no other is captured.
        """
        stream, graph = torch.cuda.Stream(self._index), torch.cuda.CUDAGraph()  # type: ignore[no-untyped-call]
        self._warm_up(call, stream)
        generator = torch.cuda.default_generators[self._index]
        before = generator.clone_state()
        try:
            with torch.cuda.stream(stream), torch.cuda.graph(graph, stream=stream):
                call()
        except BaseException:
            _BROKEN_GRAPHS.append(graph)
            graph.reset()
            generator.graphsafe_set_state(before)
            raise
        try:
            yield graph
        finally:
            self.wait()
            graph.reset()

    def _warm_up(self, call: Call, stream: torch.cuda.Stream) -> None:
        """Make a few calls on the stream of the capture, which has separate handles and workspaces."""
        current = torch.cuda.current_stream(self._index)
        stream.wait_stream(current)
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP_CALLS):
                call()
        current.wait_stream(stream)
        self.wait()

    def _replayed(self, graph: torch.cuda.CUDAGraph) -> Measurement:
        """Replay back to back, so that the host launches each replay while the device runs the previous one."""
        interval_s(self, graph.replay, 1)  # the first launch also uploads the graph
        once_s = interval_s(self, graph.replay, 1)
        calls = calls_of(once_s, _REPLAY_SAMPLE_S, least=1, most=_MAX_REPLAYS)
        count = _REPLAY_SAMPLES if once_s <= _REPLAY_SAMPLE_S else 1
        samples = tuple(interval_s(self, graph.replay, calls) for _ in range(count))
        method = "CUDA graph of one call, replayed back to back"
        return Measurement(metric="device_time", samples=samples, method=method, calls_per_sample=calls)

    def _sum_of_kernels(self, call: Call, why_no_graph: str) -> MetricResult:
        """Sum the durations of the kernels, copies and fills of one call."""
        with profiling([ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiler:
            call()
            self.wait()
        on_device = [event for event in profiler.events() or () if event.device_type == DeviceType.CUDA]
        total_us = sum(event.time_range.elapsed_us() for event in on_device if not event.is_user_annotation)
        if total_us <= 0:
            reason = f"no CUDA graph: {why_no_graph}; and the torch profiler recorded no kernels"
            return Unavailable(metric="device_time", reason=reason)
        seconds = (total_us / _MICROSECONDS_A_SECOND,)
        method = f"torch profiler, kernels of one call; no CUDA graph: {why_no_graph}"
        return Measurement(metric="device_time", samples=seconds, method=method)

    def _why_absent(self) -> str:
        """Reason why the GPU is not available; empty if it is."""
        if not torch.cuda.is_available():
            return "this torch is built without CUDA" if torch.version.cuda is None else "torch finds no CUDA GPU"
        if self._index >= torch.cuda.device_count():
            return f"there are {torch.cuda.device_count()} CUDA GPUs, counted from 0"
        return ""

    def _facts_of_present(self) -> DeviceFacts:
        properties = torch.cuda.get_device_properties(self._index)
        since_ampere = ("tf32", "bf16") if properties.major >= _AMPERE else ()
        return DeviceFacts(
            name=self.name,
            is_available=True,
            model=properties.name,
            precisions=precisions_of({"fp32", "fp16", "bf16", *since_ampere}),
            native_precisions=precisions_of({"fp32", "fp16", *since_ampere}),
            amp=Precision.AMP_FP16.value,
            facts={
                "capability": f"{properties.major}.{properties.minor}",
                "memory_bytes": str(properties.total_memory),
                "multiprocessors": str(properties.multi_processor_count),
                "cuda": str(torch.version.cuda),
                "cudnn": str(_CUDNN.version()),
                "driver": self._nvml.driver_version(),
                "allocator": str(torch.cuda.get_allocator_backend()),
            },
        )

    def _uuid(self) -> str:
        return str(torch.cuda.get_device_properties(self._index).uuid)


_BROKEN_GRAPHS: list[torch.cuda.CUDAGraph] = []
"""Graphs whose capture failed, kept alive because the allocator may still refer to them."""

_AMPERE = 8
"""First major compute capability with TF32 and native bf16 (CUDA programming guide, compute capabilities)."""


class _Switches(msgspec.Struct, frozen=True, kw_only=True):
    """Process-wide switches that a case sets.

    torch has an old and a new switch for TF32, and raises if the old one is read while the two disagree
    (ATen/Context.cpp, allowTF32CuBLAS). torch.compile still reads the old one, so both are set to the same value. An
    old switch that cannot be read is None and is not set.
    """

    old_matmul: bool | None
    old_cudnn: bool | None
    matmul: str
    convolution: str
    autotunes: bool
    is_deterministic: bool
    threads: int


def _read_switches() -> _Switches:
    return _Switches(
        old_matmul=_allows_tf32(_MATMUL),
        old_cudnn=_allows_tf32(_CUDNN),
        matmul=_MATMUL.fp32_precision,
        convolution=_CUDNN.conv.fp32_precision,
        autotunes=_CUDNN.benchmark,
        is_deterministic=_CUDNN.deterministic,
        threads=torch.get_num_threads(),
    )


def _switch(to: _Switches) -> None:
    """Set the switches, old ones first, because each also sets the new one."""
    with _deprecations_ignored():
        if to.old_matmul is not None:
            _MATMUL.allow_tf32 = to.old_matmul
        if to.old_cudnn is not None:
            _CUDNN.allow_tf32 = to.old_cudnn
    _MATMUL.fp32_precision = to.matmul
    _CUDNN.conv.fp32_precision = to.convolution
    _CUDNN.benchmark = to.autotunes
    _CUDNN.deterministic = to.is_deterministic
    torch.set_num_threads(to.threads)


def _allows_tf32(owner: Any) -> bool | None:
    with _deprecations_ignored():
        try:
            return bool(owner.allow_tf32)
        except RuntimeError:
            return None


@contextlib.contextmanager
def _deprecations_ignored() -> Iterator[None]:
    """Ignore the warning of torch 2.9 about its old switches."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def _text(old_switch: object) -> str:
    return _MIXED if old_switch is None else str(old_switch)


def _first_line(error: RuntimeError) -> str:
    """First line of the first error: leaving a failed capture raises another error on top."""
    first = error.__context__ if isinstance(error.__context__, RuntimeError) else error
    lines = str(first).strip().splitlines()
    return lines[0] if lines else type(first).__name__
