from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoobench.cases import (
    NOT_MEASURED,
    BadInputError,
    format_bytes,
    format_change,
    format_count,
    format_duration,
    format_percent,
    format_quantity,
    format_rate,
    format_seconds,
    parse_bytes,
    parse_ratio,
)

SCALES = {
    "s": {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9},
    "bytes": {"TiB": 2.0**40, "GiB": 2.0**30, "MiB": 2.0**20, "KiB": 2.0**10, "B": 1.0},
    "1": {"T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3, "": 1.0},
    "1/s": {"/s": 1.0},
}
SMALLEST = {"s": 1e-9, "bytes": 1.0, "1": 1.0, "1/s": 1e-3}


def read_back(text: str, unit: str) -> float:
    digits, _, name = text.partition(" ")
    return float(digits) * SCALES[unit][name]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0123, "12.3 ms"),
        (1.0, "1.00 s"),
        (0.9996, "1.00 s"),
        (0.9994, "999 ms"),
        (0.9999, "1.00 s"),
        (999.9e-6, "1.00 ms"),
        (9.996, "10.0 s"),
        (99.96, "100 s"),
        (1234.5, "1234 s"),
        (2e-6, "2.00 µs"),
        (3.14159e-9, "3.14 ns"),
        (4.2e-11, "0.0420 ns"),
        (-0.5, "-500 ms"),
        (0.0, "0 ns"),
    ],
)
def test_seconds(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (512, "512 B"),
        (1019, "1019 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (1536, "1.50 KiB"),
        (2**20 - 1, "1.00 MiB"),
        (93_113_549, "88.8 MiB"),
        (2**30 - 1, "1.00 GiB"),
        (78 * 2**30, "78.0 GiB"),
        (5000 * 2**30, "4.88 TiB"),
    ],
)
def test_bytes(size_bytes: int, text: str) -> None:
    assert format_bytes(size_bytes) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.00 k"),
        (61_706, "61.7 k"),
        (999_600, "1.00 M"),
        (4_231_976, "4.23 M"),
        (8_357_000_000, "8.36 G"),
        (25_434_000_000_000, "25.4 T"),
    ],
)
def test_counts(count: int, text: str) -> None:
    assert format_count(count) == text


@pytest.mark.parametrize(
    ("per_second", "text"), [(127.4, "127 /s"), (1234.0, "1234 /s"), (0.0123, "0.0123 /s"), (0.0, "0 /s")]
)
def test_rates(per_second: float, text: str) -> None:
    assert format_rate(per_second) == text


@pytest.mark.parametrize(
    ("ratio", "text"), [(0.042, "4.2 %"), (0.0, "0.0 %"), (1.0, "100.0 %"), (0.9996, "100.0 %"), (-0.5, "-50.0 %")]
)
def test_percent(ratio: float, text: str) -> None:
    assert format_percent(ratio) == text


def test_percent_takes_digits() -> None:
    assert [format_percent(0.12345, digits=digits) for digits in (0, 2)] == ["12 %", "12.35 %"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (200, "3 min 20 s"), (3725, "62 min 05 s")],
)
def test_durations(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_what_was_not_measured_is_a_dash(value: float | None) -> None:
    assert {format_quantity(value, unit) for unit in SCALES} == {NOT_MEASURED}
    assert format_percent(value) == NOT_MEASURED


@pytest.mark.parametrize(("unit", "text"), [("s", "2.00 s"), ("bytes", "2.00 B"), ("1", "2.00"), ("1/s", "2.00 /s")])
def test_a_quantity_is_printed_in_its_unit(unit: str, text: str) -> None:
    assert format_quantity(2.0, unit) == text


@given(st.sampled_from(sorted(SCALES)), st.floats(0, 12), st.sampled_from([1, -1]))
def test_three_digits_are_kept(unit: str, exponent: float, sign: int) -> None:
    value = sign * SMALLEST[unit] * 10**exponent
    text = format_quantity(value, unit)
    assert read_back(text, unit) == pytest.approx(value, rel=5.01e-3)
    assert "e" not in text


@given(st.sampled_from(sorted(SCALES)), st.floats(0, 12), st.floats(0, 12))
def test_printed_values_keep_their_order(unit: str, first: float, second: float) -> None:
    small, large = sorted(SMALLEST[unit] * 10**exponent for exponent in (first, second))
    assert read_back(format_quantity(small, unit), unit) <= read_back(format_quantity(large, unit), unit) * (1 + 1e-12)


@given(st.sampled_from(["s", "1"]), st.floats(0, 11.99))
def test_no_prefix_is_followed_by_a_thousand(unit: str, exponent: float) -> None:
    digits, _, name = format_quantity(SMALLEST[unit] * 10**exponent, unit).partition(" ")
    if name not in ("s", "G"):
        assert float(digits) < 1000


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("2GiB", 2 * 2**30),
        ("2 GiB", 2 * 2**30),
        (" 1.5MiB ", 3 * 2**19),
        ("64kib", 2**16),
        ("500MB", 500_000_000),
        ("0.1GB", 100_000_000),
        ("3kB", 3000),
        ("7B", 7),
    ],
)
def test_bytes_are_read_with_their_unit(text: str, size_bytes: int) -> None:
    assert parse_bytes("memory limit", text) == size_bytes


@pytest.mark.parametrize(
    "text", ["2 GB!", "-1GiB", "0", "2", "", "GiB", "1e3MB", "2GiBs", "1.MB", "nanGB", "2 G B", "\u0663GB"]
)
def test_what_is_no_number_of_bytes_is_refused_in_a_line(text: str) -> None:
    with pytest.raises(BadInputError) as caught:
        parse_bytes("memory limit", text)
    assert str(caught.value) == f"memory limit {text!r} is not a number of bytes with its unit, as 2GiB or 500MB"


@pytest.mark.parametrize("text", ["0GiB", "0.0B", "0.9B"])
def test_nothing_is_no_limit(text: str) -> None:
    with pytest.raises(BadInputError, match="is too small: it must be at least 1 byte"):
        parse_bytes("memory limit", text)


@given(st.integers(1, 2**50))
def test_what_is_printed_is_read_back(size_bytes: int) -> None:
    rounded_bytes = 5.01e-3 * size_bytes  # to three digits, then down to a whole byte
    assert parse_bytes("size", format_bytes(size_bytes)) == pytest.approx(size_bytes, rel=0, abs=rounded_bytes + 1)


@given(st.integers(1, 10**6), st.sampled_from(["kB", "MB", "GB", "KiB", "MiB", "GiB"]))
def test_whole_numbers_of_a_unit_are_exact(number: int, unit: str) -> None:
    base = 1024 if "i" in unit else 1000
    assert parse_bytes("size", f"{number}{unit}") == number * base ** (1 + "kMG".index(unit[0].replace("K", "k")))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (0.042, "+4.2 %"),
        (-0.042, "−4.2 %"),
        (0.0004, "0.0 %"),
        (-0.0004, "0.0 %"),
        (-0.0, "0.0 %"),
        (1.5, "+150.0 %"),
        (None, NOT_MEASURED),
        (math.inf, NOT_MEASURED),
    ],
)
def test_a_change_has_a_sign_unless_it_is_none(change: float | None, text: str) -> None:
    assert format_change(change) == text


def test_digits_of_a_change_are_chosen() -> None:
    assert [format_change(0.1234, digits=digits) for digits in (0, 2)] == ["+12 %", "+12.34 %"]


@pytest.mark.parametrize(("text", "ratio"), [("0.05", 0.05), ("5%", 0.05), ("2.5 %", 0.025), ("1e-3", 0.001)])
def test_a_ratio_is_read_with_or_without_percent(text: str, ratio: float) -> None:
    assert parse_ratio("margin", text) == pytest.approx(ratio)


@pytest.mark.parametrize("text", ["five", "", "%", "5 percent"])
def test_what_is_no_ratio_is_refused_in_a_line(text: str) -> None:
    with pytest.raises(BadInputError) as caught:
        parse_ratio("margin", text)
    assert str(caught.value) == f"margin {text!r} is not a ratio, as 0.02 or 2%"


@pytest.mark.parametrize("text", ["0", "1", "100%", "-0.1", "nan", "inf"])
def test_a_ratio_lies_between_nothing_and_all(text: str) -> None:
    with pytest.raises(BadInputError, match="is out of range: it must be above 0 and below 1"):
        parse_ratio("margin", text)
