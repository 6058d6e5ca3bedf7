"""A report's table, ready for the page: texts, what they are sorted by, and how many rows are left out."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from zoobench.reports.cells import cells_of, is_text
from zoobench.reports.escape import single_line
from zoobench.reports.tables import Column, Table

MOST_ROWS: Final = 600
"""A longer table is cut: a page with all of them would open slowly, and the CSV beside the page has them. The longest
of a default run, that of the papers' figures, has 572."""

_SENTENCE = 60
"""Characters from which a text is one."""

_ONE_LINE = 44
"""Characters that always find room beside each other, so that names and verdicts need not break at a hyphen."""


class HtmlCell(NamedTuple):
    """`order` is the number that stands behind the text, None where the text is sorted itself."""

    text: str
    is_struck: bool
    order: float | None


class HtmlTable(NamedTuple):
    """What the template lays out; `headings` are titles, and the style of what stands under them."""

    key: str
    title: str
    headings: list[tuple[str, str]]
    rows: list[tuple[HtmlCell, ...]]
    left_out: int
    empty: str


def html_table(table: Table) -> HtmlTable:
    """The table's first rows."""
    shown = table.frame.head(MOST_ROWS)
    columns = [_cells(shown, column) for column in table.columns]
    return HtmlTable(
        key=table.key,
        title=table.title,
        headings=[
            (column.title, _style(shown, column, cells)) for column, cells in zip(table.columns, columns, strict=True)
        ],
        rows=list(zip(*columns, strict=True)),
        left_out=len(table.frame) - len(shown),
        empty=table.empty,
    )


def _style(frame: pd.DataFrame, column: Column, cells: list[HtmlCell]) -> str:
    """Sentences are given room, or a narrow screen would make pillars of them."""
    if not is_text(frame, column):
        return "number"
    longest = max((len(cell.text) for cell in cells), default=0)
    if longest > _SENTENCE:
        return "long"
    return "short" if longest <= _ONE_LINE else "words"


def _cells(frame: pd.DataFrame, column: Column) -> list[HtmlCell]:
    shown = cells_of(frame, column)
    orders = _orders(frame, column)
    return [HtmlCell(single_line(cell.text), cell.is_struck, order) for cell, order in zip(shown, orders, strict=True)]


def _orders(frame: pd.DataFrame, column: Column) -> list[float | None]:
    """What has no number comes first in rising order, as where nothing was spent."""
    if is_text(frame, column):
        return [None] * len(frame)
    numbers = frame[column.key].to_numpy(dtype=np.float64, na_value=np.nan)
    return [float(number) if np.isfinite(number) else -1.0 for number in numbers]
