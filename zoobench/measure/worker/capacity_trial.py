"""One trial, inside its process: the case's model, one call at the batch in question, and what that took."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import torch

from zoobench.cases import Allocator, Budget, Case, Mode, format_bytes
from zoobench.counting import UncountableError
from zoobench.devices import get_device, host_memory
from zoobench.devices.device import BUILD, failure_of
from zoobench.measure.messages import PEAK, TRIAL, Emit, FreeMemory, Step
from zoobench.measure.worker.prediction import predict_peak
from zoobench.measure.worker.probes.memory import backend_of, measure_memory
from zoobench.measure.worker.probes.probe import ProbeState
from zoobench.measure.worker.workload import Workload, build_workload, with_batch
from zoobench.records import Unavailable

SAFE_SHARE = 0.95
"""Of the host's available memory: a call on the CPU whose worker needs more is not made. The kernel would not refuse
it, but end some process when the pages are touched, and not always this one."""


def emit_free_memory(device: str, emit: Emit) -> None:
    """Send the bytes that a call on the device may be given; None where they are not known."""
    emit(FreeMemory(get_device(device).free_memory_bytes()))


def try_batch(case: Case, limit_bytes: int, most_bytes: int | None, emit: Emit) -> None:
    """Make one call of the case and send `peak_allocated`, or why there is none.

    `most_bytes` is what the call needs at most, where that is known from smaller batches. Whatever goes wrong is sent
    as a `Failure`: this is the boundary of a trial, as `zoobench.measure.worker.run_case` is that of a case.
    """
    step = Step(BUILD)

    def enter(name: str) -> None:
        nonlocal step
        step = Step(name)
        emit(step)

    try:
        _try(case, limit_bytes, most_bytes, enter, emit)
    except Exception as error:  # noqa: BLE001 - the boundary of a trial
        emit(failure_of(error, step.name))


def _try(case: Case, limit_bytes: int, most_bytes: int | None, enter: Callable[[str], None], emit: Emit) -> None:
    """With a heap that gives back what is freed, whatever the case's is.

    It changes no count, and a kept one takes up to three times what its tensors do.
    """
    device = get_device(case.device)
    enter(BUILD)
    with device.settings(msgspec.structs.replace(case, allocator=Allocator.SYSTEM)):
        single = build_workload(msgspec.structs.replace(case, batch=1), device)
        reason = _too_heavy(single, limit_bytes) or _unsafe(single, case.batch, most_bytes)
        if reason:
            emit(Unavailable(metric=PEAK, reason=reason))
            return
        enter(TRIAL)
        workload = with_batch(single, case.batch)
        if _differs_in_its_first_call(workload):
            workload.call()
            device.wait()
        for part in measure_memory(workload, Budget(), ProbeState()):
            emit(part)


def _differs_in_its_first_call(workload: Workload) -> bool:
    """A first step makes the optimizer's state, which later ones hold; a GPU's first call chooses its algorithms."""
    return workload.case.mode is Mode.TRAIN or workload.device.has_own_timeline()


def _too_heavy(single: Workload, limit_bytes: int) -> str:
    weights_bytes = single.weights_bytes()
    if weights_bytes <= limit_bytes:
        return ""
    return (
        f"was not tried: the weights alone need {format_bytes(weights_bytes)}, the limit is {format_bytes(limit_bytes)}"
    )


def _unsafe(single: Workload, batch: int, most_bytes: int | None) -> str:
    """Why the call would endanger the machine, if it would. What has memory of its own refuses by itself."""
    if single.device.torch_device.type != "cpu":
        return ""
    available_bytes = host_memory.available_bytes()
    safe_bytes = SAFE_SHARE * available_bytes - host_memory.WORKER_BYTES
    if most_bytes is not None and most_bytes <= safe_bytes:
        return ""
    needed_bytes = _predicted_bytes(single, batch) or most_bytes
    if needed_bytes is None or needed_bytes <= safe_bytes:
        return ""
    free = format_bytes(available_bytes)
    return f"was not tried: it is predicted to need {format_bytes(needed_bytes)}, the machine has {free} free"


def _predicted_bytes(single: Workload, batch: int) -> int | None:
    """The call's peak as its shapes predict it; None where they cannot."""
    case = single.case
    images = torch.empty((batch, *single.images.shape[1:]), dtype=single.images.dtype, device="meta")
    try:
        return predict_peak(
            single.module,
            images,
            mode=case.mode,
            precision=case.precision,
            device=single.device.torch_device,
            backend=backend_of(single),
        ).total_bytes
    except UncountableError:
        return None
