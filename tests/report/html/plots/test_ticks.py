import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoobench.report.html.plots import binary_ticks, log_ticks, symmetric_scale, symmetric_ticks

SIZES = st.floats(1e-9, 1e15)


@pytest.mark.parametrize(
    ("ends", "ticks"),
    [((0.9, 4.4), [1, 2]), ((0.027, 1.8), [0.05, 0.1, 0.2, 0.5, 1]), ((0.9, 2e5), [1, 10, 100, 1e3, 1e4, 1e5])],
)
def test_logarithmic_ticks_are_round(ends, ticks):
    assert log_ticks(*ends) == pytest.approx(ticks)


@given(SIZES, st.floats(1.01, 1e6))
def test_logarithmic_ticks_lie_within_the_ends_in_their_order(low, ratio):
    ticks = log_ticks(low, low * ratio)
    assert ticks == sorted(set(ticks))
    assert all(low <= tick <= low * ratio for tick in ticks)


@given(st.floats(1, 1e6), st.floats(1, 1e9))
def test_binary_ticks_are_few_powers_of_two(low, ratio):
    ticks = binary_ticks(low, low * ratio)
    assert all(low <= tick <= low * ratio and math.log2(tick).is_integer() for tick in ticks)
    assert len(ticks) <= 9


@given(st.floats(1e-6, 1e-2), st.floats(1, 1e6))
def test_symmetric_ticks_are_the_same_on_both_sides(linear_to, ratio):
    ticks = symmetric_ticks(linear_to * ratio, linear_to)
    assert ticks == sorted(-tick for tick in ticks)
    assert 0 in ticks
    assert max(ticks) <= linear_to * ratio * (1 + 1e-5)


def test_symmetric_ticks_are_the_decades_of_where_the_axis_is_linear():
    assert symmetric_ticks(0.78, 0.001) == [-0.1, -0.01, -0.001, 0, 0.001, 0.01, 0.1]
    assert symmetric_scale(0.78, 0.001)["domain"] == [-0.78, 0.78]
