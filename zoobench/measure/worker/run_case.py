"""One case from start to end: build its subject, run the probes, tell each result as soon as there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from zoobench.cases import Allocator, Budget, Case
from zoobench.devices import Device, get_device, host_memory
from zoobench.devices.failures import BUILD, failure_of
from zoobench.measure.messages import InCalls, Known, Part, Settings, Step, Tell
from zoobench.measure.worker.probes import all_probes
from zoobench.measure.worker.probes.probe import Progress
from zoobench.measure.worker.side_effects import kept_settings
from zoobench.measure.worker.workload import build_subject
from zoobench.records import Finding, Severity
from zoobench.stats.findings import judge_device


def measure(case: Case, budget: Budget, known: Known, tell: Tell) -> None:
    """Measure one case in this process and tell every part of the result through `tell`.

    Probes whose metrics are all known are left out. Whatever goes wrong is told as a `Failure`: this is
    the case boundary, the only place that catches everything.
    """
    step = Step(BUILD)

    def enter(name: str) -> None:
        nonlocal step
        step = Step(name)
        tell(step)

    progress = Progress(known_reference_s=known.reference_s)
    try:
        _measure(case, budget, known.metrics, enter=enter, tell=tell, progress=progress)
    except Exception as error:  # noqa: BLE001 - the case boundary
        tell(failure_of(error, step.name))
    tell(InCalls(progress.in_calls_s))


def _measure(
    case: Case,
    budget: Budget,
    known_metrics: frozenset[str],
    *,
    enter: Callable[[str], None],
    tell: Tell,
    progress: Progress,
) -> None:
    device = get_device(case.device)
    enter(BUILD)
    with device.settings(case), kept_settings(case, device) as put_back:
        subject = build_subject(case, device)
        _tell_all(put_back(), tell)
        tell(Settings({**device.read_settings(), **subject.read_settings()}))
        _tell_all(_judge_settings(case, device), tell)
        for probe in all_probes():
            if probe.is_wanted(budget, known_metrics):
                enter(probe.name)
                _tell_all(probe.measure(subject, budget, progress), tell)
                _tell_all(put_back(), tell)


def _tell_all(parts: Iterable[Part], tell: Tell) -> None:
    for part in parts:
        tell(part)


def _judge_settings(case: Case, device: Device) -> list[Finding]:
    native = device.facts().native_precisions
    findings = list(judge_device(case, is_native=case.precision.value in native))
    if case.allocator is Allocator.RETAINED and not host_memory.can_retain():
        findings.append(Finding(code="not-retained", severity=Severity.WARNING))
    return findings
