from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoobench.cases import Precision
from zoobench.compare.messages import Output
from zoobench.compare.pilot import INCOMPARABLE, output_error, tolerance_of

NUMBERS = st.floats(-1e6, 1e6, width=32)


def output(*values: float, shape: tuple[int, ...] | None = None) -> Output:
    return Output(shape=shape or (1, len(values)), values=np.array(values, dtype="<f4").tobytes())


@given(st.lists(NUMBERS, min_size=1, max_size=20))
def test_an_output_agrees_with_itself(values: list[float]) -> None:
    assert output_error(output(*values), output(*values)) == 0.0


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=20))
def test_the_error_is_the_largest_difference_over_the_bases_largest_value(pairs: list[tuple[float, float]]) -> None:
    base, head = zip(*pairs, strict=True)
    error = output_error(output(*base), output(*head))

    largest, difference = max(map(abs, base)), max(abs(one - other) for one, other in pairs)
    if difference == 0:
        assert error == 0.0
    elif largest == 0:
        assert error == INCOMPARABLE
    else:
        assert error == pytest.approx(min(INCOMPARABLE, difference / largest))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_on_both_sides_agrees_and_on_one_alone_cannot_be_compared(value: float) -> None:
    assert output_error(output(1.0, value), output(1.0, value)) == 0.0
    assert output_error(output(2.0, value), output(1.0, value)) == 0.5
    assert output_error(output(1.0, value), output(1.0, 2.0)) == INCOMPARABLE
    assert output_error(output(1.0, 2.0), output(1.0, value)) == INCOMPARABLE
    assert output_error(output(1.0, value), output(1.0, -value)) == (0.0 if math.isnan(value) else INCOMPARABLE)


def test_other_shapes_cannot_be_compared() -> None:
    assert output_error(output(1.0, 2.0), output(1.0, 2.0, shape=(2, 1))) == INCOMPARABLE
    assert math.isfinite(INCOMPARABLE), "JSON has no infinity"


def test_fp32_must_agree_more_closely_than_what_has_fewer_digits() -> None:
    fewer = {tolerance_of(precision) for precision in Precision if precision is not Precision.FP32}
    assert tolerance_of(Precision.FP32) < min(fewer) < 1.0
