from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoobench.compare.spec import choose


@given(st.sets(st.text(), min_size=1), st.floats(0, 1), st.integers(0, 2**32))
def test_a_share_is_chosen_one_at_least_whatever_order_they_come_in(
    contests: set[str], share: float, seed: int
) -> None:
    chosen = choose(contests, share, seed)
    assert chosen <= contests
    assert len(chosen) == max(1, round(share * len(contests)))
    assert chosen == choose(sorted(contests, reverse=True), share, seed)


def test_seeds_choose_differently_and_nothing_comes_of_nothing() -> None:
    names = [f"net{number}" for number in range(10)]
    assert len({choose(names, 0.5, seed) for seed in range(20)}) > 10
    assert choose([], 0.5, 1) == frozenset()


@pytest.mark.parametrize(("share", "count"), [(0.0, 1), (0.5, 5), (1.0, 10)])
def test_the_share_is_of_the_contests(share: float, count: int) -> None:
    assert len(choose([f"net{number}" for number in range(10)], share, 1)) == count
