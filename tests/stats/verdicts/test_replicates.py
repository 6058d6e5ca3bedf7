from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from contested import CRASH, make_replicate
from hypothesis import given
from hypothesis import strategies as st

from zoobench.records.comparison import Block, Replicate, SideName, Stage
from zoobench.stats.verdicts.replicates import Dropped, LogRatio, log_ratio, pairs_of

BEST_S = {SideName.BASE: 1.0, SideName.HEAD: 1.0}


def replicate(order: str, *blocks: Block) -> Replicate:
    return Replicate(case_pair="case", stage=Stage.SCREEN, generation=0, order=order, blocks=blocks)


def quiet(call_s: float, rounds: int = 3) -> Block:
    return Block(samples=(call_s,) * rounds)


def paced(call_s: float, *paces: float) -> Block:
    """Rounds that took so long times their pace, with readings that say so."""
    return Block(samples=tuple(call_s * pace for pace in paces), references_s=(*paces, paces[-1]))


def swapped(of: Replicate) -> Replicate:
    return msgspec.structs.replace(of, order=of.order.translate(str.maketrans("AB", "BA")))


@pytest.mark.parametrize(
    ("order", "pairs"),
    [
        ("ABBA", ((0, 1), (3, 2))),
        ("BAAB", ((1, 0), (2, 3))),
        ("ABBABAAB", ((0, 1), (3, 2), (5, 4), (6, 7))),
        ("AABB", ((1, 2),)),
        ("A", ()),
        ("", ()),
    ],
)
def test_consecutive_blocks_of_unlike_sides_pair_up(order: str, pairs: tuple[tuple[int, int], ...]) -> None:
    assert pairs_of(order) == pairs


@pytest.mark.parametrize("order", ["ABBA", "BAAB", "ABBABAAB", "BAABABBA", "ABBAABBA"])
@pytest.mark.parametrize("drift", [0.5, 0.03, -0.2])
def test_what_drifts_evenly_cancels(order: str, drift: float) -> None:
    """Every block takes e^drift times the one before, and the head 1.1 times the base: 1.1 is what is found."""
    blocks = [quiet(math.exp(drift * place) * (1.1 if side == "B" else 1.0)) for place, side in enumerate(order)]

    told = log_ratio(replicate(order, *blocks), BEST_S)

    assert isinstance(told, LogRatio)
    assert told.value == pytest.approx(math.log(1.1), rel=1e-12)


def test_the_same_drift_stays_where_one_side_is_always_first() -> None:
    """As numbers: blocks of 1, 2.2, 4, 8.8 s make a head of 1.1 look like one of 2.2."""
    told = log_ratio(replicate("ABAB", quiet(1.0), quiet(2.2), quiet(4.0), quiet(8.8)), BEST_S)
    balanced = log_ratio(replicate("ABBA", quiet(1.0), quiet(2.2), quiet(4.4), quiet(8.0)), BEST_S)

    assert isinstance(told, LogRatio)
    assert math.exp(told.value) == pytest.approx(2.2)
    assert isinstance(balanced, LogRatio)
    assert math.exp(balanced.value) == pytest.approx(1.1)


def test_a_block_is_its_median_and_a_replicate_that_of_its_pairs() -> None:
    told = log_ratio(
        replicate(
            "ABBABAAB",
            Block(samples=(1.0, 1.0, 99.0)),
            quiet(2.0),
            quiet(2.0),
            quiet(1.0),
            quiet(50.0),
            quiet(1.0),
            quiet(1.0),
            quiet(2.0),
        ),
        BEST_S,
    )
    assert told == LogRatio(value=math.log(2.0), base_s=1.0, head_s=2.0)


rounds = st.lists(st.floats(1e-4, 1e2), min_size=1, max_size=4)


@st.composite
def replicates(draw: Any) -> Replicate:
    blocks = []
    order = draw(st.sampled_from(["ABBA", "BAAB", "ABBABAAB", "ABABAB"]))
    has_readings = draw(st.booleans())
    for _ in order:
        samples = tuple(draw(rounds))
        size = len(samples)
        readings = draw(st.lists(st.sampled_from([1.0, 1.04, 1.3, 1.34]), min_size=size + 1, max_size=size + 1))
        paused = draw(st.lists(st.sampled_from([0.0, 0.0, 0.0, 1.0]), min_size=size, max_size=size))
        has_column = draw(st.booleans())
        blocks.append(
            Block(
                samples=samples,
                covariates={"continued": tuple(paused)} if has_column else {},
                references_s=tuple(readings) if has_readings else (),
            )
        )
    return replicate(order, *blocks)


@given(replicates())
def test_both_sides_are_treated_alike(of: Replicate) -> None:
    here, there = log_ratio(of, BEST_S), log_ratio(swapped(of), BEST_S)
    if isinstance(here, Dropped):
        assert here == there
    else:
        assert there == LogRatio(value=-here.value, base_s=here.head_s, head_s=here.base_s)


@given(replicates(), st.data())
def test_whether_a_replicate_is_dropped_never_depends_on_its_times(of: Replicate, data: st.DataObject) -> None:
    others = tuple(
        msgspec.structs.replace(block, samples=tuple(data.draw(st.floats(1e-4, 1e2)) for _ in block.samples))
        for block in of.blocks
    )
    retimed = msgspec.structs.replace(of, blocks=others)
    assert isinstance(log_ratio(of, BEST_S), Dropped) == isinstance(log_ratio(retimed, BEST_S), Dropped)


def test_disturbed_rounds_are_set_aside() -> None:
    paused = Block(samples=(1.0, 7.0, 1.0), covariates={"continued": (0.0, 1.0, 0.0)})
    waiting = Block(samples=(2.0, 2.0, 9.0, 9.0, 9.0), covariates={"run_delay_s": (0.0, 0.0, 3.0, 3.0, 3.0)})

    told = log_ratio(replicate("ABBA", paused, waiting, quiet(2.0), quiet(1.0)), BEST_S)

    assert told == LogRatio(value=math.log(2.0), base_s=1.0, head_s=2.0)


def test_a_pair_with_a_block_of_hardly_any_quiet_rounds_is_dropped() -> None:
    stolen = Block(samples=(5.0,) * 8, covariates={"steal_s": (0.0, *(1.0,) * 7)})
    rest = (quiet(2.0), quiet(1.0), quiet(2.0), quiet(1.0), quiet(1.0), quiet(2.0))

    told = log_ratio(replicate("ABBABAAB", stolen, quiet(2.0), *rest), BEST_S)
    too_few = log_ratio(replicate("ABBA", stolen, quiet(2.0), quiet(2.0), quiet(1.0)), BEST_S)

    assert told == LogRatio(value=math.log(2.0), base_s=1.0, head_s=2.0)
    assert too_few == Dropped("1 of 2 pairs of blocks were undisturbed, 2 are needed")


def test_less_than_half_of_the_pairs_are_too_few() -> None:
    good, bad = (quiet(1.0), quiet(1.0)), (quiet(1.0), Block(samples=(1.0,), covariates={"continued": (1.0,)}))

    assert isinstance(log_ratio(replicate("AB" * 6, *good * 3, *bad * 3), BEST_S), LogRatio)
    assert isinstance(log_ratio(replicate("AB" * 6, *good * 2, *bad * 4), BEST_S), Dropped)


def test_pairs_that_were_equally_slow_can_be_compared() -> None:
    slow = log_ratio(
        replicate("ABBA", paced(1.0, 1.3, 1.31), paced(2.0, 1.3, 1.32), paced(2.0, 1.4, 1.4), paced(1.0, 1.42, 1.4)),
        BEST_S,
    )
    uneven = log_ratio(
        replicate("ABBA", paced(1.0, 1.0, 1.0), paced(2.0, 1.3, 1.3), paced(2.0, 1.4, 1.4), paced(1.0, 1.2, 1.2)),
        BEST_S,
    )

    assert isinstance(slow, LogRatio)
    assert slow.value == pytest.approx(math.log(2.0), abs=0.01)
    assert isinstance(uneven, Dropped)


def test_many_pairs_of_any_pace_are_better_than_none() -> None:
    """One of nine met the slow machine on one side only: the middle is that of the others."""
    uneven = (paced(1.0, 1.3, 1.3), paced(2.0, 1.4, 1.4)), (paced(1.0, 1.0, 1.0), paced(3.0, 1.5, 1.5))
    blocks = [block for pair in (*[uneven[0]] * 8, uneven[1]) for block in pair]

    told = log_ratio(replicate("AB" * 9, *blocks), BEST_S)

    assert told == LogRatio(value=pytest.approx(math.log(2.8 / 1.3)), base_s=1.3, head_s=2.8)
    assert isinstance(log_ratio(replicate("AB" * 7, *blocks[:14]), BEST_S), Dropped)


def test_without_readings_nobody_knows_whether_a_slow_block_had_its_like() -> None:
    """Only the base's blocks are known to be slow: the head's cannot be said to have been so too."""
    unread = quiet(2.0, rounds=2)
    slow = paced(1.0, 1.3, 1.3)
    assert isinstance(log_ratio(replicate("ABBA", slow, unread, unread, slow), BEST_S), Dropped)


def test_quiet_pairs_are_preferred_to_equally_slow_ones() -> None:
    quiet_pairs = (paced(1.0, 1.0, 1.0), paced(2.0, 1.0, 1.0), paced(2.0, 1.0, 1.0), paced(1.0, 1.0, 1.0))
    slow_pairs = (paced(3.0, 1.5, 1.5), paced(1.0, 1.5, 1.5), paced(1.0, 1.5, 1.5), paced(3.0, 1.5, 1.5))

    told = log_ratio(replicate("ABBAABBA", *quiet_pairs, *slow_pairs), BEST_S)

    assert told == LogRatio(value=math.log(2.0), base_s=1.0, head_s=2.0)


def test_a_pause_is_no_slowness_that_both_sides_could_share() -> None:
    paused = Block(samples=(1.0,), covariates={"continued": (1.0,)}, references_s=(1.3, 1.3))
    assert isinstance(log_ratio(replicate("ABBA", paused, paused, paused, paused), BEST_S), Dropped)


def test_each_side_has_its_own_quiet_best() -> None:
    """Another torch's reference takes twice as long: its side is not slow for that."""
    head = Block(samples=(2.0,), references_s=(2.0, 2.0))
    told = log_ratio(
        replicate("ABBA", paced(1.0, 1.0), head, head, paced(1.0, 1.0)), {SideName.BASE: 1.0, SideName.HEAD: 2.0}
    )
    assert told == LogRatio(value=math.log(2.0), base_s=1.0, head_s=2.0)


def test_a_failed_replicate_says_nothing() -> None:
    told = log_ratio(make_replicate("case", 0.1, failure=CRASH, failed=SideName.HEAD), BEST_S)
    assert told == Dropped("head failed: the worker was killed by SIGSEGV")


def test_one_pair_is_too_few_however_good() -> None:
    assert log_ratio(replicate("AB", quiet(1.0), quiet(1.0)), BEST_S) == Dropped(
        "1 pairs of blocks were measured, 2 are needed"
    )


def test_beside_a_busy_neighbour_replicates_are_kept_and_not_biased(monkeypatch: pytest.MonkeyPatch) -> None:
    """A neighbour slows everything by a fifth to a half, for seconds, for six tenths of the time.

    By quiet pairs alone half of the replicates would be lost; with equally slow ones beside them next to none is, at no
    wider spread, and their middle is the truth.
    """
    rng = np.random.default_rng(6)
    measured = [_beside_a_neighbour(rng, change=0.1) for _ in range(600)]
    kept = [one.value for one in (log_ratio(one, BEST_S) for one in measured) if isinstance(one, LogRatio)]
    monkeypatch.setattr("zoobench.stats.verdicts.replicates.EVEN_PACE_RATIO", 0.0)
    quiet_only = [one.value for one in (log_ratio(one, BEST_S) for one in measured) if isinstance(one, LogRatio)]

    assert len(kept) / len(measured) > 0.95
    assert len(quiet_only) / len(measured) < 0.55
    assert np.median(kept) == pytest.approx(math.log(1.1), abs=0.001)
    assert np.std(kept) < 1.1 * np.std(quiet_only)


def _beside_a_neighbour(rng: np.random.Generator, *, change: float) -> Replicate:
    """Eight blocks of fifteen calls of 10 ms; spells of 1.5 s on and 1 s off in the mean."""
    is_busy, left_s, slowness = rng.random() < 0.6, rng.exponential(1.0), rng.uniform(1.2, 1.5)
    blocks = []
    order = "ABBABAAB"
    for side in order:
        samples, readings = [], []
        for _ in range(16):
            pace = slowness if is_busy else 1.0
            readings.append(pace * rng.lognormal(0, 0.005))
            samples.append(pace**0.9 * (1 + change * (side == "B")) * rng.lognormal(0, 0.01))
            left_s -= 0.01
            if left_s < 0:
                is_busy, slowness = not is_busy, rng.uniform(1.2, 1.5)
                left_s = rng.exponential(1.5 if is_busy else 1.0)
        blocks.append(Block(samples=tuple(samples[:-1]), references_s=tuple(readings)))
    return replicate(order, *blocks)
