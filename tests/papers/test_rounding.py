from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from zoobench.papers.published import UNITS, Printed, Rounding, parse_printed, render_found

decimals = st.integers(0, 4)
units = st.sampled_from(sorted(UNITS))
numbers = st.fractions(min_value=Fraction(1, 100), max_value=10**6)


def printed_text(number: Fraction, places: int, rounding: Rounding) -> str:
    """By whole numbers alone, so that nothing is rounded twice."""
    scaled = number * 10**places
    whole = int(scaled) if rounding is Rounding.DOWN else int(scaled + Fraction(1, 2))
    text = f"{whole:0{places + 1}d}"
    return f"{text[: len(text) - places]}.{text[len(text) - places :]}" if places else text


@given(numbers, decimals, units, st.sampled_from(Rounding))
def test_a_number_agrees_with_what_it_is_printed_as(number, places, unit, rounding) -> None:
    printed = parse_printed(printed_text(number, places, rounding), unit)
    assert printed is not None
    assert printed.agrees(number * UNITS[unit], rounding)


@given(numbers, decimals, units)
def test_rounded_numbers_are_within_half_a_step_and_no_others(number, places, unit) -> None:
    printed = parse_printed(printed_text(number, places, Rounding.NEAREST), unit)
    assert printed is not None
    beyond = printed.step / 2 * Fraction(1001, 1000)
    assert not printed.agrees(printed.value + beyond, Rounding.NEAREST)
    assert not printed.agrees(printed.value - beyond, Rounding.NEAREST)


@given(numbers, decimals, units)
def test_a_truncated_number_is_never_above_what_it_came_from(number, places, unit) -> None:
    printed = parse_printed(printed_text(number, places, Rounding.DOWN), unit)
    assert printed is not None
    assert not printed.agrees(printed.value - printed.step / 1000, Rounding.DOWN)
    assert not printed.agrees(printed.value + printed.step, Rounding.DOWN)
    assert printed.agrees(printed.value + printed.step * Fraction(999, 1000), Rounding.DOWN)


@given(numbers, decimals, st.fractions(min_value=0, max_value=10**7))
def test_rounding_and_truncating_agree_in_the_lower_half_of_a_step_alone(number, places, found) -> None:
    printed = parse_printed(printed_text(number, places, Rounding.NEAREST), "1")
    assert printed is not None
    assume(abs(found - printed.value) != printed.step / 2)
    both = printed.agrees(found, Rounding.NEAREST) and printed.agrees(found, Rounding.DOWN)
    assert both == (0 <= found - printed.value < printed.step / 2)


@given(st.integers(1, 999), st.integers(0, 5))
def test_trailing_zeros_can_be_left_out_of_the_digits(head, zeros) -> None:
    assume(head % 10 != 0)
    printed = Printed(Fraction(head * 10**zeros), Fraction(1))
    assert printed.to_digits(len(str(head))) == Printed(printed.value, Fraction(10**zeros))


@pytest.mark.parametrize(("text", "digits"), [("833", 2), ("76", 1), ("527", 2)])
def test_a_digit_that_is_not_zero_is_meant(text, digits) -> None:
    printed = parse_printed(text, "M")
    assert printed is not None
    assert printed.to_digits(digits) is None


@pytest.mark.parametrize(
    ("text", "digits", "low", "high"),
    [("15300", 3, 15250, 15350), ("720", 2, 715, 725), ("1700", 2, 1650, 1750)],
)
def test_fewer_digits_leave_more_open(text, digits, low, high) -> None:
    printed = parse_printed(text, "M")
    assert printed is not None
    coarse = printed.to_digits(digits)
    assert coarse is not None
    assert (coarse.value - coarse.step / 2, coarse.value + coarse.step / 2) == (low * 10**6, high * 10**6)


@pytest.mark.parametrize(
    ("text", "unit"), [("111x111x96", "HxWxC"), ("1,16,1,1", "t,c,n,s"), ("33.6", "ms"), ("-1", "M")]
)
def test_what_is_no_count_is_no_printed_number(text, unit) -> None:
    assert parse_printed(text, unit) is None


@pytest.mark.parametrize(
    ("found", "text", "unit", "shown"),
    [
        (568_740_352, "569", "M", "568.74 M"),
        (4_209_088, "4.2", "M", "4.209 M"),
        (1_248_424, "1248424", "1", "1248424"),
        (Fraction(19056, 10**6), "1.19", "%", "1.9056 %"),
        (Fraction(4883, 100), "50", "x", "48.83"),
    ],
)
def test_a_found_number_is_shown_in_the_printed_unit_with_two_digits_more(found, text, unit, shown) -> None:
    assert render_found(Fraction(found), text, unit) == shown
