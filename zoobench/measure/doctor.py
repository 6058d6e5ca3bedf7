"""All checks, one after the other, each in a process of its own; a check that dies is one that could not be made."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from zoobench.cases import Budget, Case
from zoobench.measure import tasks
from zoobench.measure.executor import Executor, Task
from zoobench.measure.messages import Effort, Emit, KnownFacts, WorkerResults
from zoobench.measure.replication import ONLY_LATENCY, run_task
from zoobench.measure.session import Machine
from zoobench.records import Calibration, Failure, FailureKind, Measurement, Unavailable
from zoobench.records.machine import calibration_facts
from zoobench.records.metrics import LATENCY
from zoobench.stats.calibration import findings_of

# The same case in several fresh processes, measured as a run would: what one process's median is worth.


METRIC = "repeated_latency"

LEAST_PROCESSES = 2
"""One pair: fewer say nothing of a difference."""

MOST_ROUNDS = 100
"""In a process: its median is then known better than the next process's is near, and the file stays small."""

_TIME_LIMIT_S = 60.0


def measure_replicates(executor: Executor, case: Case, effort: Effort) -> Measurement | Unavailable:
    """All samples, process after process; a block is a process. One that failed is left out, and said."""
    latencies, failures = [], []
    for _ in range(effort.processes):
        latency, failure = _measure_once(executor, case, _budget(effort))
        latencies += [latency] if latency else []
        failures += [failure] if failure else []
    if len(latencies) < LEAST_PROCESSES:
        reason = failures[-1].message if failures else "the workers sent no latency"
        return Unavailable(metric=METRIC, reason=reason)
    return Measurement(
        metric=METRIC,
        samples=tuple(sample for latency in latencies for sample in latency.samples),
        method=f"{case.id}, {len(latencies)} of {effort.processes} fresh processes, a block each",
        block_sizes=tuple(len(latency.samples) for latency in latencies),
    )


def _measure_once(executor: Executor, case: Case, budget: Budget) -> tuple[Measurement | None, Failure | None]:
    task = Task(tasks.measure_case, (case, budget, KnownFacts(metrics=ONLY_LATENCY)))
    results = run_task(executor, task, _TIME_LIMIT_S)
    if results.failures:
        return None, results.failures[-1]
    return results.measurement(LATENCY), None


def _budget(effort: Effort) -> Budget:
    """All of the time, however narrow the interval is by then: a process's median should not depend on it."""
    return Budget(
        precision_target=0.0,
        max_rounds=MOST_ROUNDS,
        min_s=effort.case_s,
        max_s=effort.case_s,
        max_warmup_s=effort.case_s / 4,
    )


TIME_LIMIT_S = 60.0
"""Of one check, its worker's start apart."""

Announce = Callable[[int, int, str], None]
"""Called before each check with its number from 1, how many there are, and its title."""


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a check brought to light."""

    measurements: tuple[Measurement, ...] = ()
    unavailable: tuple[Unavailable, ...] = ()
    facts: dict[str, str] = {}


class Check(Protocol):
    """Something that is looked into."""

    @property
    def title(self) -> str: ...

    def run(self, executor: Executor, case: Case, effort: Effort) -> CheckResult:
        """Look into it on the case's device. Every metric of the check is measured, or unavailable with a reason."""
        ...


class WorkerCheck(msgspec.Struct, frozen=True):
    """A function that runs in a worker and sends measurements, and facts as a dict."""

    title: str
    function: Callable[[str, Effort, Emit], None]
    metrics: tuple[str, ...]

    def run(self, executor: Executor, case: Case, effort: Effort) -> CheckResult:
        """What the worker sent, also if it died on the way."""
        results = run_task(executor, Task(self.function, (case.device, effort)), TIME_LIMIT_S)
        return _found(results, self.metrics, _reason(results.failures))


class ReplicateCheck(msgspec.Struct, frozen=True):
    """The same case in several processes."""

    title: str

    def run(self, executor: Executor, case: Case, effort: Effort) -> CheckResult:
        """All processes, as one measurement."""
        return _found(WorkerResults.of([measure_replicates(executor, case, effort)]), (METRIC,), "")


CHECKS: tuple[Check, ...] = (
    WorkerCheck("other load", tasks.examine_other_load, ("other_load", "load_average")),
    WorkerCheck(
        "set-up of the machine",
        tasks.examine_machine,
        ("performance_governor", "threads_a_core", "allowed_share"),
    ),
    WorkerCheck("clock", tasks.examine_timer, ("timer_resolution", "timer_cost")),
    WorkerCheck("operation of known duration", tasks.examine_known_time, ("known_time_error",)),
    WorkerCheck("call of nothing", tasks.examine_empty_round, ("round_overhead",)),
    WorkerCheck(
        "matrix product of known size",
        tasks.examine_known_work,
        ("known_macs_error", "product_rate", "thread_efficiency"),
    ),
    WorkerCheck("allocation of known size", tasks.examine_known_memory, ("known_bytes_error",)),
    WorkerCheck("page faults, heap retained", tasks.examine_retained, ("faults_retained",)),
    WorkerCheck("page faults, system's heap", tasks.examine_system, ("faults_system",)),
    WorkerCheck("steadiness of the pace", tasks.examine_steadiness, ("pace", "steal")),
    WorkerCheck("steadiness of launching", tasks.examine_launching, ("launch_pace",)),
    ReplicateCheck("the same case in several processes"),
)
"""Load first, while nothing of ours runs; what takes longest last."""


def examine(
    machine: Machine, case: Case, effort: Effort, announce: Announce, checks: tuple[Check, ...] = CHECKS
) -> Calibration:
    """Make every check on the case's device; the case itself is the one measured again and again.

    Raises: BadInputError for a device that this machine lacks.
    """
    device = machine.device(case.device)
    made_at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    found = []
    for number, check in enumerate(checks, start=1):
        announce(number, len(checks), check.title)
        found.append(check.run(machine.executor, case, effort))
    measurements = tuple(measurement for part in found for measurement in part.measurements)
    of_machine = {name: text for part in found for name, text in part.facts.items()}
    return Calibration(
        made_at=made_at,
        facts=calibration_facts(machine.environment)
        | {"device": device.name, "device_model": device.model}
        | of_machine,
        measurements=measurements,
        unavailable=tuple(unavailable for part in found for unavailable in part.unavailable),
        findings=findings_of(measurements),
    )


def _found(results: WorkerResults, metrics: tuple[str, ...], reason: str) -> CheckResult:
    lost = tuple(Unavailable(metric=metric, reason=reason) for metric in metrics if metric not in results.metrics)
    return CheckResult(
        measurements=tuple(results.measurements),
        unavailable=(*results.unavailable, *lost),
        facts=results.facts,
    )


def _reason(failures: Sequence[Failure]) -> str:
    if not failures:
        return "the check did not say"
    if failures[-1].kind is FailureKind.TIMEOUT:
        return f"no end within {TIME_LIMIT_S:g} s"
    return failures[-1].message
