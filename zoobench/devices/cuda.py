"""One CUDA GPU: events for time, the caching allocator's counters for memory, the torch profiler for kernels.

The only file that names `torch.cuda`. Documentation: pytorch.org/docs/stable/cuda.html and notes/cuda.html; memory
counters are those of `torch.cuda.memory_stats`; precision switches those of notes/numerical_accuracy.html.
"""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator
from typing import Any, cast

import torch
from torch.autograd import DeviceType  # type: ignore[attr-defined]
from torch.profiler import ProfilerActivity, profile

from zoobench.cases import Case, Precision
from zoobench.devices.device import Call, Mark, PeakMemory, Result
from zoobench.devices.profiled import ProfiledOperator, profile_operators
from zoobench.records import DeviceFacts, Measurement, Unavailable

_MILLISECONDS_A_SECOND = 1e3
_MICROSECONDS_A_SECOND = 1e6
_TENSOR_FLOAT_32 = "tf32"
_IEEE_FLOAT_32 = "ieee"

# Their attributes are made at run time, which the type checker cannot see.
_MATMUL: Any = torch.backends.cuda.matmul
_CUDNN: Any = torch.backends.cudnn


class CudaDevice:
    """The GPU of that index; creating it touches no GPU."""

    def __init__(self, index: int = 0) -> None:
        self.torch_device = torch.device("cuda", index)
        self._index = index

    @property
    def name(self) -> str:
        return "cuda" if self._index == 0 else f"cuda:{self._index}"

    def facts(self) -> DeviceFacts:
        if not torch.cuda.is_available():
            reason = "this torch is built without CUDA" if torch.version.cuda is None else "torch finds no CUDA GPU"
            return DeviceFacts(name=self.name, is_available=False, reason=reason)
        if self._index >= torch.cuda.device_count():
            reason = f"there are {torch.cuda.device_count()} CUDA GPUs, counted from 0"
            return DeviceFacts(name=self.name, is_available=False, reason=reason)
        return self._facts_of_present()

    @contextlib.contextmanager
    def settings(self, case: Case) -> Iterator[None]:
        """TF32 on or off for matrix products and convolutions, cudnn's autotuner on; threads of the host."""
        before = (_MATMUL.fp32_precision, _CUDNN.conv.fp32_precision, _CUDNN.benchmark, torch.get_num_threads())
        wanted = _TENSOR_FLOAT_32 if case.precision is Precision.TF32 else _IEEE_FLOAT_32
        _switch(wanted, wanted, autotune=True, threads=case.threads)
        try:
            with torch.cuda.device(self._index):
                yield
        finally:
            _switch(before[0], before[1], autotune=before[2], threads=before[3])

    def read_settings(self) -> dict[str, str]:
        return {
            "threads": str(torch.get_num_threads()),
            "matmul_fp32_precision": str(_MATMUL.fp32_precision),
            "cudnn_fp32_precision": str(_CUDNN.conv.fp32_precision),
            "cudnn_benchmark": str(_CUDNN.benchmark),
            "cudnn_deterministic": str(_CUDNN.deterministic),
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

    def conditions(self) -> dict[str, float]:
        return {}

    def free_memory_bytes(self) -> int | None:
        free_bytes, _ = torch.cuda.mem_get_info(self._index)
        return int(free_bytes)

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

    def measure_other_memory(self) -> tuple[Result, ...]:
        reserved = Measurement(
            metric="peak_reserved",
            samples=(float(torch.cuda.max_memory_reserved(self._index)),),
            method="peak reserved by the caching allocator over one call",
        )
        return (reserved, _process_memory(self._uuid()))

    def profile_operators(self, call: Call) -> tuple[ProfiledOperator, ...]:
        """An operator's time is that of the kernels that it and its inner ones launch."""
        activities = [ProfilerActivity.CPU, ProfilerActivity.CUDA]
        return profile_operators(call, activities, lambda event: event.device_time_total)

    def measure_device_time(self, call: Call) -> Result:
        """The sum of the durations of the kernels, copies and fills of one call."""
        with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiler:
            call()
            self.wait()
        on_device = [event for event in profiler.events() or () if event.device_type == DeviceType.CUDA]
        total_us = sum(event.time_range.elapsed_us() for event in on_device if not event.is_user_annotation)
        if total_us <= 0:
            return Unavailable(metric="device_time", reason="the torch profiler saw no kernels")
        seconds = (total_us / _MICROSECONDS_A_SECOND,)
        return Measurement(metric="device_time", samples=seconds, method="torch profiler, kernels of one call")

    def _facts_of_present(self) -> DeviceFacts:
        properties = torch.cuda.get_device_properties(self._index)
        halves = (Precision.AMP_FP16, Precision.AMP_BF16, Precision.FP16, Precision.BF16)
        tensor_float = (Precision.TF32,) if properties.major >= _AMPERE else ()
        native = halves if properties.major >= _AMPERE else (Precision.AMP_FP16, Precision.FP16)
        return DeviceFacts(
            name=self.name,
            is_available=True,
            model=properties.name,
            precisions=tuple(p.value for p in (Precision.FP32, *tensor_float, *halves)),
            native_precisions=tuple(p.value for p in (Precision.FP32, *tensor_float, *native)),
            amp=Precision.AMP_FP16.value,
            facts={
                "capability": f"{properties.major}.{properties.minor}",
                "memory_bytes": str(properties.total_memory),
                "multiprocessors": str(properties.multi_processor_count),
                "cuda": str(torch.version.cuda),
                "cudnn": str(_CUDNN.version()),
            },
        )

    def _uuid(self) -> str:
        return str(torch.cuda.get_device_properties(self._index).uuid)


_AMPERE = 8
"""Major compute capability from which there is TF32 and native bf16 (CUDA programming guide, compute capabilities)."""


def _switch(matmul: str, convolution: str, *, autotune: bool, threads: int) -> None:
    _MATMUL.fp32_precision = matmul
    _CUDNN.conv.fp32_precision = convolution
    _CUDNN.benchmark = autotune
    torch.set_num_threads(threads)


def _process_memory(uuid: str) -> Result:
    """What NVML says that this process holds, the CUDA context included."""
    import pynvml  # noqa: PLC0415 - its import looks for a driver

    method = "NVML, memory of this process at the end of the measured calls"
    try:
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}".encode())
        processes = pynvml.nvmlDeviceGetComputeRunningProcesses(handle)
    except pynvml.NVMLError as error:
        return Unavailable(metric="process_memory", reason=f"NVML: {error}")
    used = next((process.usedGpuMemory for process in processes if process.pid == os.getpid()), None)
    if used is None:
        return Unavailable(metric="process_memory", reason="NVML does not list this process (as in a container)")
    return Measurement(metric="process_memory", samples=(float(used),), method=method)
