from __future__ import annotations

import itertools
import math
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu, rankdata, wilcoxon

from zoobench.stats.verdicts.rank_tests import (
    location,
    rank_sum_p,
    shift,
    signed_rank_critical,
    signed_rank_p,
    walsh_averages,
)

exact_numbers = st.integers(-6400, 6400).map(lambda whole: whole / 64)
"""Sums and differences of these are exact, so that what is tied stays tied."""
values = st.lists(exact_numbers, min_size=1, max_size=14)
few = st.lists(st.integers(-4, 4).map(float), min_size=1, max_size=8)
"""Full of ties and zeros."""


def by_counting(of: list[float]) -> Fraction:
    """Over all signs: in how many the positive ranks sum to at least what they do here; zeros count as negative."""
    ranks = [Fraction(rank) for rank in rankdata(np.abs(of))]
    seen = sum((rank for rank, value in zip(ranks, of, strict=True) if value > 0), Fraction(0))
    sums = (sum(itertools.compress(ranks, signs), Fraction(0)) for signs in itertools.product((0, 1), repeat=len(of)))
    return Fraction(sum(total >= seen for total in sums), 2 ** len(of))


@given(few)
def test_the_signed_rank_p_is_that_of_counting_all_signs(of: list[float]) -> None:
    assert signed_rank_p(of) == pytest.approx(float(by_counting(of)), rel=1e-12)


@pytest.mark.parametrize("n", [1, 2, 5, 6, 10, 25, 50])
def test_without_ties_it_is_the_exact_one_of_scipy(n: int) -> None:
    of = np.random.default_rng(n).normal(0.3, 1.0, n)
    theirs = wilcoxon(of - 0.1, alternative="greater", method="exact").pvalue
    assert signed_rank_p(of, 0.1) == pytest.approx(theirs, rel=1e-12)


@given(values)
def test_no_p_is_smaller_than_two_to_the_minus_n(of: list[float]) -> None:
    p = signed_rank_p(of)
    assert 2.0 ** -len(of) <= p <= 1.0
    assert (p == 2.0 ** -len(of)) == (min(of) > 0)


@given(values, exact_numbers, exact_numbers)
def test_the_p_grows_with_the_margin(of: list[float], one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert signed_rank_p(of, low) <= signed_rank_p(of, high)


@given(values, exact_numbers)
def test_a_margin_is_a_shift(of: list[float], margin: float) -> None:
    assert signed_rank_p(of, margin) == signed_rank_p([value - margin for value in of])


@given(values)
def test_the_two_directions_share_what_is_observed(of: list[float]) -> None:
    """P(W ≥ w) + P(W ≤ w) is 1 and the probability of w itself; zeros count against both."""
    assert signed_rank_p(of) + signed_rank_p([-value for value in of]) >= 1


@given(values)
def test_a_zero_counts_like_the_smallest_of_the_negative(of: list[float]) -> None:
    assert signed_rank_p([0.0, *of]) == signed_rank_p([-1e-9, *of]) or 0.0 in of


def test_of_no_values_nothing_is_significant() -> None:
    assert signed_rank_p([]) == 1.0


def test_a_thousand_values_do_not_underflow() -> None:
    assert signed_rank_p([1.0 + place for place in range(100)]) == 2.0**-100


@pytest.mark.parametrize(("m", "n"), [(1, 1), (4, 4), (3, 7), (10, 6), (20, 20)])
def test_the_rank_sum_p_is_the_exact_one_of_scipy(m: int, n: int) -> None:
    rng = np.random.default_rng(m * 100 + n)
    base, head = rng.normal(0, 1, m), rng.normal(0.5, 1, n)
    theirs = mannwhitneyu(head - 0.2, base, alternative="greater", method="exact").pvalue
    assert rank_sum_p(base, head, 0.2) == pytest.approx(theirs, rel=1e-12)


@given(st.lists(st.integers(-2, 2).map(float), min_size=2, max_size=8), st.data())
def test_the_rank_sum_p_is_that_of_counting_all_choices(pooled: list[float], data: st.DataObject) -> None:
    n = data.draw(st.integers(1, len(pooled) - 1))
    ranks = rankdata(pooled)
    sums = [sum(chosen) for chosen in itertools.combinations(ranks, n)]
    seen = sum(ranks[len(pooled) - n :])
    expected = sum(total >= seen for total in sums) / len(sums)
    assert rank_sum_p(pooled[: len(pooled) - n], pooled[len(pooled) - n :]) == pytest.approx(expected, rel=1e-12)


@given(values, values, exact_numbers, exact_numbers)
def test_the_rank_sum_p_grows_with_the_margin(base: list[float], head: list[float], one: float, other: float) -> None:
    low, high = sorted((one, other))
    smallest = 1 / math.comb(len(base) + len(head), len(head))
    assert smallest * (1 - 1e-9) <= rank_sum_p(base, head, low) <= rank_sum_p(base, head, high) + 1e-12


@given(values)
def test_the_estimate_is_the_median_of_all_means_of_pairs(of: list[float]) -> None:
    pairs = [(of[i] + of[j]) / 2 for i in range(len(of)) for j in range(i + 1)]
    assert location(of).estimate == float(np.median(pairs))


@given(values, exact_numbers)
def test_the_location_moves_with_the_values_and_turns_with_their_sign(of: list[float], by: float) -> None:
    here, moved = location(of), location([value + by for value in of])
    turned = location([-value for value in of])
    assert (moved.estimate, turned.estimate) == (here.estimate + by, -here.estimate)
    assert (here.low is None) == (here.high is None) == (len(of) < 6)
    if here.low is not None and here.high is not None:
        assert here.low <= here.estimate <= here.high
        assert (moved.low, moved.high) == (here.low + by, here.high + by)
        assert (turned.low, turned.high) == (-here.high, -here.low)


@pytest.mark.parametrize("n", [6, 7, 12, 20])
def test_the_interval_holds_what_the_test_does_not_reject(n: int) -> None:
    of = np.random.default_rng(n).normal(0, 1, n)
    where = location(of)

    def is_rejected(theta: float) -> bool:
        return min(signed_rank_p(of, theta), signed_rank_p(-of, -theta)) <= 0.025

    inside = np.linspace(where.low + 1e-9, where.high - 1e-9, 50)
    assert not any(is_rejected(theta) for theta in inside)
    assert is_rejected(where.low - 1e-9)
    assert is_rejected(where.high + 1e-9)


def test_the_interval_of_six_is_their_range() -> None:
    where = location([3.0, 1.0, 2.0, 6.0, 5.0, 4.0])
    assert (where.low, where.high) == (1.0, 6.0)


@pytest.mark.parametrize(("m", "n"), [(4, 4), (6, 5), (10, 12)])
def test_the_interval_of_a_shift_holds_what_the_test_does_not_reject(m: int, n: int) -> None:
    rng = np.random.default_rng(m)
    base, head = rng.normal(0, 1, m), rng.normal(1, 1, n)
    where = shift(base, head)

    def is_rejected(theta: float) -> bool:
        return min(rank_sum_p(base, head, theta), rank_sum_p(head, base, -theta)) <= 0.025

    assert where.low <= where.estimate <= where.high
    assert not any(is_rejected(theta) for theta in np.linspace(where.low + 1e-9, where.high - 1e-9, 50))
    assert is_rejected(where.low - 1e-9)
    assert is_rejected(where.high + 1e-9)


def test_three_against_three_have_no_interval_and_four_against_four_have() -> None:
    assert shift([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]).low is None
    assert shift([1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]).low == 1.0


def test_no_values_have_no_location() -> None:
    with pytest.raises(ValueError, match=r"^no values, no location$"):
        location([])


@given(values)
def test_as_many_walsh_averages_are_positive_as_the_ranks_sum_to(of: list[float]) -> None:
    distinct = [value for value in {abs(value): value for value in of}.values() if value != 0]
    positive = int((walsh_averages(np.array(distinct)) > 0).sum()) if distinct else 0
    ranks = rankdata(np.abs(distinct)) if distinct else []
    assert positive == sum(rank for rank, value in zip(ranks, distinct, strict=True) if value > 0)


@pytest.mark.parametrize(("n", "level"), [(5, 0.05), (6, 0.025), (10, 0.01), (20, 0.05)])
def test_the_critical_sum_is_the_least_that_is_significant(n: int, level: float) -> None:
    critical = signed_rank_critical(n, level)

    def p_of_sum(total: int) -> float:
        """Of ranks chosen from the largest down, so that they sum to it."""
        positive = set()
        for rank in range(n, 0, -1):
            if rank <= total:
                positive.add(rank)
                total -= rank
        return signed_rank_p([rank if rank in positive else -rank for rank in range(1, n + 1)])

    assert p_of_sum(critical) <= level < p_of_sum(critical - 1)


def test_four_values_are_never_significant_at_five_percent() -> None:
    assert signed_rank_critical(4, 0.05) is None
    assert signed_rank_critical(5, 0.05) == 15


def test_deciding_imports_neither_scipy_nor_torch_nor_pandas() -> None:
    program = (
        "import sys; from zoobench.stats.verdicts import decide, plan, stored_runs;"
        "print([name for name in ('scipy', 'torch', 'pandas', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
