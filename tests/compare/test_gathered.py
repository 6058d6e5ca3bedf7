from __future__ import annotations

import math

import msgspec
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

from zoobench.compare.evidence import Block, Evidence, Kind, Replicate, SideName, Stage
from zoobench.compare.gathered import Gathered, gather

CONTEST = make_contest()


def gather_one(*replicates: Replicate, **more: object) -> Gathered:
    [found] = gather(Evidence(experiment=make_experiment(**more), contests=(CONTEST,), replicates=replicates))
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


def slow_block(call_s: float, reading_s: float) -> Block:
    return Block(samples=(call_s,), references_s=(reading_s, reading_s))


def of_pace(reading_s: float, **more: object) -> Replicate:
    """Blocks of one pace on the base, and of half as much more on the head."""
    base, head = slow_block(1.0, reading_s), slow_block(1.5, 1.5 * reading_s)
    return make_replicate(CONTEST.id, 0.0, blocks=(base, head, head, base), **more)


def test_the_quiet_best_is_that_of_the_whole_experiment() -> None:
    """The first generation's base is quiet; beside it its head is slow, and the other generation altogether."""
    found = gather_one(of_pace(1.0, generation=0), of_pace(2.0, generation=1))
    assert len(found.dropped[Stage.SCREEN]) == 2


def test_the_screening_knows_nothing_of_later_readings() -> None:
    """Alone, both sides of the second torch are quiet in their own way; a quieter confirmation must not change that."""
    other_torch = {
        "kind": Kind.ENVIRONMENTS,
        "head": make_side(SideName.HEAD, environment=make_environment(torch="2.15.0")),
    }
    screened, quieter = of_pace(2.0, generation=0), of_pace(1.0, generation=0, stage=Stage.CONFIRM)
    alone, followed = gather_one(screened, **other_torch), gather_one(screened, quieter, **other_torch)
    assert alone.screened == followed.screened
    assert [ratio.value for ratio in alone.screened] == [pytest.approx(math.log(1.5))]


def test_threads_have_a_quiet_best_of_their_own() -> None:
    """Two threads take half the time of one: that is no disturbance of the case with one."""
    two, one = CONTEST, make_contest(make_case("resnet18", threads=1))
    fast = tuple(slow_block(1.0, 0.5) for _ in range(4))
    slow = tuple(slow_block(2.0, 1.0) for _ in range(4))
    replicates = (make_replicate(two.id, 0.0, blocks=fast), make_replicate(one.id, 0.0, blocks=slow))
    found = gather(Evidence(experiment=make_experiment(), contests=(two, one), replicates=replicates))
    assert [len(gathered.screened) for gathered in found] == [1, 1]


def test_only_the_stages_asked_for_are_gathered() -> None:
    evidence = Evidence(
        experiment=make_experiment(),
        contests=(CONTEST,),
        replicates=(make_replicate(CONTEST.id, 0.1), make_replicate(CONTEST.id, 0.1, stage=Stage.CONFIRM)),
    )
    [found] = gather(evidence, (Stage.SCREEN,))
    assert (len(found.screened), len(found.confirmed)) == (1, 0)


def test_a_contest_without_replicates_is_there() -> None:
    assert gather_one() == Gathered(contest=CONTEST, dropped={Stage.SCREEN: (), Stage.CONFIRM: ()})
    assert msgspec.structs.asdict(gather_one())["failures"] == {}
