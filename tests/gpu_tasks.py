"""Tasks that break something on a GPU, in a fresh process; a `Tell` is the last argument."""

from __future__ import annotations

import torch

from zoobench.cases import Case
from zoobench.devices import CudaDevice
from zoobench.measure.messages import Emit
from zoobench.measure.worker.workload import build_workload

ELEMENTS = 2**20
SIZE_BYTES = 64 * 2**20


def capture_step(case: Case, emit: Emit) -> None:
    """Try to capture a call that may not be capturable, and make one more afterwards."""
    device = CudaDevice()
    with device.settings(case):
        workload = build_workload(case, device)
        answer = device.measure_device_time(workload.call)
        workload.call()
        device.wait()
    emit((answer, workload.model_call.is_capturable))


def fail_a_capture(emit: Emit) -> None:
    """A call that draws random numbers and reads a result back, and whether stream, generator and memory recovered."""
    device = CudaDevice()
    x = torch.ones(ELEMENTS, device="cuda")
    stream = torch.cuda.current_stream()
    answer = device.measure_device_time(lambda: torch.nn.functional.dropout(x).sum().item())
    is_on_its_stream = torch.cuda.current_stream() == stream
    kept_ratio = float(torch.nn.functional.dropout(x).count_nonzero()) / ELEMENTS
    peak = device.measure_peak_memory(lambda: torch.empty(SIZE_BYTES, dtype=torch.uint8, device="cuda"))
    emit((answer, is_on_its_stream, kept_ratio, peak.growth_bytes))
