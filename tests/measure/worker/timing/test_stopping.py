from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
import pytest
import series
from series import Draw

from zoobench.cases import Budget
from zoobench.measure.worker.timing_loop import Stop, reason_to_stop
from zoobench.stats.estimates import summarize_blocks

BUDGET = Budget(precision_target=0.02, min_rounds=6, max_rounds=100, min_s=2.0, max_s=8.0)
STEADY = [[1.0]] * 7
WILD = [[1.0], [2.0]] * 4


def reason(
    blocks: list[list[float]],
    budget: Budget = BUDGET,
    *,
    rounds: int = 24,
    elapsed_s: float = 3.0,
    next_s: float = 0.1,
) -> Stop | None:
    return reason_to_stop(budget, rounds, elapsed_s=elapsed_s, next_s=next_s, undisturbed=lambda: blocks)


def test_a_narrow_interval_after_the_least_time_and_rounds_is_enough() -> None:
    assert reason(STEADY, rounds=6, elapsed_s=2.0) is Stop.PRECISE


@pytest.mark.parametrize(
    ("blocks", "rounds", "elapsed_s"),
    [
        (STEADY, 5, 3.0),
        (STEADY, 6, 1.9),
        (WILD, 24, 3.0),
        ([[1.0]] * 6, 24, 3.0),
        ([[-1.0], *[[0.0]] * 6, [1.0]], 24, 3.0),
        ([], 24, 3.0),
    ],
    ids=["too few rounds", "too short", "too wide", "too few blocks", "no ratio to zero", "none undisturbed"],
)
def test_sampling_goes_on(blocks: list[list[float]], rounds: int, elapsed_s: float) -> None:
    assert reason(blocks, rounds=rounds, elapsed_s=elapsed_s) is None


def test_the_last_block_may_end_exactly_at_the_budget_and_no_later() -> None:
    assert reason(WILD, elapsed_s=7.5, next_s=0.5) is None
    assert reason(WILD, elapsed_s=7.5, next_s=0.5 + 2**-20) is Stop.MAX_SECONDS


def test_the_budget_ends_before_the_interval_is_asked_for() -> None:
    def never() -> list[list[float]]:
        raise AssertionError("not needed")

    for rounds, elapsed_s in ((100, 3.0), (24, 8.0), (5, 3.0), (24, 1.0)):
        reason_to_stop(BUDGET, rounds, elapsed_s=elapsed_s, next_s=0.1, undisturbed=never)


def test_the_greatest_number_of_rounds_is_told_before_the_time() -> None:
    assert reason(STEADY, rounds=100, elapsed_s=100.0) is Stop.MAX_ROUNDS
    assert reason(STEADY, rounds=99, elapsed_s=100.0) is Stop.MAX_SECONDS


def test_the_target_itself_is_precise_enough() -> None:
    """Of 6 or 7 blocks the interval runs from the least to the greatest: here 1 ± 1/64."""
    budget = msgspec.structs.replace(BUDGET, precision_target=1 / 64)

    assert reason(blocks_around_one(65 / 64), budget) is Stop.PRECISE
    assert reason(blocks_around_one(66 / 64), budget) is None


def blocks_around_one(greatest: float) -> list[list[float]]:
    """In an order in which no block agrees with the next."""
    return [[1.0], [63 / 64], [greatest], [63 / 64], [greatest], [1.0], [1.0]]


def test_an_interval_must_be_narrow_twice_in_a_row() -> None:
    """One wild block is an end of the interval until there are nine, whose interval leaves out one at each end."""
    blocks = [[2.0], *[[1.0]] * 9]
    assert [summarize_blocks(blocks[:n]).half_width_ratio == 0.0 for n in (8, 9, 10)] == [False, True, True]

    assert [reason(blocks[:n]) for n in (8, 9, 10)] == [None, None, Stop.PRECISE]


# What stopping does to the interval

REPETITIONS = 1500
MOST_BLOCKS = 40
OPEN = Budget(precision_target=0.02, min_rounds=1, max_rounds=10**9, min_s=0.0, max_s=1e9)

LAWS: dict[str, tuple[Draw, float, Callable[[int], float]]] = {
    "independent, soon": (series.independent, 0.02, lambda _: 0.0),
    "independent, late": (series.independent, 0.06, lambda _: 0.0),
    "autocorrelated, soon": (series.autoregressive(0.9), 0.005, lambda _: 0.0),
    "autocorrelated, midway": (series.autoregressive(0.9), 0.01, lambda _: 0.0),
    "autocorrelated, late": (series.autoregressive(0.9), 0.015, lambda _: 0.0),
    "bimodal": (series.bimodal, 0.5, lambda _: series.median_of_bimodal()),
    "heavy-tailed": (series.heavy_tailed, 0.02, lambda _: 0.0),
    "drifting": (series.drifting, 4.0, lambda n: 0.02 * ((n - 1) / 2 / (MOST_BLOCKS - 1)) - 0.01),
    "skewed": (series.skewed, 0.15, lambda _: 1.0),
}
"""How much each spreads about 1, so that ±2 % is reached soon or late; and the truth, of a drift so far."""

Stopped = Callable[[list[list[float]]], bool]


def coverage_at_stopping(law: str, is_enough: Stopped) -> float:
    """Share of intervals that hold the truth when sampling stops as soon as enough was seen, or after 40 blocks."""
    draw, scale, truth = LAWS[law]
    medians = 1 + scale * np.median(draw(np.random.default_rng(20260301), REPETITIONS, MOST_BLOCKS), axis=2)
    held = 0
    for blocks in medians[:, :, None].tolist():
        n = next((n for n in range(6, MOST_BLOCKS) if is_enough(blocks[:n])), MOST_BLOCKS)
        summary = summarize_blocks(blocks[:n])
        held += summary.low <= 1 + scale * truth(n) <= summary.high
    return held / REPETITIONS


@pytest.mark.parametrize("law", LAWS)
def test_where_sampling_stops_intervals_hold_the_truth(law: str) -> None:
    assert coverage_at_stopping(law, lambda blocks: reason(blocks, OPEN) is Stop.PRECISE) >= 0.93


def test_one_narrow_interval_would_be_narrow_by_chance() -> None:
    """Why two in a row are asked for."""

    def is_narrow(blocks: list[list[float]]) -> bool:
        ratio = summarize_blocks(blocks).half_width_ratio
        return ratio is not None and ratio <= 0.02

    assert coverage_at_stopping("autocorrelated, late", is_narrow) < 0.92
