"""A run from its first case to its last: what to measure is asked once, each result is on the disk before the next.

It knows neither pytest nor the terminal, and imports no torch: that is in the workers.
"""

from __future__ import annotations

import datetime as dt
import functools
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Unpack

import msgspec

from zoobench.cases import (
    BadInputError,
    Budget,
    Case,
    CaseAxes,
    DeviceFacts,
    ImageSize,
    Mode,
    ModelRef,
    Precision,
    ZoobenchError,
    catalogue,
    format_seconds,
)
from zoobench.cases.options import parse_case
from zoobench.measure import tasks
from zoobench.measure.executor import Executor, ForkedWorkers, InProcess, Task
from zoobench.measure.messages import KnownFacts, WorkerResults, assemble
from zoobench.measure.replication import replicate, run_task
from zoobench.records import (
    CaseRecord,
    Environment,
    Failure,
    FailureKind,
    Measurement,
    RunRecord,
    Unavailable,
    metrics,
    store,
)
from zoobench.records.machine import attach

# What a case will cost, from the cases of the same model that are measured already.
#
# A case whose single call is forecast to take longer than its whole budget is not begun: on a processor without bf16
# instructions one training step of a large net takes minutes.


STEP_PER_FORWARD_RATIO = 3.0
"""A training step is a forward pass and a backward pass of about twice its multiply-accumulates."""

_COST = {Mode.INFER: 1.0, Mode.TRAIN: STEP_PER_FORWARD_RATIO}


def forecast_call_s(case: Case, finished: Iterable[CaseRecord]) -> float | None:
    """Seconds of one call: in proportion to the batch and the mode of the nearest finished case, None without one."""
    alike = [record for record in finished if _differs_only_in_work(record.case, case) and _latency_s(record)]
    if not alike:
        return None
    nearest = _nearest(case, alike)
    return (_latency_s(nearest) or 0.0) * _work(case) / _work(nearest.case)


def refuse(case: Case, budget: Budget, finished: Iterable[CaseRecord]) -> Failure | None:
    """The reason not to begin the case, if there is one."""
    call_s = forecast_call_s(case, finished)
    if call_s is None or call_s <= budget.max_s or not budget.max_rounds:
        return None
    message = (
        f"not begun: a call is forecast to take {format_seconds(call_s)}, "
        f"the budget is {format_seconds(budget.max_s)}; --zoobench-max-seconds raises it"
    )
    return Failure(kind=FailureKind.OVER_BUDGET, message=message, where="forecast")


def _nearest(case: Case, alike: Iterable[CaseRecord]) -> CaseRecord:
    """The largest that is no larger than the case; the smallest if all are larger."""
    by_work = sorted(alike, key=lambda record: _work(record.case))
    return next((record for record in reversed(by_work) if _work(record.case) <= _work(case)), by_work[0])


def _differs_only_in_work(finished: Case, case: Case) -> bool:
    return msgspec.structs.replace(finished, mode=case.mode, batch=case.batch) == case


def _work(case: Case) -> float:
    return case.batch * _COST[case.mode]


def _latency_s(record: CaseRecord) -> float | None:
    """The shortest: what a disturbance adds is not the case's cost, and must not keep another from being tried."""
    latency = record.measurement("latency")
    return None if latency is None else min(latency.samples)


_ENVIRONMENT_LIMIT_S = 120.0

_PACE_CASES = 20
"""The quietest of so many cases before stands for the machine; what a cold processor could do at first is forgotten."""

MUST_AGREE = (
    ("host", "processor"),
    ("software", "torch"),
    ("software", "torchvision"),
    ("settings", "instruction_set"),
)
"""Facts without which cases do not belong into one run."""


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """A place to measure: an executor, and what it found out about the machine."""

    executor: Executor
    environment: Environment

    def device(self, name: str) -> DeviceFacts:
        """Facts of a device that this machine has; `cuda:0` is `cuda`.

        Raises: BadInputError for one that it lacks.
        """
        for facts in self.environment.devices:
            if facts.name in (name, name.removesuffix(":0")):
                if facts.is_available:
                    return facts
                raise BadInputError(f"device {name!r} is not available here: {facts.reason}")
        known = ", ".join(facts.name for facts in self.environment.devices)
        raise BadInputError(f"unknown device {name!r}: known are {known}")

    def preferred_device(self) -> str:
        """What `auto` stands for: cuda where there is one."""
        has_cuda = any(facts.name == "cuda" and facts.is_available for facts in self.environment.devices)
        return "cuda" if has_cuda else "cpu"

    def calibrated(self, results: Path) -> tuple[Machine, tuple[str, ...]]:
        """This machine with the calibration of that folder (`zoobench doctor`), or a note that there is none."""
        environment, notes = attach(self.environment, results)
        return msgspec.structs.replace(self, environment=environment), notes


def open_machine(executor: Executor, *, device: str) -> Machine:
    """Find out where we are.

    Raises: ZoobenchError if the worker cannot even say that.
    """
    extra = (device,) if ":" in device else ()
    results = run_task(executor, Task(tasks.collect_environment, (str(Path.cwd()), extra)), _ENVIRONMENT_LIMIT_S)
    if results.environment is None:
        reason = results.failures[-1].message if results.failures else "it sent nothing"
        raise ZoobenchError(f"the first worker could not describe this machine: {reason}")
    return Machine(executor=executor, environment=results.environment)


def check_case(case: Case, device: DeviceFacts) -> None:
    """Raises: BadInputError for a case that cannot be measured on this device."""
    check_precision(case.precision, device)
    catalogue.check_image_size(catalogue.entry_of(case.model), case.resolution)


def check_precision(precision: Precision, device: DeviceFacts) -> None:
    """Raises: BadInputError for a precision that this device does not have."""
    if precision.value not in device.precisions:
        able = ", ".join(device.precisions)
        raise BadInputError(f"{device.model or device.name} has no precision {precision.value}: it has {able}")


class Recorder:
    """Where finished cases go: to the disk if there is a writer, and to whoever listens."""

    def __init__(self, writer: store.RunWriter | None = None, finished: Iterable[CaseRecord] = ()) -> None:
        self._writer = writer
        self.records = list(finished)

    def add(self, record: CaseRecord) -> None:
        """Raises: StoreError if the disk does not take it."""
        self.records.append(record)
        if self._writer is not None:
            self._writer.append(record)


class Session:
    """Measures cases one after the other on a machine and records them."""

    def __init__(self, machine: Machine, recorder: Recorder, clock: Callable[[], float] = time.monotonic) -> None:
        self._machine = machine
        self._recorder = recorder
        self._clock = clock
        self._began_s = clock()
        self._facts_of_model: dict[tuple[ModelRef, ImageSize], tuple[Measurement | Unavailable, ...]] = {}
        self._alike: defaultdict[ModelRef, list[CaseRecord]] = defaultdict(list)
        self._reference_s: defaultdict[tuple[str, int], deque[float]] = defaultdict(lambda: deque(maxlen=_PACE_CASES))
        for record in recorder.records:
            self._learn(record)

    def finished(self, case: Case, budget: Budget) -> CaseRecord | None:
        """The record of a case that is in this run already.

        One that was not begun is still to be measured, and so is one that was only counted, if more is allowed now.
        """
        done = (record for record in self._records_of(case) if not _was_not_begun(record))
        return next((record for record in done if record.budget.max_rounds or not budget.max_rounds), None)

    def measure(self, case: Case, budget: Budget, *, is_planned: bool = False) -> CaseRecord:
        """Measure one case and record it, failed or not.

        Raises: StoreError if it cannot be recorded.
        """
        record = self._measure(case, budget, is_planned=is_planned)
        self._learn(record)
        self._recorder.add(record)
        return record

    def in_calls_ratio(self) -> float:
        """Share of this session's wall time that was spent inside calls of models."""
        elapsed_s = self._clock() - self._began_s
        return self._in_calls_s / elapsed_s if elapsed_s > 0 else 0.0

    _in_calls_s = 0.0

    def _measure(self, case: Case, budget: Budget, *, is_planned: bool) -> CaseRecord:
        began_s, started_at = self._clock(), dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        results = self._known(case)
        refusal = refuse(case, budget, self._alike[case.model])
        if refusal:
            results.add(refusal)
        else:
            results.extend(self._execute(case, budget, results.metrics))
        duration_s = self._clock() - began_s
        record = assemble(case, budget, results, started_at=started_at, duration_s=duration_s, is_planned=is_planned)
        self._in_calls_s += record.in_calls_s
        return record

    def _known(self, case: Case) -> WorkerResults:
        """Facts of its model, and what was found while the same case was only counted: its new record replaces that."""
        results = WorkerResults.of(self._facts_of_model.get((case.model, case.resolution), ()))
        for counted in (record for record in self._records_of(case) if not record.budget.max_rounds):
            known = results.metrics
            results.measurements += [each for each in counted.measurements if each.metric not in known]
            results.unavailable += [each for each in counted.unavailable if each.metric not in known]
            results.breakdowns += counted.breakdowns
            results.layers += counted.layers
        return results

    def _records_of(self, case: Case) -> Iterator[CaseRecord]:
        return (record for record in self._alike[case.model] if record.case.id == case.id)

    def _execute(self, case: Case, budget: Budget, metrics_known: frozenset[str]) -> WorkerResults:
        known = KnownFacts(metrics=metrics_known, reference_s=self._known_reference_s(case))
        return replicate(self._machine.executor, case, budget, known, self._clock)

    def _learn(self, record: CaseRecord) -> None:
        self._alike[record.case.model].append(record)
        self._learn_pace(record)
        results: tuple[Measurement | Unavailable, ...] = (*record.measurements, *record.unavailable)
        facts = tuple(part for part in results if part.metric in metrics.MODEL_METRICS)
        if {part.metric for part in facts} == set(metrics.MODEL_METRICS):
            self._facts_of_model[record.case.model, record.case.resolution] = facts

    def _known_reference_s(self, case: Case) -> float | None:
        return min(self._reference_s[case.device, case.threads], default=None)

    def _learn_pace(self, record: CaseRecord) -> None:
        """How quiet the machine was seen to be lately, on these threads."""
        found = record.measurement("reference_time")
        if found is not None:
            key = (record.case.device, record.case.threads)
            self._reference_s[key].append(min(found.samples))


def _was_not_begun(record: CaseRecord) -> bool:
    return record.failure is not None and record.failure.kind is FailureKind.OVER_BUDGET


def start_run(results: Path, machine: Machine, *, label: str, command: Sequence[str]) -> store.RunWriter:
    """Begin a run on the disk.

    Raises: StoreError if the results folder cannot be written.
    """

    def describe(run_id: str, started_at: str) -> RunRecord:
        return RunRecord(
            run_id=run_id,
            started_at=started_at,
            label=label,
            command=tuple(command),
            environment=machine.environment,
        )

    return store.create_run(results, describe, label)


def resume_run(results: Path, run_id: str, machine: Machine) -> tuple[store.RunWriter, store.StoredRun]:
    """Open a run again to add what it lacks.

    Raises: UnknownNameError, StoreError, BadInputError where the machine or torch is not the run's.
    """
    writer, stored = store.resume_run(results, run_id)
    for group, fact in MUST_AGREE:
        then, now = (getattr(env, group).get(fact, "") for env in (stored.run.environment, machine.environment))
        if then != now:
            writer.close()
            raise BadInputError(f"run {run_id} was measured with {fact} {then!r}, here it is {now!r}: start a new run")
    return writer, stored


# The public function that measures one case, without a suite and without a run on the disk.


def measure_case(
    model: str, *, budget: Budget | None = None, is_isolated: bool = True, **axes: Unpack[CaseAxes]
) -> CaseRecord:
    """Measure one case: by default in a process of its own, forked from a server that has torch imported.

    `axes` are those of `zoobench.Case`: mode, batch, image_size, precision, device, memory_format, compiler, threads
    and allocator; what is left out has its default. A script that calls this needs the
    `if __name__ == "__main__":` that `multiprocessing` asks of every script.

    Raises: ZoobenchError for what cannot be measured here; a case that fails is a record with its failure.
    """
    if budget is not None and budget.processes > 1 and not is_isolated:
        raise BadInputError(f"{budget.processes} processes are fresh ones: without isolation there is none")
    case = parse_case(model, {name: str(value) for name, value in axes.items() if value is not None})
    machine = _machine(case.device, is_isolated=is_isolated)
    facts = machine.device(case.device)
    check_case(case, facts)
    here = msgspec.structs.replace(case, device=facts.name)
    return Session(machine, Recorder()).measure(here, budget or Budget())


@functools.cache
def _machine(device: str, *, is_isolated: bool) -> Machine:
    executor: Executor = ForkedWorkers() if is_isolated else InProcess()
    return open_machine(executor, device=device)
