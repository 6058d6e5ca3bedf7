"""The benchmark of one pytest session: its cases, its run, and the rounds that pytest-benchmark gets.

Imported when a suite is collected: other people's sessions do not pay for it.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any, Protocol, cast

import pytest
from rich.console import Console

from zoobench.cases import SMOKE_BUDGET, Budget, Case, DeviceFacts, Matrix, Plan, ZoobenchError, plans
from zoobench.cases.options import AUTOMATIC, Options, expanded
from zoobench.measure.executor import ForkedWorkers, InProcess
from zoobench.measure.machine import find_ceilings
from zoobench.measure.progress import RunProgress, outcome_of
from zoobench.measure.session import Machine, Recorder, Session, check_case, open_machine, resume_run, start_run
from zoobench.records import CaseRecord, FailureKind
from zoobench.records.store import RunWriter


class Bench:
    """One pytest session's benchmark; what costs time is done when it is first needed."""

    def __init__(self, options: Options, command: tuple[str, ...], *, is_smoke: bool) -> None:
        self.options = options
        self.command = command
        self.is_smoke = is_smoke
        self.selected: list[tuple[Case, Budget]] = []
        self.ordinary: set[str] = set()
        """Ids of cases that a suite of free axes has; the others are planned."""
        self.notes: tuple[str, ...] = ()
        self.mistake: ZoobenchError | None = None
        self.writer: RunWriter | None = None
        self._finished: tuple[CaseRecord, ...] = ()
        self._budgets: dict[tuple[str, str], Budget] = {}

    @functools.cached_property
    def machine(self) -> Machine:
        executor = ForkedWorkers() if self.options.is_isolated else InProcess()
        return open_machine(executor, device=self.options.device)

    @functools.cached_property
    def session(self) -> Session:
        self._open_run()
        return Session(self.machine, Recorder(self.writer, self._finished))

    @functools.cached_property
    def progress(self) -> RunProgress:
        missing = sum(self.session.finished(case, budget) is None for case, budget in self.selected)
        return RunProgress(Console(highlight=False, soft_wrap=True), missing)

    def cases(self, module: ModuleType) -> list[Case]:
        """What the module's matrix comes to, checked.

        Raises: ZoobenchError.
        """
        cases: dict[str, Case] = {}
        for plan in _plans_of(module, self.options):
            device = self.machine.device(self._device_name(plan.matrix))
            for case in self._cases_of(plan, device, is_fixed=hasattr(module, "PLANS")):
                check_case(case, device)
                cases.setdefault(case.id, case)
                self._budgets.setdefault((module.__name__, case.id), plan.budget)
        return list(cases.values())

    def _cases_of(self, plan: Plan, device: DeviceFacts, *, is_fixed: bool) -> Iterable[Case]:
        if is_fixed:
            return self.options.narrow(plan.matrix, device)
        return expanded(self.options.resolve(plan.matrix, device, is_counted=not plan.budget.max_rounds))

    def budget(self, module: ModuleType, case: Case) -> Budget:
        """What the plan of the case allows; a smoke test calls once, unless the plan allows no call at all."""
        planned = self._budgets[module.__name__, case.id]
        return SMOKE_BUDGET if self.is_smoke and planned.max_rounds else self.options.budget(planned)

    def select(self, module: ModuleType, case: Case) -> None:
        """Take note of a case that is about to be measured."""
        self.selected.append((case, self.budget(module, case)))
        if not hasattr(module, "PLANS"):
            self.ordinary.add(case.id)

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()

    def _device_name(self, suite: Matrix) -> str:
        if self.options.device != AUTOMATIC:
            return self.options.device
        if suite.device is not None:
            return suite.device
        return self.machine.preferred_device()

    def _open_run(self) -> None:
        if self.is_smoke:
            return
        if self.options.resume is None:
            timed = (case for case, budget in self.selected if budget.max_rounds)
            calibrated, notes = self.machine.calibrated(self.options.results)
            machine, more_notes = find_ceilings(calibrated, timed, self.options.results)
            self.notes = (*notes, *more_notes)
            self.writer = start_run(self.options.results, machine, label=self.options.label, command=self.command)
            return
        self.writer, stored = resume_run(self.options.results, self.options.resume, self.machine)
        self._finished, self.notes = stored.records, stored.notes


def _plans_of(module: ModuleType, options: Options) -> tuple[Plan, ...]:
    """What the module states; the quick preset leaves out what it would be over before."""
    own = Plan(getattr(module, "MATRIX", Matrix()), getattr(module, "BUDGET", Budget()))
    stated = cast("tuple[Plan, ...]", getattr(module, "PLANS", (own,)))
    is_timed = any(plan.budget.max_rounds for plan in stated)
    if plans.is_timing_only(options.preset) and (hasattr(module, "PLANS") or not is_timed):
        return ()
    return stated


def measure(bench: Bench, module: ModuleType, case: Case, uncaptured: AbstractContextManager[Any]) -> CaseRecord:
    """Measure one case, or skip it where this run has it already."""
    budget = bench.budget(module, case)
    if (finished := bench.session.finished(case, budget)) is not None:
        pytest.skip(f"already in this run ({finished.started_at})")
    with uncaptured:
        bench.progress.begin(case)
        record = bench.session.measure(case, budget, is_planned=case.id not in bench.ordinary)
        bench.progress.end(record)
    return record


def hand_over(record: CaseRecord, benchmark: PedanticBenchmark, timer: ReplayTimer) -> None:
    """Give the rounds of a case to pytest-benchmark; a failed case fails its test."""
    if record.failure is not None:
        text = outcome_of(record)
        if record.failure.kind is FailureKind.OVER_BUDGET:
            pytest.skip(text)
        mark_failed(benchmark, timer)
        pytest.fail(text, pytrace=False)
    latency = record.measurement("latency")
    if latency is None:  # it was only counted, which pytest-benchmark has no word for
        mark_failed(benchmark, timer)
        return
    benchmark.extra_info["case"] = record.case.id
    replay(benchmark, timer, latency.samples)


# pytest-benchmark reads a timer before and after each call of a function. Here the function does nothing, and the timer
# returns the durations that were measured in the worker. Only public interface is used: the `timer` of its marker, and
# `pedantic`.


class PedanticBenchmark(Protocol):
    """The part of pytest-benchmark's fixture used here."""

    extra_info: dict[str, object]

    def pedantic(self, target: object, *, rounds: int, iterations: int, warmup_rounds: int) -> object:
        """Call the target in rounds, each between two readings of the timer."""
        ...


class ReplayTimer:
    """A timer whose readings, taken in pairs, differ by the durations loaded into it (seconds)."""

    __name__ = "zoobench"

    def __init__(self) -> None:
        self._readings: list[float] = []

    def load(self, durations_s: Sequence[float]) -> None:
        """Set the durations between the next pairs of readings."""
        self._readings = [reading for duration_s in reversed(durations_s) for reading in (duration_s, 0.0)]

    def __call__(self) -> float:
        """The next reading: zero before a call, its duration after it."""
        return self._readings.pop()


def replay(benchmark: PedanticBenchmark, timer: ReplayTimer, samples_s: Sequence[float]) -> None:
    """Let pytest-benchmark take these samples as its rounds. `timer` must be the fixture's."""
    timer.load(samples_s)
    benchmark.pedantic(_nothing, rounds=len(samples_s), iterations=1, warmup_rounds=0)


def mark_failed(benchmark: PedanticBenchmark, timer: ReplayTimer) -> None:
    """Record in pytest-benchmark that this case failed and has no rounds: else it warns of a fixture not used."""
    timer.load([0.0])
    with contextlib.suppress(_CaseFailedError):
        benchmark.pedantic(_fail, rounds=1, iterations=1, warmup_rounds=0)


class _CaseFailedError(Exception):
    """Raised where pytest-benchmark expects a failing function to raise."""


def _fail() -> None:
    raise _CaseFailedError


def _nothing() -> None:
    """What pytest-benchmark calls between two readings."""
