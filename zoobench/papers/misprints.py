"""Proofs that a printed figure is a misprint: each is computed from the table itself and what was found.

A check is asked only about a figure that neither the plain count nor a declared convention explains. It gives its
evidence in one line, or "" where it proves nothing.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Final

from zoobench.papers.published import Figure, figures
from zoobench.papers.readings import Value
from zoobench.papers.rounding import Rounding, parse_printed, render_found

WHOLE = Decimal(100)
"""Per cent."""

MisprintCheck = Callable[[Figure, Value], str]


def prove_misprint(figure: Figure, found: Value) -> str:
    """The evidence of the first check that proves one; "" if none does."""
    return next(filter(None, (check(figure, found) for check in CHECKS)), "")


def exchanged_digits(figure: Figure, found: Value) -> str:
    """A column of shares that sums to 100 only if two digits of this figure change places, to what was found."""
    if figure.unit != "%" or isinstance(found, str):
        return ""
    column = [Decimal(each.value) for each in _column(figure)]
    printed = Decimal(figure.value)
    slack = len(column) * Decimal(1).scaleb(int(printed.as_tuple().exponent)) / 2
    if abs(sum(column) - WHOLE) <= slack:
        return ""
    for other in _exchanged(figure.value):
        mended = sum(column) - printed + Decimal(other)
        if abs(mended - WHOLE) <= slack and _agrees(other, figure.unit, found):
            return (
                f"misprint of {other}: the column sums to {sum(column)} as printed, to {mended} with two digits "
                f"exchanged, and {render_found(Fraction(found), figure.value, figure.unit)} was found"
            )
    return ""


def twice_another(figure: Figure, found: Value) -> str:
    """FLOPs in a column of multiply-accumulates: twice what was found, by the digits that are not trailing zeros."""
    if figure.metric != "macs" or isinstance(found, str):
        return ""
    printed = parse_printed(figure.value, figure.unit)
    coarse = printed and printed.to_digits(len(figure.value.rstrip("0")))
    if coarse is None or not coarse.agrees(2 * Fraction(found), Rounding.NEAREST):
        return ""
    once, twice = (render_found(count * Fraction(found), figure.value, figure.unit) for count in (1, 2))
    others = ", ".join(f"{each.value} for {each.model}" for each in _column(figure) if each is not figure)
    return (
        f"FLOPs in a column of multiply-adds: {twice} is twice the {once} found; the rest of the column ({others}) "
        "is multiply-adds"
    )


def stride_against_next_row(figure: Figure, found: Value) -> str:
    """A row of layers whose stride would not give the maps that the next row takes, and whose found row does."""
    number = re.fullmatch(r"layer_(\d+)", figure.metric)
    if number is None or not isinstance(found, str) or not found:
        return ""
    following = next((each for each in _table(figure) if each.metric == f"layer_{int(number[1]) + 1:02d}"), None)
    if following is None:
        return ""
    taken = _side(following.value)
    as_printed, as_found = _side_after(figure.value), _side_after(found)
    if as_printed == taken or as_found != taken:
        return ""
    return (
        f"the printed stride would give {as_printed}x{as_printed} maps, but the next row takes {taken}x{taken}, "
        f"as the stride found gives: {found}"
    )


CHECKS: Final[tuple[MisprintCheck, ...]] = (exchanged_digits, twice_another, stride_against_next_row)


def _table(figure: Figure) -> Iterator[Figure]:
    return (each for each in figures() if (each.paper, each.table) == (figure.paper, figure.table))


def _column(figure: Figure) -> tuple[Figure, ...]:
    return tuple(each for each in _table(figure) if each.metric == figure.metric)


def _exchanged(text: str) -> Iterator[str]:
    """Every text with two digits exchanged."""
    digits = [place for place, sign in enumerate(text) if sign.isdecimal()]
    for first, second in itertools.combinations(digits, 2):
        signs = list(text)
        signs[first], signs[second] = signs[second], signs[first]
        yield "".join(signs)


def _agrees(text: str, unit: str, found: float) -> bool:
    printed = parse_printed(text, unit)
    return printed is not None and printed.agrees(Fraction(found), Rounding.NEAREST)


def _side(row: str) -> int:
    """Of the maps that a row takes: the last part of `Conv / s1 | 1x1x512x512 | 14x14x512`."""
    return int(row.rpartition(" | ")[2].partition("x")[0])


def _side_after(row: str) -> int:
    """Of the maps that a padded convolution with that row's stride gives."""
    stride = re.search(r"/ s(\d+)", row)
    return -(-_side(row) // int(stride[1])) if stride else 0
