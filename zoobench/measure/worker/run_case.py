"""One case from start to end: build its workload, run the probes, send each result as soon as there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from zoobench.cases import Allocator, Budget, Case
from zoobench.devices import Device, get_device, host_memory
from zoobench.devices.device import BUILD, failure_of
from zoobench.measure.messages import Emit, InCalls, KnownFacts, Settings, Step, WorkerMessage
from zoobench.measure.worker.probes import all_probes
from zoobench.measure.worker.probes.probe import ProbeState
from zoobench.measure.worker.side_effects import kept_settings
from zoobench.measure.worker.workload import build_workload
from zoobench.records import Finding, Severity
from zoobench.stats.findings import judge_device


def measure(case: Case, budget: Budget, known: KnownFacts, emit: Emit) -> None:
    """Measure one case in this process and send every result through `emit`.

    Probes whose metrics are all known are left out. Whatever goes wrong is sent as a `Failure`: this is
    the case boundary, the only place that catches everything.
    """
    step = Step(BUILD)

    def enter(name: str) -> None:
        nonlocal step
        step = Step(name)
        emit(step)

    progress = ProbeState(known_reference_s=known.reference_s)
    try:
        _measure(case, budget, known.metrics, enter=enter, emit=emit, progress=progress)
    except Exception as error:  # noqa: BLE001 - the case boundary
        emit(failure_of(error, step.name))
    emit(InCalls(progress.in_calls_s))


def _measure(
    case: Case,
    budget: Budget,
    known_metrics: frozenset[str],
    *,
    enter: Callable[[str], None],
    emit: Emit,
    progress: ProbeState,
) -> None:
    device = get_device(case.device)
    enter(BUILD)
    with device.settings(case), kept_settings(case, device) as put_back:
        workload = build_workload(case, device)
        _emit_all(put_back(), emit)
        emit(Settings({**device.read_settings(), **workload.read_settings()}))
        _emit_all(_judge_settings(case, device), emit)
        for probe in all_probes():
            if probe.is_wanted(budget, known_metrics):
                enter(probe.name)
                _emit_all(probe.measure(workload, budget, progress), emit)
                _emit_all(put_back(), emit)


def _emit_all(parts: Iterable[WorkerMessage], emit: Emit) -> None:
    for part in parts:
        emit(part)


def _judge_settings(case: Case, device: Device) -> list[Finding]:
    native = device.facts().native_precisions
    findings = list(judge_device(case, is_native=case.precision.value in native))
    if case.allocator is Allocator.RETAINED and not host_memory.can_retain():
        findings.append(Finding(code="not-retained", severity=Severity.WARNING))
    return findings
