"""One CUDA GPU: events for time, the caching allocator's counters for memory, graphs or the profiler for kernels.

The only file that names `torch.cuda`. Documentation: pytorch.org/docs/stable/cuda.html and notes/cuda.html; memory
counters are those of `torch.cuda.memory_stats`; precision switches those of notes/numerical_accuracy.html; graphs are
captured as notes/cuda.html#cuda-graphs asks.
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
from zoobench.devices.speed_probe import Launches, Reference
from zoobench.records import Measurement, MetricResult, Unavailable

_MILLISECONDS_A_SECOND = 1e3
_MICROSECONDS_A_SECOND = 1e6
_TENSOR_FLOAT_32 = "tf32"
_IEEE_FLOAT_32 = "ieee"
_MIXED = "mixed"

_WARM_UP_CALLS = 3
"""Before a capture, on its stream (notes/cuda.html, whole-network capture): autotuning, workspaces, lazy set-up."""

_CALIBRATION_CYCLES = 20_000_000
"""Ten milliseconds and more on any GPU: long against a launch, and short for whoever waits."""

_REPLAY_SAMPLES = 6
_REPLAY_SAMPLE_S = 0.05
_MAX_REPLAYS = 100

# Their attributes are made at run time, which the type checker cannot see.
_MATMUL: Any = torch.backends.cuda.matmul
_CUDNN: Any = torch.backends.cudnn


class CudaDevice:
    """The GPU of that index; creating it touches no GPU."""

    def __init__(self, index: int = 0) -> None:
        self.torch_device = torch.device("cuda", index)
        self._index = index
        self._nvml = Nvml(self._uuid)
        self._reference = Reference(Launches())
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
        """TF32 on or off for matrix products and convolutions; cudnn autotuned, free to choose; the host's threads."""
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
        """All that chooses between kernels. Those of autocast and of loss scaling are read from the call."""
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
        """From cudaEventElapsedTime, whose resolution is about half a microsecond."""
        milliseconds = cast("Any", start).elapsed_time(cast("Any", end))
        return float(milliseconds) / _MILLISECONDS_A_SECOND

    def has_own_timeline(self) -> bool:
        return True

    def why_no_conditions(self) -> str:
        return self._nvml.why_incomplete()

    def conditions(self) -> dict[str, float]:
        """NVML's, and the pace of launching: most calls at small batches take what the host takes to launch them."""
        return {**self._nvml.conditions(), REFERENCE: self._reference.read_s()}

    def free_memory_bytes(self) -> int:
        """What the driver has left (cudaMemGetInfo), and what the caching allocator holds without using it."""
        free_bytes, _ = torch.cuda.mem_get_info(self._index)
        return free_bytes + torch.cuda.memory_reserved(self._index) - torch.cuda.memory_allocated(self._index)

    def allocated_bytes(self) -> int | None:
        return int(torch.cuda.memory_allocated(self._index))

    def measure_peak_memory(self, call: Call) -> PeakMemory:
        """From the caching allocator's counters, reset before the call."""
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
            method="peak reserved by the caching allocator since the call that was watched began",
        )
        return (reserved, self._nvml.process_memory())

    def profile_operators(self, call: Call) -> tuple[ProfiledOperator, ...]:
        """An operator's time is that of the kernels that it and its inner ones launch."""
        activities = [ProfilerActivity.CPU, ProfilerActivity.CUDA]
        return profile_operators(call, activities, lambda event: event.device_time_total)

    def keep_busy(self, seconds: float) -> float:
        """Queue a kernel that waits for cycles of the processor's clock; the seconds that takes, by the host's clock.

        The rate of cycles is found once, from how much longer twice as many take, so that launching cancels.
        """
        if self._cycles_a_second is None:
            self._busy_s(_CALIBRATION_CYCLES)  # the clock comes up
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
        """By replays of a CUDA graph of the call; where there can be none, the sum of the call's kernels."""
        if not is_capturable:
            return self._sum_of_kernels(call, "the call reads a result back")
        try:
            if not self._failed_capture:
                with self._captured(call) as graph:
                    return self._replayed(graph)
        except RuntimeError as error:  # as are torch.OutOfMemoryError, torch.AcceleratorError and what dynamo raises
            self._failed_capture = _first_line(error)
        return self._sum_of_kernels(call, self._failed_capture)

    @contextlib.contextmanager
    def _captured(self, call: Call) -> Iterator[torch.cuda.CUDAGraph]:
        """A CUDA graph of the call, deleted at the end.

        A capture that fails may leave its stream current, because `torch.cuda.graph` does not leave the stream when
        `capture_end` raises, and the random generator waiting for its end, which fails the next dropout. Hence the
        outer stream, and a copy of the generator's state to put in the place of the one that took part. The allocator
        may go on asking the graph whether it is being captured (ATen/cuda/CUDAGraph.cpp, `capture_end`), which no API
        undoes: such a graph lives on, and there is no other capture.
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
        """A few calls on the stream of the capture, whose handles and workspaces are its own."""
        current = torch.cuda.current_stream(self._index)
        stream.wait_stream(current)
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP_CALLS):
                call()
        current.wait_stream(stream)
        self.wait()

    def _replayed(self, graph: torch.cuda.CUDAGraph) -> Measurement:
        """Replays back to back, so that the host's time to launch one passes while the device is at the one before."""
        interval_s(self, graph.replay, 1)  # the first launch also uploads the graph
        once_s = interval_s(self, graph.replay, 1)
        calls = calls_of(once_s, _REPLAY_SAMPLE_S, least=1, most=_MAX_REPLAYS)
        count = _REPLAY_SAMPLES if once_s <= _REPLAY_SAMPLE_S else 1
        samples = tuple(interval_s(self, graph.replay, calls) for _ in range(count))
        method = "CUDA graph of one call, replayed back to back"
        return Measurement(metric="device_time", samples=samples, method=method, calls_per_sample=calls)

    def _sum_of_kernels(self, call: Call, why_no_graph: str) -> MetricResult:
        """The durations of the kernels, copies and fills of one call."""
        with profiling([ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiler:
            call()
            self.wait()
        on_device = [event for event in profiler.events() or () if event.device_type == DeviceType.CUDA]
        total_us = sum(event.time_range.elapsed_us() for event in on_device if not event.is_user_annotation)
        if total_us <= 0:
            reason = f"no CUDA graph: {why_no_graph}; and the torch profiler saw no kernels"
            return Unavailable(metric="device_time", reason=reason)
        seconds = (total_us / _MICROSECONDS_A_SECOND,)
        method = f"torch profiler, kernels of one call; no CUDA graph: {why_no_graph}"
        return Measurement(metric="device_time", samples=seconds, method=method)

    def _why_absent(self) -> str:
        """Empty where the GPU is there."""
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
"""Those whose capture failed, kept from being deleted while the allocator may still refer to them."""

_AMPERE = 8
"""Major compute capability from which there is TF32 and native bf16 (CUDA programming guide, compute capabilities)."""


class _Switches(msgspec.Struct, frozen=True, kw_only=True):
    """Process-wide switches that a case sets.

    torch has an old switch and a new one for TF32 and raises where the old one is read while the two disagree
    (ATen/Context.cpp, allowTF32CuBLAS). torch.compile still reads the old one, so both are set, and alike. An old
    switch that cannot be read is None: whoever mixed the two is not helped by setting it.
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
    """The old ones first: each also sets the new one to what it means."""
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
    """Torch 2.9 warns once of its old switches."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def _text(old_switch: object) -> str:
    return _MIXED if old_switch is None else str(old_switch)


def _first_line(error: RuntimeError) -> str:
    """Of what went wrong first: leaving a broken capture raises another error on top."""
    first = error.__context__ if isinstance(error.__context__, RuntimeError) else error
    lines = str(first).strip().splitlines()
    return lines[0] if lines else type(first).__name__
