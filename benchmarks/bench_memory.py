"""How far the predicted peak memory is from the allocator's own events. Prints figures, judges nothing.

python benchmarks/bench_memory.py [MODEL…] [--batch N] [--threads N] [--precision P]

Each model is built once a mode; a call warms up, and the next one's allocations are watched by the torch profiler.
"""

from __future__ import annotations

import argparse
import gc
import time

import torch

from zoobench.cases import Case, Mode, Precision, catalogue
from zoobench.counting.memory import Peak, cpu_onednn
from zoobench.devices import CpuDevice
from zoobench.measure.worker.prediction import predict_peak
from zoobench.measure.worker.workload import build_workload

MODELS = (
    "lenet5",
    "squeezenet1_1",
    "mobilenet_v2",
    "resnet18",
    "densenet161",
    "shufflenet_v2_x1_0",
    "mnasnet1_0",
    "googlenet",
)
MIB = 2**20


def main() -> None:
    """Print a row for each model and mode, then the worst of each mode."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--precision", type=Precision, default=Precision.FP32)
    parser.add_argument("--modes", nargs="*", type=Mode, default=list(Mode))
    asked = parser.parse_args()
    print("model                 mode   predicted MiB  tensors alone MiB  allocator MiB  error %  tensors' %    s")
    worst: dict[Mode, tuple[float, str]] = {}
    for mode in asked.modes:
        for name in asked.models:
            entry = catalogue.find(name)
            case = Case(
                model=entry.ref,
                mode=mode,
                batch=asked.batch,
                image_size=entry.image_size,
                precision=asked.precision,
                device="cpu",
                threads=asked.threads,
            )
            error = _compare(case)
            worst[mode] = max(worst.get(mode, (0.0, "")), (abs(error), name))
    for mode, (error, name) in worst.items():
        print(f"worst, {mode.value}: {100 * error:.2f} % ({name})")


def _compare(case: Case) -> float:
    """Print one row; the error of the prediction."""
    device = CpuDevice()
    with device.settings(case):
        workload = build_workload(case, device)
        began = time.perf_counter()
        peak = predict_peak(
            workload.module,
            workload.images,
            mode=case.mode,
            precision=case.precision,
            backend=cpu_onednn(threads=case.threads),
        )
        took_s = time.perf_counter() - began
        workload.call()
        measured_bytes = workload.held_bytes() + device.measure_peak_memory(workload.call).growth_bytes
    del workload
    gc.collect()
    _print_row(case, peak, measured_bytes, took_s)
    return peak.total_bytes / measured_bytes - 1


def _print_row(case: Case, peak: Peak, measured_bytes: int, took_s: float) -> None:
    tensors_bytes = peak.total_bytes - peak.workspace_bytes
    print(
        f"{case.model.name:20}  {case.mode.value:5}  {peak.total_bytes / MIB:13.1f}  {tensors_bytes / MIB:17.1f}"
        f"  {measured_bytes / MIB:13.1f}  {100 * (peak.total_bytes / measured_bytes - 1):+7.2f}"
        f"  {100 * (tensors_bytes / measured_bytes - 1):+10.2f}  {took_s:.2f}"
        f"  {peak.operator} in {peak.path or 'no layer'}",
        flush=True,
    )


if __name__ == "__main__":
    main()
