import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoobench.papers.claims import rank_agreement

DISTINCT = st.lists(st.integers(-1000, 1000), min_size=3, max_size=7, unique=True)


def test_the_same_order_is_one_and_the_opposite_minus_one():
    same, opposite = rank_agreement([1, 2, 5, 9], [10, 20, 21, 22]), rank_agreement([1, 2, 5, 9], [4, 3, 2, 1])
    assert (same.spearman, same.kendall) == (pytest.approx(1), pytest.approx(1))
    assert (opposite.spearman, opposite.kendall) == (pytest.approx(-1), pytest.approx(-1))


@given(DISTINCT, st.randoms(use_true_random=False))
def test_tau_and_rho_are_their_definitions(first, random):
    second = random.sample(range(len(first)), len(first))
    ranks = [sorted(first).index(value) for value in first]
    n = len(first)
    signs = [
        math.copysign(1, (a - b) * (c - d))
        for (a, c), (b, d) in itertools.combinations(zip(ranks, second, strict=True), 2)
    ]
    found = rank_agreement(first, second)
    assert found.kendall == pytest.approx(sum(signs) / math.comb(n, 2))
    squares = sum((rank - other) ** 2 for rank, other in zip(ranks, second, strict=True))
    assert found.spearman == pytest.approx(1 - 6 * squares / (n * (n * n - 1)))


def test_the_exact_p_counts_the_orders():
    # of the 4! orders, 1 agrees in all pairs and 1 in none: two of 24 are as far from 0
    found = rank_agreement([1, 2, 3, 4], [1, 2, 3, 4])
    assert found.is_exact
    assert found.kendall_p == pytest.approx(2 / 24)


def test_tied_values_share_their_rank_and_their_p_is_not_exact():
    found = rank_agreement([1, 1, 3], [1, 2, 3])
    assert found.spearman == pytest.approx(0.75**0.5)  # covariance 0.75 of the ranks 1.5 1.5 3 and 1 2 3
    assert not found.is_exact


def test_no_pair_is_furthest_where_all_places_agree():
    assert rank_agreement([1, 2, 3], [4, 5, 6]).furthest is None


def test_the_pair_whose_places_are_furthest_apart_is_named():
    assert rank_agreement([1, 2, 3, 4, 5], [2, 1, 5, 4, 3]).furthest == 2
    assert rank_agreement([9, 2, 3, 4, 5], [1, 2, 3, 4, 5]).furthest == 0


@pytest.mark.parametrize(
    ("first", "second"), [([], []), ([1, 2], [1, 2]), ([1, 1, 1], [1, 2, 3]), ([1, 2, 3], [4, 4, 4])]
)
def test_what_has_no_order_has_no_agreement(first, second):
    assert rank_agreement(first, second) is None
