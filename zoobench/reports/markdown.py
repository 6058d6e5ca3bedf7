"""Tables as Markdown: numbers as people read them, texts escaped."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd

from zoobench.frame import FAILED, OK, UNAVAILABLE
from zoobench.reports.escape import markdown_text
from zoobench.reports.tables import RATIO, Column, Kind, Table
from zoobench.units import NOT_MEASURED, format_percent, format_quantity
from zoobench.validity import VALID

FAILED_CELL = "failed"
UNAVAILABLE_CELL = "n/a"


def render_table(table: Table, *, most_rows: int | None = None) -> str:
    """The table in GitHub's Markdown (its first `most_rows` rows), or the sentence that says why it has no rows."""
    shown = table.frame if most_rows is None else table.frame.head(most_rows)
    if shown.empty:
        return table.empty
    texts = pd.DataFrame({index: _cells(shown, column) for index, column in enumerate(table.columns)})
    return texts.to_markdown(
        index=False,
        headers=[markdown_text(column.title) for column in table.columns],
        tablefmt="pipe",
        disable_numparse=True,
        colalign=["left" if _is_text(shown, column) else "right" for column in table.columns],
    )


def render_cut_table(table: Table, *, most_rows: int, rest: str) -> str:
    """The table's first rows, and a link to `rest`, the file that has all of them, if there are more."""
    text = render_table(table, most_rows=most_rows)
    left_out = len(table.frame) - most_rows
    return text if left_out <= 0 else f"{text}\n\n… and {left_out} rows more in [{rest}]({rest})."


def format_interval(value: float, low: float, high: float, unit: str) -> str:
    """`12.3 ms ±1.2 %`: the percentage is half the interval's width; without an interval the value alone."""
    text = format_quantity(value, unit)
    if not (math.isfinite(low) and math.isfinite(high)) or low == high or value == 0:
        return text
    return f"{text} ±{format_percent((high - low) / 2 / abs(value))}"


def _cells(frame: pd.DataFrame, column: Column) -> list[str]:
    if column.kind is Kind.INTERVAL:
        sources = [frame[f"{column.key}{end}"] for end in ("", "_low", "_high", "_status", "_validity")]
        return [_interval_cell(*cell, unit=column.unit) for cell in zip(*sources, strict=True)]
    return [_formatter(column)(value) for value in frame[column.key]]


def _interval_cell(value: float, low: float, high: float, status: object, validity: object, *, unit: str) -> str:
    """What is not valid is struck, and still there to be read."""
    if status == OK:
        text = format_interval(value, low, high, unit)
        return text if validity == VALID else f"~~{text}~~"
    if status == FAILED:
        return FAILED_CELL
    return UNAVAILABLE_CELL if status == UNAVAILABLE else NOT_MEASURED


def _formatter(column: Column) -> Callable[[object], str]:
    if column.kind is Kind.TEXT:
        return _text_cell
    return _ratio_cell if column.unit == RATIO else lambda value: format_quantity(_number(value), column.unit)


def _text_cell(value: object) -> str:
    return NOT_MEASURED if value is None or value != value else markdown_text(str(value)) or NOT_MEASURED  # noqa: PLR0124


def _ratio_cell(value: object) -> str:
    return format_percent(_number(value))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _is_text(frame: pd.DataFrame, column: Column) -> bool:
    return column.kind is Kind.TEXT and not pd.api.types.is_numeric_dtype(frame[column.key])
