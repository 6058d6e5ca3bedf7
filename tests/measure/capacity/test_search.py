from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoobench.measure.capacity import GUESSES, halfway, largest_fitting

MOST = 10**6

answers = st.one_of(st.integers(0, 40), st.integers(0, 10**6))


class Oracle:
    """Writes down what it was asked, and refuses to be asked the same twice."""

    def __init__(self, fits: Callable[[int], bool]) -> None:
        self._fits = fits
        self.asked: dict[int, bool] = {}

    def __call__(self, batch: int) -> bool:
        assert batch >= 1
        assert batch not in self.asked, f"batch {batch} was asked about before"
        self.asked[batch] = self._fits(batch)
        return self.asked[batch]


def up_to(answer: int) -> Oracle:
    return Oracle(lambda batch: batch <= answer)


@given(answers)
def test_the_answer_is_the_largest_that_fits_and_both_sides_of_it_were_asked(answer: int) -> None:
    oracle = up_to(answer)

    assert largest_fitting(oracle, most=MOST + 1) == answer

    assert oracle.asked[answer + 1] is False
    assert answer == 0 or oracle.asked[answer] is True


@given(answers)
def test_it_asks_at_most_twice_the_logarithm_and_two(answer: int) -> None:
    oracle = up_to(answer)

    largest_fitting(oracle, most=MOST + 1)

    assert len(oracle.asked) <= 2 * math.log2(max(1, answer)) + 2


@given(answers, st.integers(1, 10**6))
def test_it_never_asks_beyond_the_most(answer: int, most: int) -> None:
    oracle = up_to(answer)

    assert largest_fitting(oracle, most=most) == min(answer, most)

    assert max(oracle.asked) <= most


@given(answers, st.randoms(use_true_random=False))
def test_guesses_change_the_cost_and_not_the_answer(answer: int, random: object) -> None:
    oracle = up_to(answer)

    found = largest_fitting(oracle, most=MOST + 1, guess=lambda *_: random.randint(-5, 2 * MOST))  # type: ignore[attr-defined]

    assert found == answer
    assert len(oracle.asked) <= 2 * math.log2(max(1, answer)) + 2 + GUESSES


@given(answers)
def test_a_right_guess_leaves_two_questions_after_doubling(answer: int) -> None:
    oracle = up_to(answer)

    assert largest_fitting(oracle, most=2**21, guess=lambda *_: answer) == answer

    doubled = [batch for batch in oracle.asked if batch & (batch - 1) == 0]
    assert len(oracle.asked) <= len(doubled) + 2, "the answer and one more"


@given(st.sets(st.integers(1, 200)), st.integers(1, 200))
def test_where_memory_is_not_monotone_the_answer_is_still_an_edge(fitting: set[int], most: int) -> None:
    oracle = Oracle(lambda batch: batch in fitting)

    found = largest_fitting(oracle, most=most)

    assert found == 0 or oracle.asked[found] is True
    assert found == most or oracle.asked[found + 1] is False


def test_what_fits_beyond_the_first_edge_is_not_looked_for() -> None:
    assert largest_fitting(lambda batch: batch != 8, most=64) == 7


def test_halfway_is_between() -> None:
    assert halfway(4, 8) == 6
    with pytest.raises(ZeroDivisionError):  # an oracle's own mistake is not swallowed
        largest_fitting(lambda batch: bool(1 // 0), most=2)
