"""What stands in a table's cells, as plain text: numbers as people read them, nothing escaped yet."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from zoobench.frame import FAILED, OK, UNAVAILABLE
from zoobench.reports.tables import RATIO, Column, Kind
from zoobench.units import NOT_MEASURED, format_percent, format_quantity
from zoobench.validity import VALID

FAILED_CELL = "failed"
UNAVAILABLE_CELL = "n/a"


class Cell(NamedTuple):
    """A text, and whether it is struck because it is not valid: it is still there to be read."""

    text: str
    is_struck: bool = False


def cells_of(frame: pd.DataFrame, column: Column) -> list[Cell]:
    """The column's cells, a row each."""
    if column.kind is Kind.INTERVAL:
        sources = [frame[f"{column.key}{end}"] for end in ("", "_low", "_high", "_status", "_validity")]
        return [_interval_cell(*cell, unit=column.unit) for cell in zip(*sources, strict=True)]
    text_of = _formatter(column)
    return [Cell(text_of(value)) for value in frame[column.key]]


def is_text(frame: pd.DataFrame, column: Column) -> bool:
    """Whether a column is read from its left end; numbers end at the right."""
    return column.kind is Kind.TEXT and not pd.api.types.is_numeric_dtype(frame[column.key])


def format_interval(value: float, low: float, high: float, unit: str) -> str:
    """`12.3 ms ±1.2 %`: the percentage is half the interval's width; without an interval the value alone."""
    text = format_quantity(value, unit)
    if not (math.isfinite(low) and math.isfinite(high)) or low == high or value == 0:
        return text
    return f"{text} ±{format_percent((high - low) / 2 / abs(value))}"


def _interval_cell(value: float, low: float, high: float, status: object, validity: object, *, unit: str) -> Cell:
    if status == OK:
        return Cell(format_interval(value, low, high, unit), is_struck=validity != VALID)
    if status == FAILED:
        return Cell(FAILED_CELL)
    return Cell(UNAVAILABLE_CELL if status == UNAVAILABLE else NOT_MEASURED)


def _formatter(column: Column) -> Callable[[object], str]:
    if column.kind is Kind.TEXT:
        return _text_cell
    return _ratio_cell if column.unit == RATIO else lambda value: format_quantity(_number(value), column.unit)


def _text_cell(value: object) -> str:
    return NOT_MEASURED if value is None or value != value else str(value) or NOT_MEASURED  # noqa: PLR0124


def _ratio_cell(value: object) -> str:
    return format_percent(_number(value))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
