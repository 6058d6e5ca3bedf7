from __future__ import annotations

from typing import Any

import pytest
from fakes import FakeClock
from synthetic import make_case, measurement

from zoobench.cases import COUNT_ONLY, Budget
from zoobench.measure import tasks
from zoobench.measure.executor import Task
from zoobench.measure.messages import Emit, KnownFacts, WorkerResults
from zoobench.measure.replication import ONLY_LATENCY, replicate
from zoobench.records import Failure, FailureKind
from zoobench.records.metrics import METRICS

CASE = make_case("lenet5", threads=1)
DIED = Failure(kind=FailureKind.CRASH, message="the worker was killed by SIGKILL", where="latency")


class Workers:
    """An executor whose workers make so many calls of a second, the first to warm up, and take so long."""

    def __init__(self, calls: int = 2, takes_s: float = 0.0, fails: int | None = None, **more: Any) -> None:
        self.calls = calls
        self.takes_s = takes_s
        self.fails = fails
        self.parts = more.get("parts", ())
        self.tasks: list[Task] = []
        self.limits_s: list[float] = []
        self.clock = FakeClock()

    def run(self, task: Task, emit: Emit, time_limit_s: float) -> Failure | None:
        self.tasks.append(task)
        self.limits_s.append(time_limit_s)
        self.clock.advance(self.takes_s)
        if len(self.tasks) == self.fails:
            return DIED
        emit(measurement("latency", *[1.0] * (self.calls - 1)))
        emit(measurement("warm_up_calls", 1))
        emit(measurement("reference_time", 10.0 - len(self.tasks)))
        for part in self.parts:
            emit(part)
        return None


def replicated(workers: Workers, budget: Budget, known: KnownFacts = KnownFacts()) -> WorkerResults:  # noqa: B008 - frozen
    return replicate(workers, CASE, budget, known, workers.clock)


def test_a_case_of_one_process_is_one_task() -> None:
    workers, known = Workers(), KnownFacts(metrics=frozenset({"macs"}), reference_s=0.5)

    replicated(workers, Budget(time_limit_s=42.0), known)

    assert workers.tasks == [Task(tasks.measure_case, (CASE, Budget(time_limit_s=42.0), known))]
    assert workers.limits_s == [42.0]


def test_each_process_has_the_case_and_the_budget_of_all() -> None:
    workers, budget = Workers(), Budget(processes=3, max_s=60.0)

    replicated(workers, budget)

    assert [task.arguments[:2] for task in workers.tasks] == [(CASE, budget)] * 3


def test_only_the_first_process_measures_more_than_the_latency() -> None:
    workers = Workers(parts=(measurement("a_plug_in_s", 1.0),))

    replicated(workers, Budget(processes=3, max_s=60.0), KnownFacts(metrics=frozenset({"macs"})))

    first, second, third = (task.arguments[2].metrics for task in workers.tasks)
    assert first == {"macs"}
    assert second == third == ONLY_LATENCY | {"a_plug_in_s"}
    assert {metric.key for metric in METRICS} - ONLY_LATENCY == {"latency"}


@pytest.mark.parametrize(("known_s", "told_s"), [(None, [None, 9.0, 8.0]), (8.5, [8.5, 8.5, 8.0])])
def test_each_process_knows_how_quiet_the_machine_was_before(known_s: float | None, told_s: list[float | None]) -> None:
    workers = Workers()

    replicated(workers, Budget(processes=3, max_s=60.0), KnownFacts(reference_s=known_s))

    assert [task.arguments[2].reference_s for task in workers.tasks] == told_s


@pytest.mark.parametrize(
    ("calls", "max_s", "begun"), [(2, 12.0, 6), (2, 11.0, 5), (2, 3.0, 1), (5, 30.0, 6), (5, 8.0, 2)]
)
def test_no_process_begins_for_which_the_budget_has_no_two_calls(calls: int, max_s: float, begun: int) -> None:
    workers = Workers(calls)

    replicated(workers, Budget(processes=6, max_s=max_s))

    assert len(workers.tasks) == begun


def test_a_slow_first_call_is_no_reason_to_stop() -> None:
    """As of a compiler: it is waited for, but calls are not as long."""
    workers = Workers(parts=(measurement("first_call", 60.0), measurement("warm_up_time", 60.0)))

    replicated(workers, Budget(processes=3, max_s=8.0))

    assert len(workers.tasks) == 3


def test_no_process_begins_that_would_end_past_the_time_limit() -> None:
    workers = Workers(takes_s=4.0)

    replicated(workers, Budget(processes=6, max_s=60.0, time_limit_s=14.0))

    assert workers.limits_s == [14.0, 10.0, 6.0]


@pytest.mark.parametrize("fails", [1, 2])
def test_none_follows_one_that_failed(fails: int) -> None:
    workers = Workers(fails=fails)

    results = replicated(workers, Budget(processes=3, max_s=60.0))

    assert len(workers.tasks) == fails
    assert [failure.message for failure in results.failures] == [f"process {fails} of 3: {DIED.message}"]
    assert len(results.measurements) == (0 if fails == 1 else 3)


def test_a_failure_that_was_told_counts_as_well() -> None:
    workers = Workers(parts=(DIED,))

    replicated(workers, Budget(processes=3, max_s=60.0))

    assert len(workers.tasks) == 1


def test_what_is_only_counted_is_counted_once() -> None:
    workers = Workers()

    replicated(workers, Budget(processes=3, max_rounds=COUNT_ONLY.max_rounds))

    assert len(workers.tasks) == 1
