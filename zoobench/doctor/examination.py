"""All checks, one after the other, each in a process of its own; a check that dies is one that could not be made."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec

from zoobench import calibration
from zoobench.cases import Case
from zoobench.doctor.effort import Effort
from zoobench.doctor.replicates import METRIC as REPEATED_LATENCY
from zoobench.doctor.replicates import measure_replicates
from zoobench.isolate import Executor, Task
from zoobench.records import Calibration, Failure, FailureKind, Measurement, Unavailable
from zoobench.session import Lab

TIME_LIMIT_S = 60.0
"""Of one check, its worker's start apart."""

Announce = Callable[[int, int, str], None]
"""Told before each check: its number from 1, how many there are, and its title."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a check brought to light."""

    measurements: tuple[Measurement, ...] = ()
    unavailable: tuple[Unavailable, ...] = ()
    facts: dict[str, str] = {}


class Check(Protocol):
    """Something that is looked into."""

    @property
    def title(self) -> str: ...

    def run(self, executor: Executor, case: Case, effort: Effort) -> Found:
        """Look into it on the case's device. Every metric of the check is measured, or unavailable with a reason."""
        ...


class WorkerCheck(msgspec.Struct, frozen=True):
    """A function in a worker, `module:function` of this room, which tells measurements, and facts as a dict."""

    title: str
    function: str
    metrics: tuple[str, ...]

    def run(self, executor: Executor, case: Case, effort: Effort) -> Found:
        """What the worker told, also if it died on the way."""
        told: list[object] = []
        task = Task(f"zoobench.doctor.{self.function}", (case.device, effort))
        failure = executor.run(task, told.append, TIME_LIMIT_S)
        return _found(told, self.metrics, _reason(failure))


class ReplicateCheck(msgspec.Struct, frozen=True):
    """The same case in several processes."""

    title: str

    def run(self, executor: Executor, case: Case, effort: Effort) -> Found:
        """All processes, as one measurement."""
        return _found([measure_replicates(executor, case, effort)], (REPEATED_LATENCY,), "")


CHECKS: tuple[Check, ...] = (
    WorkerCheck("other load", "other_load:examine_other_load", ("other_load", "load_average")),
    WorkerCheck(
        "set-up of the machine",
        "machine:examine_machine",
        ("performance_governor", "threads_a_core", "allowed_share"),
    ),
    WorkerCheck("clock", "timer:examine_timer", ("timer_resolution", "timer_cost")),
    WorkerCheck("operation of known duration", "known_time:examine_known_time", ("known_time_error",)),
    WorkerCheck("call of nothing", "empty_round:examine_empty_round", ("round_overhead",)),
    WorkerCheck(
        "matrix product of known size",
        "known_work:examine_known_work",
        ("known_macs_error", "product_rate", "thread_efficiency"),
    ),
    WorkerCheck("allocation of known size", "known_memory:examine_known_memory", ("known_bytes_error",)),
    WorkerCheck("page faults, heap retained", "paging:examine_retained", ("faults_retained",)),
    WorkerCheck("page faults, system's heap", "paging:examine_system", ("faults_system",)),
    WorkerCheck("steadiness of the pace", "steadiness:examine_steadiness", ("pace", "steal")),
    WorkerCheck("steadiness of launching", "launching:examine_launching", ("launch_pace",)),
    ReplicateCheck("the same case in several processes"),
)
"""Load first, while nothing of ours runs; what takes longest last."""


def examine(
    lab: Lab, case: Case, effort: Effort, announce: Announce, checks: tuple[Check, ...] = CHECKS
) -> Calibration:
    """Make every check on the case's device; the case itself is the one measured again and again.

    Raises: BadInputError for a device that this machine lacks.
    """
    device = lab.device(case.device)
    made_at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    found = []
    for number, check in enumerate(checks, start=1):
        announce(number, len(checks), check.title)
        found.append(check.run(lab.executor, case, effort))
    measurements = tuple(measurement for part in found for measurement in part.measurements)
    of_machine = {name: text for part in found for name, text in part.facts.items()}
    return Calibration(
        made_at=made_at,
        facts=calibration.facts_of(lab.environment)
        | {"device": device.name, "device_model": device.model}
        | of_machine,
        measurements=measurements,
        unavailable=tuple(unavailable for part in found for unavailable in part.unavailable),
        findings=calibration.findings_of(measurements),
    )


def _found(told: Iterable[object], metrics: tuple[str, ...], reason: str) -> Found:
    measurements = tuple(part for part in told if isinstance(part, Measurement))
    unavailable = tuple(part for part in told if isinstance(part, Unavailable))
    known = {part.metric for part in measurements} | {part.metric for part in unavailable}
    lost = tuple(Unavailable(metric=metric, reason=reason) for metric in metrics if metric not in known)
    facts = {name: text for part in told if isinstance(part, dict) for name, text in part.items()}
    return Found(measurements=measurements, unavailable=(*unavailable, *lost), facts=facts)


def _reason(failure: Failure | None) -> str:
    if failure is None:
        return "the check did not say"
    if failure.kind is FailureKind.TIMEOUT:
        return f"no end within {TIME_LIMIT_S:g} s"
    return failure.message
