from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from fakes import FakeClock
from hypothesis import given
from hypothesis import strategies as st
from opposing import CALL_S, Act, Stage
from sides import LIMIT_S, make_case

from zoobench.cases import Allocator
from zoobench.compare.checkouts import Checkout
from zoobench.compare.generation import Bounds, Generation, block_requests, take_generation, without_zeros
from zoobench.compare.messages import Prepare, Release, TakeBlock, WarmUp
from zoobench.compare.spec import SideError
from zoobench.compare.worker_pair import LETTERS, WorkerPair
from zoobench.records import Failure, FailureKind
from zoobench.records.comparison import Block, CaseFacts, CasePair, GenerationPlan, Replicate, SideName
from zoobench.records.comparison import Stage as OfPlan

FAILED = Failure(kind=FailureKind.CRASH, message="it broke", where="here")
PLAN = GenerationPlan(
    cases=3, screen_generations=6, confirm_generations=8, blocks=4, block_s=0.5, expected_s=60.0, spread_ratio=0.02,
    smallest_ratio=0.1,
)  # fmt: skip
GENERATION = Generation(stage=OfPlan.SCREEN, number=2, plan=PLAN, seed=5, limit_s=LIMIT_S)


def case_pair(name: str, injected_ratio: float = 0.0, **axes: Any) -> CasePair:
    case = make_case(f"nets:{name}", **axes)
    facts = CaseFacts(call_s=CALL_S)
    return CasePair(id=case.id, base_case=case, head_case=case, base=facts, head=facts, injected_ratio=injected_ratio)


CONTESTS = [case_pair("a"), case_pair("b"), case_pair("c")]


@pytest.fixture
def stage() -> Stage:
    return Stage(clock=FakeClock(), acts=[], asked=[], hash_seeds=[], living=[])


def take(
    stage: Stage, case_pairs: list[CasePair] = CONTESTS, until_s: float = 1e9, generation: Generation = GENERATION
) -> tuple[list[Replicate], list[str]]:
    sides = {side: Checkout(name=side, asked="", folder="", python="") for side in SideName}  # type: ignore[arg-type]
    notes: list[str] = []
    bounds = Bounds(notes.append, lambda: stage.clock() < until_s)
    taken = list(take_generation(generation, case_pairs, lambda seed: WorkerPair(stage.start, sides, seed), bounds))
    assert not stage.living
    return taken, notes


def test_every_contest_is_measured_once_in_blocks_in_turns(stage: Stage) -> None:
    taken, notes = take(stage)

    assert sorted(replicate.case_pair for replicate in taken) == sorted(one.id for one in CONTESTS)
    assert notes == []
    for replicate in taken:
        assert replicate.order in {"ABBA", "BAAB"}
        assert (replicate.attempt, replicate.failure, replicate.generation) == (1, None, 2)
        assert replicate.blocks == (Block((CALL_S,) * math.ceil(PLAN.block_s / CALL_S)),) * 4
    order = "".join(replicate.order for replicate in taken)
    assert [side for side, _ in stage.requests(TakeBlock)] == [LETTERS[letter] for letter in order]
    assert len(stage.hash_seeds) == 2, "one worker a side"


def test_nothing_is_asked_of_a_side_while_the_other_works(stage: Stage) -> None:
    """Its requests begin one after the other; a fake side refuses a second one before the first was answered."""
    take(stage)
    times = [at for _, _, at in stage.asked]
    assert times == sorted(times)


def test_it_is_the_same_again_and_another_generation_is_another(stage: Stage) -> None:
    first, _ = take(stage)
    again, _ = take(stage)
    other, _ = take(stage, generation=msgspec.structs.replace(GENERATION, number=3))
    assert first == again
    assert [(r.case_pair, r.order) for r in first] != [(r.case_pair, r.order) for r in other]
    seeds = [request.seed for _, request in stage.requests(Prepare)]
    assert len(set(seeds)) == 12, "both sides of three contests, twice the same and once not"


def test_a_failure_is_mended_by_a_second_attempt_in_fresh_workers(stage: Stage) -> None:
    stage.acts = [Act(TakeBlock, model="nets:b")]

    taken, (note,) = take(stage)

    attempts = {replicate.case_pair: (replicate.attempt, replicate.failure) for replicate in taken}
    assert sorted(attempts.values(), key=str) == [(1, None), (1, None), (2, None)]
    assert attempts[CONTESTS[1].id] == (2, None)
    assert note == f"{CONTESTS[1].id}: generation 2 was begun anew, the head failed: it broke"
    assert len(stage.hash_seeds) == 4


@pytest.mark.parametrize("request_kind", [Prepare, WarmUp, TakeBlock])
@pytest.mark.parametrize("is_dead", [True, False])
def test_what_fails_twice_is_recorded_and_the_rest_goes_on(
    stage: Stage, request_kind: type[Any], *, is_dead: bool
) -> None:
    stage.acts = [Act(request_kind, side=SideName.BASE, model="nets:b", is_lasting=True, is_dead=is_dead)]

    taken, notes = take(stage)

    (failed,) = [replicate for replicate in taken if replicate.failure]
    assert (failed.case_pair, failed.attempt, failed.failed) == (CONTESTS[1].id, 2, SideName.BASE)
    assert (failed.failure, failed.order, failed.blocks) == (FAILED, "", ())
    assert len(taken) == 3
    assert len(notes) == 1


def test_a_worker_that_does_not_start_is_tried_again_and_then_ends_the_experiment(stage: Stage) -> None:
    stage.acts = [Act(Release, nth=1)]
    taken, _ = take(stage)
    assert len(taken) == 3

    stage.acts = [Act(Release, is_lasting=True)]
    with pytest.raises(SideError, match=r"^the head cannot be measured: it broke$"):
        take(stage)


def test_the_systems_heap_has_workers_of_its_own(stage: Stage) -> None:
    alone = [case_pair("d", allocator=Allocator.SYSTEM), case_pair("e", allocator=Allocator.SYSTEM)]
    taken, _ = take(stage, [*CONTESTS, *alone])
    assert len(taken) == 5
    assert len(stage.hash_seeds) == 2 * 3


def test_no_contest_is_begun_after_the_end(stage: Stage) -> None:
    whole, _ = take(stage)
    stage.asked.clear()
    began_s = stage.clock()
    take(stage)
    third = [at for _, request, at in stage.asked if isinstance(request, Prepare)][4]

    stage.clock.now_s = began_s
    cut, _ = take(stage, until_s=third)
    assert cut == whole[:2]
    stage.clock.now_s = began_s
    assert take(stage, until_s=began_s) == ([], [])


def test_an_injected_slowdown_is_the_heads_alone(stage: Stage) -> None:
    take(stage, [case_pair("a", injected_ratio=0.1)])
    assert {(side, request.wasted_ratio) for side, request in stage.requests(Prepare)} == {
        (SideName.BASE, 0.0), (SideName.HEAD, 0.1),
    }  # fmt: skip
    bounds = {request.bound_s for _, request in stage.requests(WarmUp)}
    assert len(bounds) == 1, "both sides are warmed up alike"


@given(st.floats(1e-6, 10), st.floats(0.01, 1))
def test_a_block_has_the_calls_of_its_time_in_a_few_dozen_rounds(call_s: float, block_s: float) -> None:
    case = make_case()
    facts = CaseFacts(call_s=call_s)
    opposed = CasePair(id="x", base_case=case, head_case=case, base=facts, head=facts)
    (request,) = block_requests(opposed, msgspec.structs.replace(PLAN, block_s=block_s), "A")

    calls = request.rounds * request.calls_a_round
    assert 1 <= request.rounds <= 30
    assert calls >= min(1, block_s / call_s)
    assert calls * call_s <= max(call_s, block_s + (request.calls_a_round + 1) * call_s)


@pytest.mark.parametrize(
    ("order", "moved"),
    [("ABBA", "ABBA"), ("ABBABAAB" * 2, "AB..BA..AB..BA.."), ("ABBA" * 6, "AB....BA....AB....BA....")],
)
def test_a_side_has_four_layouts_at_most_and_both_get_them_in_one_pair(order: str, moved: str) -> None:
    requests = block_requests(CONTESTS[0], PLAN, order)
    assert "".join(at if one.has_new_layout else "." for at, one in zip(order, requests, strict=True)) == moved


def test_covariates_that_were_zero_in_all_blocks_are_left_out() -> None:
    one, other = Block((1.0,), {"a": (0.0,), "b": (0.0,)}), Block((1.0,), {"a": (0.0,), "b": (2.0,)})
    assert without_zeros([one, other]) == (Block((1.0,), {"b": (0.0,)}), Block((1.0,), {"b": (2.0,)}))
