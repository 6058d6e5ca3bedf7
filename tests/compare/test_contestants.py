from __future__ import annotations

from collections.abc import Iterator

import pytest
from fakes import FakeClock
from opposing import CALL_S, Act, Stage
from sides import LIMIT_S, make_case

from zoobench.cases import Allocator, Precision
from zoobench.compare.checkouts import Checkout
from zoobench.compare.messages import EXACT_METRICS, Compute, CountFacts, Prepare, Release, WarmUp, WorkerRequest
from zoobench.compare.pilot import Tried, tolerance_of, try_pair
from zoobench.compare.spec import AskedPair, warm_up_bound_s
from zoobench.compare.worker_pair import WorkerPair
from zoobench.records import Failure, FailureKind
from zoobench.records.comparison import SideName

CASE = make_case()
PAIR = AskedPair(base=CASE, head=CASE)
FAILED = Failure(kind=FailureKind.CRASH, message="it broke", where="here")


@pytest.fixture
def stage() -> Stage:
    return Stage(clock=FakeClock(), acts=[], asked=[], hash_seeds=[], living=[])


@pytest.fixture
def workers(stage: Stage) -> Iterator[WorkerPair]:
    sides = {side: Checkout(name=side, asked="", folder="", python="") for side in SideName}  # type: ignore[arg-type]
    with WorkerPair(stage.start, sides, 0) as workers:
        workers.start_s = 4.0
        stage.asked.clear()
        yield workers
    assert not stage.living


def tried(workers: WorkerPair, pair: AskedPair = PAIR, injected_ratio: float = 0.0) -> Tried:
    return try_pair(workers, pair, injected_ratio=injected_ratio, limit_s=LIMIT_S)


def test_a_contest_has_what_both_sides_said_of_it(workers: WorkerPair, stage: Stage) -> None:
    stage.call_s = {SideName.HEAD: 0.5}
    stage.outputs = {SideName.HEAD: 1.25}

    case_pair, cost, notes, is_over = tried(workers)

    assert (case_pair.id, case_pair.base_case, case_pair.head_case) == (CASE.id, CASE, CASE)
    assert (case_pair.base.call_s, case_pair.head.call_s) == (CALL_S, 0.5)
    assert case_pair.base.exact == {"parameters": 7.0}
    assert case_pair.base.unavailable == {"graph_breaks": "eager"}
    assert (case_pair.output_error, case_pair.output_tolerance) == (0.25, tolerance_of(Precision.FP32))
    assert cost is not None
    assert (cost.call_s, cost.fixed_s) == (0.375, 2.0 + 2 * warm_up_bound_s(0.375))
    assert (notes, is_over) == ((), False)


def test_sides_are_timed_one_after_the_other(workers: WorkerPair, stage: Stage) -> None:
    tried(workers)
    kinds = [type(request) for _, request, _ in stage.asked]
    assert kinds == [Prepare] * 2 + [CountFacts] * 2 + [Compute] * 2 + [WarmUp] * 2 + [Release] * 2


def test_a_model_that_one_side_lacks_is_missing_there_and_tried_on_the_other(workers: WorkerPair, stage: Stage) -> None:
    stage.acts = [Act(Prepare, is_dead=False, is_missing=True)]

    case_pair, cost, _, is_over = tried(workers)

    assert (case_pair.head.is_missing, case_pair.head.failure, case_pair.head.call_s) == (True, FAILED, None)
    assert (case_pair.base.is_missing, case_pair.base.failure, case_pair.base.call_s) == (False, None, CALL_S)
    assert (case_pair.output_error, cost, is_over) == (None, None, False)


def test_a_side_without_a_case_is_not_asked_for_one(workers: WorkerPair, stage: Stage) -> None:
    case_pair, cost, _, _ = tried(workers, AskedPair(base=None, head=CASE))

    assert (case_pair.base_case, case_pair.base.is_missing) == (None, True)
    assert {side for side, request, _ in stage.asked if not isinstance(request, Release)} == {SideName.HEAD}
    assert cost is None


@pytest.mark.parametrize("request_kind", [Prepare, CountFacts, Compute, WarmUp])
@pytest.mark.parametrize("side", SideName)
def test_a_death_is_that_sides_failure_and_both_are_replaced(
    workers: WorkerPair, stage: Stage, request_kind: type[WorkerRequest], side: SideName
) -> None:
    stage.acts = [Act(request_kind, side=side)]

    case_pair, cost, _, is_over = tried(workers)

    facts = {SideName.BASE: case_pair.base, SideName.HEAD: case_pair.head}
    (other,) = set(SideName) - {side}
    assert (facts[side].failure, facts[side].call_s, facts[other].failure) == (FAILED, None, None)
    assert facts[other].call_s == CALL_S
    assert (cost, is_over) == (None, True)


def test_a_count_that_is_refused_is_unavailable_and_the_case_runs(workers: WorkerPair, stage: Stage) -> None:
    stage.acts = [Act(CountFacts, is_dead=False)]

    case_pair, cost, _, is_over = tried(workers)

    assert case_pair.head.unavailable == dict.fromkeys(EXACT_METRICS, "it broke")
    assert (case_pair.head.failure, cost is None, is_over) == (None, False, False)


def test_an_output_that_cannot_be_compared_is_a_note(workers: WorkerPair, stage: Stage) -> None:
    stage.acts = [Act(Compute, is_dead=False)]

    case_pair, cost, notes, _ = tried(workers)

    assert (case_pair.output_error, cost is None) == (None, False)
    assert notes == (f"{CASE.id}: the head gave no output to compare: it broke",)


def test_processes_of_its_own_cost_their_start_in_every_generation(workers: WorkerPair) -> None:
    case = make_case(allocator=Allocator.SYSTEM)
    (_, alone, _, _), (_, shared, _, _) = tried(workers, AskedPair(base=case, head=case)), tried(workers)
    assert alone is not None
    assert shared is not None
    assert alone.fixed_s == shared.fixed_s + 4.0


def test_the_injection_is_written_down_and_nothing_is_wasted_in_the_pilot(workers: WorkerPair, stage: Stage) -> None:
    case_pair, cost, _, _ = tried(workers, injected_ratio=0.05)

    assert case_pair.injected_ratio == 0.05
    assert cost is not None
    assert cost.fixed_s == 2.0 + 2 * warm_up_bound_s(CALL_S, is_injected=True)
    assert {request.wasted_ratio for _, request in stage.requests(Prepare)} == {0.0}
