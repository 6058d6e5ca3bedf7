from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoobench.records.comparison import Block
from zoobench.stats.interference import COVARIATES, PACE, Cause, causes, paces
from zoobench.stats.summaries import LEAST_QUIET_SHARE
from zoobench.stats.verdicts.replicates import block_times

shares = st.sampled_from([0.0, 0.0, 0.0, 0.001, 1.0])


@st.composite
def blocks(draw: st.DrawFn) -> Block:
    rounds = draw(st.integers(0, 9))
    samples = tuple(draw(st.lists(st.floats(1e-3, 1e1), min_size=rounds, max_size=rounds)))
    told = draw(st.sets(st.sampled_from(["steal_s", "run_delay_s", "continued", "throttled", "cpu_s", "host_lead"])))
    covariates = {name: tuple(draw(st.lists(shares, min_size=rounds, max_size=rounds))) for name in told}
    has_readings = draw(st.booleans())
    readings = st.lists(st.sampled_from([1.0, 1.04, 1.2]), min_size=rounds + 1, max_size=rounds + 1)
    return Block(samples=samples, covariates=covariates, references_s=tuple(draw(readings)) if has_readings else ())


def one_by_one(block: Block, best_s: float) -> tuple[float, float, float]:
    """The same by the functions that a run's summary uses, a block at a time."""
    pace = paces([block.references_s], best_s) if block.references_s else ()
    told = {name: values for name, values in block.covariates.items() if name in COVARIATES}
    found = causes(block.samples, {**told, PACE: pace})
    return (
        median_of(block.samples, found, (None,)),
        median_of(block.samples, found, (None, Cause.SLOW)),
        median_of(pace, found, (None, Cause.SLOW)) if pace else math.nan,
    )


def median_of(values: Sequence[float], found: Sequence[Cause | None], kept: Collection[Cause | None]) -> float:
    chosen = [value for value, cause in zip(values, found, strict=True) if cause in kept]
    return statistics.median(chosen) if chosen and len(chosen) >= LEAST_QUIET_SHARE * len(values) else math.nan


@given(st.lists(st.tuples(blocks(), st.sampled_from([0.9, 1.0])), max_size=12))
def test_all_at_once_is_each_by_itself(of: list[tuple[Block, float]]) -> None:
    at_once = block_times([block for block, _ in of], [best_s for _, best_s in of])
    assert len(at_once) == len(of)
    for times, (block, best_s) in zip(at_once, of, strict=True):
        assert tuple(times) == pytest.approx(one_by_one(block, best_s), rel=1e-12, nan_ok=True)


def test_of_no_blocks_there_are_no_times() -> None:
    assert block_times([], []) == []


def test_a_quarter_of_the_rounds_is_enough() -> None:
    def paused(quiet: int, rounds: int) -> Block:
        return Block(
            samples=tuple(float(place) for place in range(1, rounds + 1)),
            covariates={"continued": (*(0.0,) * quiet, *(1.0,) * (rounds - quiet))},
        )

    enough, too_few = block_times([paused(2, 8), paused(2, 9)], [math.nan] * 2)
    assert enough.quiet_s == 1.5
    assert math.isnan(too_few.quiet_s)


def test_a_slow_host_far_ahead_of_its_device_leaves_a_block_quiet() -> None:
    def slow(lead: float) -> Block:
        return Block(samples=(1.0, 3.0), covariates={"host_lead": (lead, lead)}, references_s=(2.0, 2.0, 2.0))

    ahead, behind = block_times([slow(0.5), slow(0.0)], [1.0, 1.0])

    assert (ahead.quiet_s, ahead.slow_s) == (2.0, 2.0)
    assert math.isnan(behind.quiet_s)
    assert behind.slow_s == 2.0
