from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from contested import (
    CRASH,
    failed_replicates,
    make_contest,
    make_environment,
    make_experiment,
    make_replicate,
    make_side,
)
from synthetic import make_case

from zoobench.records.comparison import Block, ComparisonKind, Evidence, Replicate, SideName, Stage
from zoobench.stats.verdicts.replicates import Gathered, LogRatio, gather

CONTEST = make_contest()


def gather_one(*replicates: Replicate, **more: object) -> Gathered:
    [found] = gather(Evidence(setup=make_experiment(**more), case_pairs=(CONTEST,), replicates=replicates))
    return found


def logs(gathered: Gathered, stage: Stage) -> list[float]:
    ratios = gathered.screened if stage is Stage.SCREEN else gathered.confirmed
    return [pytest.approx(ratio.value) for ratio in ratios]


def test_stages_are_kept_apart() -> None:
    found = gather_one(
        make_replicate(CONTEST.id, 0.1, 0, Stage.SCREEN),
        make_replicate(CONTEST.id, 0.2, 1, Stage.SCREEN),
        make_replicate(CONTEST.id, 0.3, 0, Stage.CONFIRM),
    )
    assert (logs(found, Stage.SCREEN), logs(found, Stage.CONFIRM)) == ([0.1, 0.2], [0.3])


def test_a_generation_that_was_begun_anew_is_one_replicate() -> None:
    first = make_replicate(CONTEST.id, 0.1, 0)
    again = make_replicate(CONTEST.id, 0.2, 0, attempt=2)
    assert logs(gather_one(first, again), Stage.SCREEN) == [0.2]


def test_the_attempt_that_did_not_fail_counts() -> None:
    [failure, _] = failed_replicates(CONTEST.id, SideName.HEAD)
    again = make_replicate(CONTEST.id, 0.2, 0, attempt=2)
    found = gather_one(failure, again)
    assert (logs(found, Stage.SCREEN), found.failures) == ([0.2], {})


def test_a_failure_that_comes_again_is_the_sides() -> None:
    found = gather_one(*failed_replicates(CONTEST.id, SideName.HEAD), make_replicate(CONTEST.id, 0.2, 1))
    assert found.failures == {SideName.HEAD: CRASH}
    assert found.dropped[Stage.SCREEN] == ("head failed: the worker was killed by SIGSEGV",)
    assert logs(found, Stage.SCREEN) == [0.2]


def test_a_failure_at_the_first_attempt_alone_is_nobodys_yet() -> None:
    assert gather_one(*failed_replicates(CONTEST.id, SideName.HEAD, attempts=(1,))).failures == {}


def test_an_attempt_that_failed_later_does_not_undo_one_that_did_not() -> None:
    """The generation was begun anew for another case's sake."""
    _, second = failed_replicates(CONTEST.id, SideName.HEAD)
    assert logs(gather_one(make_replicate(CONTEST.id, 0.1, 0), second), Stage.SCREEN) == [0.1]


def block(call_s: float, reading_s: float) -> Block:
    return Block(samples=(call_s,), references_s=(reading_s, reading_s))


def half_slow(reading_s: float, case_pair: str = CONTEST.id, **more: object) -> Replicate:
    """Two pairs at the reading's own pace, in which the head takes 1.5 times as long; two slower ones, 2.5 times.

    Where the first two are known to be quiet, 1.5 is the replicate's; where they are not, the middle of all four.
    """
    blocks = [
        block(1.0 if side == "A" else ratio, pace * reading_s)
        for ratio, pace in ((1.5, 1.0), (2.5, 1.5))
        for side in "ABBA"
    ]
    return make_replicate(case_pair, 0.0, order="ABBAABBA", blocks=tuple(blocks), **more)


def ratio_of(replicates: Sequence[LogRatio]) -> float:
    [found] = replicates
    return math.exp(found.value)


def test_the_quiet_best_is_that_of_all_generations() -> None:
    alone, beside_a_quieter_one = (
        gather_one(half_slow(2.0), *others) for others in ((), (half_slow(1.0, generation=1),))
    )
    assert ratio_of(alone.screened) == pytest.approx(1.5)
    assert math.exp(beside_a_quieter_one.screened[0].value) == pytest.approx(math.sqrt(1.5 * 2.5))


def test_the_screening_knows_nothing_of_later_readings() -> None:
    found = gather_one(half_slow(2.0), half_slow(1.0, stage=Stage.CONFIRM))
    assert ratio_of(found.screened) == pytest.approx(1.5)


def test_the_confirmation_knows_the_readings_of_the_screening() -> None:
    found = gather_one(half_slow(1.0), half_slow(2.0, stage=Stage.CONFIRM))
    assert ratio_of(found.confirmed) == pytest.approx(math.sqrt(1.5 * 2.5))


def test_threads_have_a_quiet_best_of_their_own() -> None:
    """Two threads take half the time of one: beside them, one is not slow."""
    two, one = CONTEST, make_contest(make_case("resnet18", threads=1))
    replicates = (half_slow(0.5), half_slow(1.0, one.id))
    _, found = gather(Evidence(setup=make_experiment(), case_pairs=(two, one), replicates=replicates))
    assert ratio_of(found.screened) == pytest.approx(1.5)


def test_versions_of_torch_have_a_quiet_best_of_their_own() -> None:
    """The head's multiplies half as fast: its blocks are not slow for that."""
    other = {
        "kind": ComparisonKind.ENVIRONMENTS,
        "head": make_side(SideName.HEAD, environment=make_environment(torch="2.15.0")),
    }
    base, head = block(1.0, 1.0), block(1.5, 2.0)
    replicate = make_replicate(CONTEST.id, 0.0, blocks=(base, head, head, base))
    assert ratio_of(gather_one(replicate, **other).screened) == pytest.approx(1.5)
    assert gather_one(replicate).screened == ()


def test_only_the_stages_asked_for_are_gathered() -> None:
    evidence = Evidence(
        setup=make_experiment(),
        case_pairs=(CONTEST,),
        replicates=(make_replicate(CONTEST.id, 0.1), make_replicate(CONTEST.id, 0.1, stage=Stage.CONFIRM)),
    )
    [found] = gather(evidence, (Stage.SCREEN,))
    assert (len(found.screened), len(found.confirmed)) == (1, 0)


def test_a_contest_without_replicates_is_there() -> None:
    assert gather_one() == Gathered(case_pair=CONTEST, dropped={Stage.SCREEN: (), Stage.CONFIRM: ()})
