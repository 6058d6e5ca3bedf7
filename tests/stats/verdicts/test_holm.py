from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoobench.stats.verdicts.rank_tests import holm

p_values = st.lists(st.floats(0.0, 1.0), max_size=6)


def by_closed_testing(p: list[float], index: int) -> float:
    """Bonferroni's test of every set of hypotheses that holds this one; the worst of them counts (Marcus 1976)."""
    others = [place for place in range(len(p)) if place != index]
    sets = ([index, *chosen] for size in range(len(p)) for chosen in itertools.combinations(others, size))
    return max(min(1.0, len(chosen) * min(p[place] for place in chosen)) for chosen in sets)


@given(p_values)
def test_it_is_the_closed_test_of_bonferroni(p: list[float]) -> None:
    assert holm(p) == pytest.approx([by_closed_testing(p, index) for index in range(len(p))])


@given(p_values)
def test_it_lies_between_no_correction_and_bonferroni(p: list[float]) -> None:
    for plain, adjusted in zip(p, holm(p), strict=True):
        assert plain <= adjusted <= min(1.0, len(p) * plain) or adjusted == pytest.approx(plain)


@given(p_values, st.randoms(use_true_random=False))
def test_the_order_of_the_tests_does_not_matter(p: list[float], random: object) -> None:
    places = list(range(len(p)))
    random.shuffle(places)  # type: ignore[attr-defined]
    adjusted, shuffled = holm(p), holm([p[place] for place in places])
    assert [adjusted[place] for place in places] == list(shuffled)


def test_the_example_of_the_step_down() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


def test_a_test_that_was_not_made_makes_the_others_harder() -> None:
    assert holm([0.02, 1.0]) == (0.04, 1.0)
    assert holm([]) == ()
