"""Page faults of a call with the heap retained, and with the system's. Each in a process of its own.

glibc's own adaptation of its thresholds ends with the first setting of them, so one process cannot show both.
"""

from __future__ import annotations

from zoobench.cases import Allocator
from zoobench.devices import Device, Result, heap
from zoobench.doctor.effort import Effort
from zoobench.doctor.example import example_case
from zoobench.doctor.surroundings import as_in_a_case, covariates_of, rounds_for
from zoobench.isolate import Tell
from zoobench.records import Measurement, Unavailable
from zoobench.subject import build_subject

BATCH = 4
"""Pictures, whose first maps are 12 MiB: more than glibc keeps of freed memory by default."""

SETTLING_ROUNDS = 8
"""A retained heap grows for two to five calls: threads that take turns differently need a little more of it."""

METRICS = {Allocator.RETAINED: "faults_retained", Allocator.SYSTEM: "faults_system"}


def examine_retained(device_name: str, effort: Effort, tell: Tell) -> None:
    """Tell `faults_retained`."""
    tell(measure_paging(device_name, Allocator.RETAINED, effort.paging_s))


def examine_system(device_name: str, effort: Effort, tell: Tell) -> None:
    """Tell `faults_system`."""
    tell(measure_paging(device_name, Allocator.SYSTEM, effort.paging_s))


def measure_paging(device_name: str, allocator: Allocator, seconds: float) -> Result:
    """Page faults of each call of the example, and what the call took."""
    case = example_case(device_name, batch=BATCH, allocator=allocator)
    with as_in_a_case(case) as device:
        reason = _obstacle(device, allocator)
        if reason:
            return Unavailable(metric=METRICS[allocator], reason=reason)
        call = build_subject(case, device).call
        rounds = rounds_for(seconds, call, device, warm_up_rounds=SETTLING_ROUNDS)
    covariates = covariates_of(rounds)
    faults = covariates.pop("page_faults")
    times = {"call_s": tuple(r.device_s for r in rounds)}
    method = f"{case.model.name} at batch {BATCH}, getrusage(2) around each call"
    return Measurement(metric=METRICS[allocator], samples=faults, method=method, covariates={**covariates, **times})


def _obstacle(device: Device, allocator: Allocator) -> str:
    if device.has_own_timeline():
        return "the memory of calls is the device's own, not the heap's"
    if allocator is Allocator.RETAINED and not heap.can_retain():
        return "the C library is not glibc, the only one known to keep its heap when told to"
    return ""
