from __future__ import annotations

from collections.abc import Iterator

import pytest
from fakes import FakeClock
from opposing import CALL_S, Act, Stage
from sides import LIMIT_S, make_case

from zoobench.cases import Allocator, Precision
from zoobench.compare.checkouts import Checkout
from zoobench.compare.messages import EXACT_METRICS, Compute, CountFacts, Prepare, Release, Request, WarmUp
from zoobench.compare.pilot import Tried, tolerance_of, try_pair
from zoobench.compare.spec import Pair, warm_up_bound_s
from zoobench.compare.worker_pair import Opponents
from zoobench.records import Failure, FailureKind
from zoobench.records.comparison import SideName

CASE = make_case()
PAIR = Pair(base=CASE, head=CASE)
FAILED = Failure(kind=FailureKind.CRASH, message="it broke", where="here")


@pytest.fixture
def stage() -> Stage:
    return Stage(clock=FakeClock(), acts=[], asked=[], hash_seeds=[], living=[])


@pytest.fixture
def opponents(stage: Stage) -> Iterator[Opponents]:
    sides = {side: Checkout(name=side, asked="", folder="", python="") for side in SideName}  # type: ignore[arg-type]
    with Opponents(stage.start, sides, 0) as opponents:
        opponents.start_s = 4.0
        stage.asked.clear()
        yield opponents
    assert not stage.living


def tried(opponents: Opponents, pair: Pair = PAIR, injected_ratio: float = 0.0) -> Tried:
    return try_pair(opponents, pair, injected_ratio=injected_ratio, limit_s=LIMIT_S)


def test_a_contest_has_what_both_sides_said_of_it(opponents: Opponents, stage: Stage) -> None:
    stage.call_s = {SideName.HEAD: 0.5}
    stage.outputs = {SideName.HEAD: 1.25}

    contest, cost, notes, is_over = tried(opponents)

    assert (contest.id, contest.base_case, contest.head_case) == (CASE.id, CASE, CASE)
    assert (contest.base.call_s, contest.head.call_s) == (CALL_S, 0.5)
    assert contest.base.exact == {"parameters": 7.0}
    assert contest.base.unavailable == {"graph_breaks": "eager"}
    assert (contest.output_error, contest.output_tolerance) == (0.25, tolerance_of(Precision.FP32))
    assert cost is not None
    assert (cost.call_s, cost.fixed_s) == (0.375, 2.0 + 2 * warm_up_bound_s(0.375))
    assert (notes, is_over) == ((), False)


def test_sides_are_timed_one_after_the_other(opponents: Opponents, stage: Stage) -> None:
    tried(opponents)
    kinds = [type(request) for _, request, _ in stage.asked]
    assert kinds == [Prepare] * 2 + [CountFacts] * 2 + [Compute] * 2 + [WarmUp] * 2 + [Release] * 2


def test_a_model_that_one_side_lacks_is_missing_there_and_tried_on_the_other(
    opponents: Opponents, stage: Stage
) -> None:
    stage.acts = [Act(Prepare, is_dead=False, is_missing=True)]

    contest, cost, _, is_over = tried(opponents)

    assert (contest.head.is_missing, contest.head.failure, contest.head.call_s) == (True, FAILED, None)
    assert (contest.base.is_missing, contest.base.failure, contest.base.call_s) == (False, None, CALL_S)
    assert (contest.output_error, cost, is_over) == (None, None, False)


def test_a_side_without_a_case_is_not_asked_for_one(opponents: Opponents, stage: Stage) -> None:
    contest, cost, _, _ = tried(opponents, Pair(base=None, head=CASE))

    assert (contest.base_case, contest.base.is_missing) == (None, True)
    assert {side for side, request, _ in stage.asked if not isinstance(request, Release)} == {SideName.HEAD}
    assert cost is None


@pytest.mark.parametrize("request_kind", [Prepare, CountFacts, Compute, WarmUp])
@pytest.mark.parametrize("side", SideName)
def test_a_death_is_that_sides_failure_and_both_are_replaced(
    opponents: Opponents, stage: Stage, request_kind: type[Request], side: SideName
) -> None:
    stage.acts = [Act(request_kind, side=side)]

    contest, cost, _, is_over = tried(opponents)

    facts = {SideName.BASE: contest.base, SideName.HEAD: contest.head}
    (other,) = set(SideName) - {side}
    assert (facts[side].failure, facts[side].call_s, facts[other].failure) == (FAILED, None, None)
    assert facts[other].call_s == CALL_S
    assert (cost, is_over) == (None, True)


def test_a_count_that_is_refused_is_unavailable_and_the_case_runs(opponents: Opponents, stage: Stage) -> None:
    stage.acts = [Act(CountFacts, is_dead=False)]

    contest, cost, _, is_over = tried(opponents)

    assert contest.head.unavailable == dict.fromkeys(EXACT_METRICS, "it broke")
    assert (contest.head.failure, cost is None, is_over) == (None, False, False)


def test_an_output_that_cannot_be_compared_is_a_note(opponents: Opponents, stage: Stage) -> None:
    stage.acts = [Act(Compute, is_dead=False)]

    contest, cost, notes, _ = tried(opponents)

    assert (contest.output_error, cost is None) == (None, False)
    assert notes == (f"{CASE.id}: the head gave no output to compare: it broke",)


def test_processes_of_its_own_cost_their_start_in_every_generation(opponents: Opponents) -> None:
    case = make_case(allocator=Allocator.SYSTEM)
    (_, alone, _, _), (_, shared, _, _) = tried(opponents, Pair(base=case, head=case)), tried(opponents)
    assert alone is not None
    assert shared is not None
    assert alone.fixed_s == shared.fixed_s + 4.0


def test_the_injection_is_written_down_and_nothing_is_wasted_in_the_pilot(opponents: Opponents, stage: Stage) -> None:
    contest, cost, _, _ = tried(opponents, injected_ratio=0.05)

    assert contest.injected_ratio == 0.05
    assert cost is not None
    assert cost.fixed_s == 2.0 + 2 * warm_up_bound_s(CALL_S, is_injected=True)
    assert {request.wasted_ratio for _, request in stage.requests(Prepare)} == {0.0}
