from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from zoobench.stats import CONFIDENCE, median_rank, summarize

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
