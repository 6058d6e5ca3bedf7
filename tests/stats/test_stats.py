from __future__ import annotations

import itertools
import math
import statistics
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import series
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import kendalltau
from series import Draw

from zoobench.stats.estimates import CONFIDENCE, median_rank, summarize, summarize_blocks, summarize_replicates, trend

LARGE = (1000, 1074, 1075, 1076, 2001, 5000)
"""Around and far above the n at which 2**-n is no longer a float."""


def exact_median_rank(n: int, confidence: Fraction) -> int | None:
    """The definition, in whole numbers: the largest r with 1 - 2 P(B ≤ r) ≥ confidence, B binomial (n, ½)."""
    allowed = (1 - confidence) / 2 * 2**n
    sums = itertools.accumulate(math.comb(n, k) for k in range(n + 1))
    inside = sum(1 for _ in itertools.takewhile(lambda total: total <= allowed, sums))
    return inside - 1 if inside else None


@pytest.mark.parametrize("confidence", ["0.5", "0.9", "0.95", "0.99"])
def test_the_rank_is_the_exact_one(confidence: str) -> None:
    # At 50 % and n = 2, P(B ≤ 0) is exactly what is allowed: a tie that logarithms must not lose.
    for n in range(1, 301):
        assert median_rank(n, float(confidence)) == exact_median_rank(n, Fraction(confidence)), n


@pytest.mark.parametrize("n", LARGE)
def test_the_rank_is_the_exact_one_where_powers_of_two_underflow(n: int) -> None:
    assert median_rank(n) == exact_median_rank(n, Fraction("0.95"))


def test_the_rank_of_a_million_follows_the_normal_law() -> None:
    """r + 1 ≈ n/2 - 1.96 √n / 2, as in the asymptotic interval; within one rank at this n."""
    n = 1_000_000
    assert median_rank(n) == pytest.approx(n / 2 - 1.959964 * math.sqrt(n) / 2, abs=1.5)


def test_five_samples_are_too_few_and_six_are_enough() -> None:
    assert [median_rank(n) for n in (1, 2, 5, 6, 7, 8, 9)] == [None, None, None, 0, 0, 0, 1]


@pytest.mark.parametrize("n", [6, 9, 25, 50])
@pytest.mark.parametrize("law", ["normal", "lognormal", "exponential"])
def test_the_interval_covers_the_true_median_as_often_as_it_claims(law: str, n: int) -> None:
    medians = {"normal": 0.0, "lognormal": 1.0, "exponential": math.log(2)}
    draws = {"normal": "standard_normal", "lognormal": "lognormal", "exponential": "standard_exponential"}
    rng = np.random.default_rng(20260301)
    samples = getattr(rng, draws[law])(size=(2000, n))
    summaries = [summarize(row) for row in samples]
    covered = sum(s.low <= medians[law] <= s.high for s in summaries) / len(summaries)
    assert covered >= 0.93
    one_rank_tighter = [np.sort(row)[[median_rank(n) + 1, n - 2 - median_rank(n)]] for row in samples]
    tighter = sum(low <= medians[law] <= high for low, high in one_rank_tighter) / len(samples)
    assert tighter < CONFIDENCE + 0.01, "a narrower interval would have been enough"


numbers = st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: round(value, 6))
samples = st.lists(numbers, min_size=1, max_size=60)


@given(samples)
def test_the_interval_is_of_order_statistics_and_holds_the_median(values: list[float]) -> None:
    summary = summarize(values)
    assert summary.n == len(values)
    assert min(values) <= summary.median <= max(values)
    assert (summary.low is None) == (summary.high is None) == (len(values) < 6)
    if summary.low is not None:
        assert summary.low <= summary.median <= summary.high
        assert {summary.low, summary.high} <= set(values)


@given(samples, st.randoms(use_true_random=False))
def test_the_order_of_the_samples_does_not_matter(values: list[float], rng: object) -> None:
    shuffled = list(values)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert summarize(shuffled) == summarize(values)


@given(samples, st.sampled_from([0.25, 2.0, 1024.0]))
def test_a_change_of_unit_changes_nothing_else(values: list[float], factor: float) -> None:
    """Powers of two, so that the equality is exact."""
    plain, scaled = summarize(values), summarize([factor * value for value in values])
    assert scaled.median == factor * plain.median
    assert scaled.half_width_ratio == plain.half_width_ratio
    if plain.low is not None:
        assert (scaled.low, scaled.high) == (factor * plain.low, factor * plain.high)


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=60), st.integers(-1000, 1000))
def test_a_shift_shifts_the_interval(values: list[int], shift: int) -> None:
    plain, shifted = summarize(values), summarize([value + shift for value in values])
    assert shifted.median == plain.median + shift
    if plain.low is not None:
        assert (shifted.low, shifted.high) == (plain.low + shift, plain.high + shift)


@given(st.lists(st.integers(-1000, 1000), min_size=6, max_size=60))
def test_a_sign_turns_the_interval_round(values: list[int]) -> None:
    plain, turned = summarize(values), summarize([-value for value in values])
    assert (turned.low, turned.median, turned.high) == (-plain.high, -plain.median, -plain.low)
    assert turned.half_width_ratio == plain.half_width_ratio


@given(st.lists(numbers, min_size=6, max_size=60), st.floats(0.5, 0.9), st.floats(0.9, 0.99))
def test_more_confidence_is_a_wider_interval(values: list[float], less: float, more: float) -> None:
    narrow, wide = summarize(values, less), summarize(values, more)
    assume(wide.low is not None)
    assert wide.low <= narrow.low <= narrow.high <= wide.high


def test_known_samples() -> None:
    summary = summarize([9.0, 1.0, 8.0, 2.0, 7.0, 3.0, 6.0, 4.0, 5.0])
    assert (summary.n, summary.median, summary.low, summary.high) == (9, 5.0, 2.0, 8.0)
    assert summary.half_width_ratio == pytest.approx(0.6)


def test_too_few_samples_have_a_median_and_no_width() -> None:
    summary = summarize([1.0, 2.0])
    assert (summary.median, summary.low, summary.high, summary.half_width_ratio) == (1.5, None, None, None)


def test_a_median_of_zero_has_no_width_in_ratio_to_it() -> None:
    assert summarize([-1.0, 0.0, 0.0, 0.0, 0.0, 1.0]).half_width_ratio is None


def test_no_samples_are_no_summary() -> None:
    with pytest.raises(ValueError, match=r"^no samples, no summary$"):
        summarize([])


# Blocks as replicates

MIDDLES = [4.0, 7.0, 1.0, 6.0, 2.0, 5.0, 3.0]
"""In this order one middle says nothing good of the next: the correlation at lag 1 is negative."""


def around(middle: float) -> list[float]:
    return [middle - 100.0, middle, middle + 100.0]


def test_blocks_count_by_their_medians() -> None:
    summary = summarize_blocks([around(middle) for middle in MIDDLES])

    assert (summary.n, summary.blocks) == (21, 7)
    assert (summary.median, summary.low, summary.high) == (4.0, 1.0, 7.0)


def test_blocks_of_one_are_samples_if_nothing_correlates() -> None:
    assert summarize_blocks([[middle] for middle in MIDDLES]) == summarize(MIDDLES)


def test_arms_are_lengthened_as_for_an_autoregressive_series() -> None:
    """From the middle: -3 -1 -2 1 0 3 2, so r is (3 + 2 - 2 + 0 + 0 + 6) ÷ 28, and corrected r + (1 + 3 r) ÷ 7 = 59/98.

    √((1 + 59/98) ÷ (1 - 59/98)) is √(157 ÷ 39).
    """
    summary = summarize_blocks([[middle] for middle in (1.0, 3.0, 2.0, 5.0, 4.0, 7.0, 6.0)])
    arm = 3.0 * math.sqrt(157 / 39)

    assert (summary.low, summary.median, summary.high) == pytest.approx((4.0 - arm, 4.0, 4.0 + arm))


def test_arms_are_lengthened_threefold_at_most() -> None:
    """Of 1 … 7, r is 16/28, and corrected 47/49: above 0.8, and √(1.8 ÷ 0.2) is 3."""
    rising = summarize_blocks([[float(n)] for n in range(1, 8)])

    assert (rising.low, rising.median, rising.high) == pytest.approx((4.0 - 3 * 3.0, 4.0, 4.0 + 3 * 3.0))


def test_each_arm_is_widened_from_the_median() -> None:
    skewed = summarize_blocks([[value] for value in (1.0, 1.0, 1.0, 2.0, 8.0, 9.0, 10.0)])

    assert skewed.median == 2.0
    assert (skewed.low, skewed.high) == pytest.approx((2.0 - 3 * 1.0, 2.0 + 3 * 8.0))


def test_equal_blocks_leave_no_doubt() -> None:
    summary = summarize_blocks([around(0.25)] * 6)

    assert (summary.low, summary.median, summary.high) == (0.25, 0.25, 0.25)


def test_five_blocks_have_no_interval_however_long_they_are() -> None:
    summary = summarize_blocks([[1.0, 2.0, 3.0] * 100] * 5)

    assert (summary.n, summary.blocks, summary.median) == (1500, 5, 2.0)
    assert (summary.low, summary.high) == (None, None)


def test_no_blocks_and_an_empty_one_are_no_summary() -> None:
    with pytest.raises(ValueError, match=r"^no samples, no summary$"):
        summarize_blocks([])
    with pytest.raises(ValueError, match=r"^no samples, no summary$"):
        summarize_blocks([[1.0], []])


whole_blocks = st.lists(st.lists(st.integers(-1000, 1000), min_size=1, max_size=5), min_size=1, max_size=30)


@given(whole_blocks, st.randoms(use_true_random=False))
def test_the_order_of_blocks_can_only_widen(blocks: list[list[int]], rng: Any) -> None:
    """The plain interval knows no order; what is told of a series lies round it in every order of its blocks."""
    plain = summarize([statistics.median(block) for block in blocks])
    shuffled = rng.sample(blocks, len(blocks))
    summary = summarize_blocks(shuffled)

    assert summary.median == plain.median
    assert (summary.n, summary.blocks) == (sum(map(len, blocks)), len(blocks))
    if plain.low is None:
        assert summary.low is None
    else:
        slack = 1e-9 * 1000
        assert plain.median - 3 * (plain.median - plain.low) - slack <= summary.low <= plain.low + slack
        assert plain.high - slack <= summary.high <= plain.median + 3 * (plain.high - plain.median) + slack


@given(whole_blocks, st.randoms(use_true_random=False))
def test_the_order_within_a_block_does_not_matter(blocks: list[list[int]], rng: Any) -> None:
    assert summarize_blocks([rng.sample(block, len(block)) for block in blocks]) == summarize_blocks(blocks)


@given(whole_blocks, st.sampled_from([-1.0, 0.25, 2.0, 1024.0]), st.integers(-1000, 1000))
def test_a_change_of_scale_and_origin_changes_nothing_else(blocks: list[list[int]], factor: float, shift: int) -> None:
    plain = summarize_blocks(blocks)
    changed = summarize_blocks([[factor * value + shift for value in block] for block in blocks])

    assert changed.median == factor * plain.median + shift
    if plain.low is not None and plain.high is not None:
        ends = sorted((factor * plain.low + shift, factor * plain.high + shift))
        assert (changed.low, changed.high) == pytest.approx(tuple(ends), rel=1e-9, abs=1e-6)


# Few replicates


@pytest.mark.parametrize("n", [6, 7, 9, 20])
def test_replicates_that_are_enough_are_summarised_as_samples(n: int) -> None:
    assert summarize_replicates(range(n)) == summarize(range(n))


def test_one_replicate_has_no_interval() -> None:
    assert summarize_replicates([2.0]) == summarize([2.0])


@pytest.mark.parametrize(("n", "arm"), [(2, 9.0), (3, 20**0.5 / 2 - 1), (4, 20 ** (1 / 3) / 2 - 1), (5, 0.0573713)])
def test_the_range_of_few_is_lengthened_at_either_end(n: int, arm: float) -> None:
    """(2 (1 + λ))¹⁻ⁿ is 0.05."""
    summary = summarize_replicates([5.0, *[4.0] * (n - 2), 3.0])

    assert (summary.n, summary.blocks) == (n, n)
    assert (summary.low, summary.high) == pytest.approx((3.0 - 2 * arm, 5.0 + 2 * arm))


@given(st.lists(numbers, min_size=2, max_size=12), st.floats(0.5, 0.95), st.floats(0.95, 0.99))
def test_more_confidence_is_a_wider_interval_of_few_as_well(values: list[float], less: float, more: float) -> None:
    narrow, wide = (summarize_replicates(values, confidence) for confidence in (less, more))
    slack = 1e-9 * (max(values) - min(values))

    assert narrow.median == wide.median == summarize(values).median
    assert wide.low <= narrow.low + slack
    assert narrow.high - slack <= wide.high


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_uniform_replicates_are_within_as_often_as_the_docstring_derives(n: int) -> None:
    draws = np.random.default_rng(20260301).uniform(-1.0, 1.0, (10_000, n))
    summaries = [summarize_replicates(row) for row in draws.tolist()]

    assert sum(s.low <= 0.0 <= s.high for s in summaries) / 10_000 == pytest.approx(0.95, abs=0.007)


# Trend


@pytest.mark.parametrize("n", [2, 5, 10, 30])
def test_a_steady_rise_is_as_unlikely_as_can_be(n: int) -> None:
    """All n (n - 1) / 2 pairs rise."""
    steepest = n * (n - 1) / 2 / math.sqrt(n * (n - 1) * (2 * n + 5) / 18)

    assert trend(range(n)) == pytest.approx(steepest)
    assert trend(range(n, 0, -1)) == pytest.approx(-steepest)


@pytest.mark.parametrize("values", [[], [3.0], [2.0] * 10])
def test_what_does_not_change_has_no_trend(values: list[float]) -> None:
    assert trend(values) == 0.0


@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=40, unique=True))
def test_the_trend_is_scipys_tau_over_its_deviation(values: list[int]) -> None:
    """Without ties S is τ n (n - 1) / 2, and the variance of τ is 2 (2 n + 5) ÷ 9 n (n - 1)."""
    n = len(values)
    tau = kendalltau(range(n), values).statistic

    assert trend(values) == pytest.approx(tau / math.sqrt(2 * (2 * n + 5) / (9 * n * (n - 1))))


@given(st.lists(st.integers(0, 5), min_size=2, max_size=40))
def test_ties_count_for_neither_side(values: list[int]) -> None:
    pairs = list(itertools.combinations(values, 2))
    s = sum(a < b for a, b in pairs) - sum(a > b for a, b in pairs)
    n = len(values)

    assert trend(values) == pytest.approx(s / math.sqrt(n * (n - 1) * (2 * n + 5) / 18))


# Coverage of the interval over blocks, on simulated series

REPETITIONS = 2000
"""The share of intervals that hold the truth is known to 0.6 % (one standard error at 93 %). The draws are seeded."""

LEAST_COVERAGE = 0.93

LAWS: dict[str, tuple[Draw, float]] = {
    "independent": (series.independent, 0.0),
    "autocorrelated by 0.5": (series.autoregressive(0.5), 0.0),
    "autocorrelated by 0.9": (series.autoregressive(0.9), 0.0),
    "bimodal": (series.bimodal, series.median_of_bimodal()),
    "heavy-tailed": (series.heavy_tailed, 0.0),
    "drifting": (series.drifting, 0.0),
    "skewed": (series.skewed, 1.0),
}


def coverage(draw: Draw, truth: float, blocks: int) -> float:
    """Share of the intervals over so many blocks that hold the truth."""
    medians = np.median(draw(np.random.default_rng(20260301), REPETITIONS, blocks), axis=2)
    summaries = [summarize_blocks(row) for row in medians[:, :, None].tolist()]
    return sum(s.low <= truth <= s.high for s in summaries) / REPETITIONS


@pytest.mark.parametrize("blocks", [6, 8, 12, 20, 40])
@pytest.mark.parametrize("law", LAWS)
def test_intervals_over_blocks_hold_the_truth(law: str, blocks: int) -> None:
    assert coverage(*LAWS[law], blocks) >= LEAST_COVERAGE


@pytest.mark.parametrize(("phi", "rounds"), [(0.97, 4), (0.98, 4), (0.9, 2)])
def test_blocks_shorter_than_the_correlation_promise_too_much(phi: float, rounds: int) -> None:
    """The condition under which intervals hold the truth is one: here rounds remember for 66, 99 and 19 rounds."""
    assert coverage(series.autoregressive(phi, rounds), 0.0, 12) < 0.85


def test_rounds_for_replicates_promise_far_too_much() -> None:
    rounds = series.autoregressive(0.9)(np.random.default_rng(20260301), 1000, 8).reshape(1000, -1)
    summaries = [summarize(row) for row in rounds.tolist()]

    assert sum(s.low <= 0.0 <= s.high for s in summaries) / 1000 < 0.6


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 7, 9])
@pytest.mark.parametrize("law", ["independent", "bimodal", "heavy-tailed", "skewed"])
def test_intervals_over_few_replicates_hold_the_truth(law: str, n: int) -> None:
    draw, truth = LAWS[law]
    replicates = np.median(draw(np.random.default_rng(20260301), 4 * REPETITIONS, n), axis=2)
    summaries = [summarize_replicates(row) for row in replicates.tolist()]

    assert sum(s.low <= truth <= s.high for s in summaries) / len(summaries) >= LEAST_COVERAGE
