"""Page faults of a call with the heap retained, and with the system's. Each in a process of its own.

glibc's own adaptation of its thresholds ends with the first setting of them, so one process cannot show both.
"""

from __future__ import annotations

import torch

from zoobench.cases import Allocator
from zoobench.devices import Device, host_memory
from zoobench.measure.messages import Effort, Emit, example_case
from zoobench.measure.worker.checks import as_in_a_case, covariates_of, rounds_for
from zoobench.measure.worker.workload import build_workload
from zoobench.records import Measurement, MetricResult, Unavailable

# An allocation of known size, as the device's own measure of peak memory sees it.


SIZES_BYTES = (2**20, 2**24, 2**26)
"""Multiples of 2 MiB, or a power of two below: no allocator rounds them up (CUDA's rounds to 512 bytes)."""


def examine_known_memory(device_name: str, _effort: Effort, emit: Emit) -> None:
    """Send `known_bytes_error`."""
    with as_in_a_case(example_case(device_name)) as device:
        emit(measure_known_memory(device))


def measure_known_memory(device: Device) -> Measurement:
    """The bytes that the device saw over those that were taken, less 1, for each size."""
    return Measurement(
        metric="known_bytes_error",
        samples=tuple(_seen_bytes(device, size) / size - 1 for size in SIZES_BYTES),
        method=f"peak memory of an allocation of {', '.join(f'{size / 2**20:.0f}' for size in SIZES_BYTES)} MiB",
    )


def _seen_bytes(device: Device, size_bytes: int) -> int:
    def allocate() -> None:
        torch.empty(size_bytes, dtype=torch.uint8, device=device.torch_device)

    return device.measure_peak_memory(allocate).growth_bytes


BATCH = 4
"""Images, whose first maps are 12 MiB: more than glibc keeps of freed memory by default."""

SETTLING_ROUNDS = 8
"""A retained heap grows for two to five calls: threads that take turns differently need a little more of it."""

METRICS = {Allocator.RETAINED: "faults_retained", Allocator.SYSTEM: "faults_system"}


def examine_retained(device_name: str, effort: Effort, emit: Emit) -> None:
    """Send `faults_retained`."""
    emit(measure_paging(device_name, Allocator.RETAINED, effort.paging_s))


def examine_system(device_name: str, effort: Effort, emit: Emit) -> None:
    """Send `faults_system`."""
    emit(measure_paging(device_name, Allocator.SYSTEM, effort.paging_s))


def measure_paging(device_name: str, allocator: Allocator, seconds: float) -> MetricResult:
    """Page faults of each call of the example, and what the call took."""
    case = example_case(device_name, batch=BATCH, allocator=allocator)
    with as_in_a_case(case) as device:
        reason = _obstacle(device, allocator)
        if reason:
            return Unavailable(metric=METRICS[allocator], reason=reason)
        call = build_workload(case, device).call
        rounds = rounds_for(seconds, call, device, warm_up_rounds=SETTLING_ROUNDS)
    covariates = covariates_of(rounds)
    faults = covariates.pop("page_faults")
    times = {"call_s": tuple(r.device_s for r in rounds)}
    method = f"{case.model.name} at batch {BATCH}, getrusage(2) around each call"
    return Measurement(metric=METRICS[allocator], samples=faults, method=method, covariates={**covariates, **times})


def _obstacle(device: Device, allocator: Allocator) -> str:
    if device.has_own_timeline():
        return "the memory of calls is the device's own, not the heap's"
    if allocator is Allocator.RETAINED and not host_memory.can_retain():
        return "the C library is not glibc, the only one known to keep its heap when told to"
    return ""
