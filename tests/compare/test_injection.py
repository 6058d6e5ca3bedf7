from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoobench.compare.spec import choose_injected


@given(st.sets(st.text(), min_size=1), st.floats(0, 1), st.integers(0, 2**32))
def test_a_share_is_chosen_one_at_least_whatever_order_they_come_in(
    case_pairs: set[str], share: float, seed: int
) -> None:
    chosen = choose_injected(case_pairs, share, seed)
    assert chosen <= case_pairs
    assert len(chosen) == max(1, round(share * len(case_pairs)))
    assert chosen == choose_injected(sorted(case_pairs, reverse=True), share, seed)


def test_seeds_choose_differently_and_nothing_comes_of_nothing() -> None:
    names = [f"net{number}" for number in range(10)]
    assert len({choose_injected(names, 0.5, seed) for seed in range(20)}) > 10
    assert choose_injected([], 0.5, 1) == frozenset()


@pytest.mark.parametrize(("share", "count"), [(0.0, 1), (0.5, 5), (1.0, 10)])
def test_the_share_is_of_the_contests(share: float, count: int) -> None:
    assert len(choose_injected([f"net{number}" for number in range(10)], share, 1)) == count
