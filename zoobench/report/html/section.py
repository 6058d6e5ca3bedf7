"""A report's table, ready for the page: texts, what they are sorted by, and how many rows are left out."""

from __future__ import annotations

import enum
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import pandas as pd

from zoobench.report.tables import Column, Table, cells_of, is_text
from zoobench.report.text import single_line

# What a section of the page says, before anything is rendered. One module of `sections` makes one of these.


class Height(enum.StrEnum):
    """The room that is kept for a chart until it is drawn, so that nothing moves; a style of the page."""

    LOW = "low"
    MIDDLE = "middle"
    TALL = "tall"
    HIGH = "high"


class PageChart(msgspec.Struct, frozen=True, kw_only=True):
    """A chart that Vega draws in the reader's browser; `spec` is Vega-Lite's, or Vega's, with its data inside.

    It is as wide and as high as its room unless it says otherwise. `alt` says in words what it shows. `groups` are the
    families of which it needs a legend, since their names do not stand beside their marks.
    """

    key: str
    title: str
    alt: str
    spec: dict[str, Any]
    height: Height = Height.MIDDLE
    groups: tuple[str, ...] = ()


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A question and its answer. Texts are Markdown, in which users' texts are escaped (`zoobench.report.text`).

    `answer` holds the sentences that stand first; `is_live` if the section's script replaces them as the reader
    filters. `body` names a template with controls of the section's own, and `data` is what its script reads. `method`
    says how to read the section. One without `answer`, `tables`, `charts` and `body` says `missing`: what it lacks, and
    the command that measures it.
    """

    key: str
    title: str
    missing: str
    answer: tuple[str, ...] = ()
    is_live: bool = False
    tables: tuple[Table, ...] = ()
    charts: tuple[PageChart, ...] = ()
    body: str = ""
    data: Any = None
    method: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether it has nothing to show."""
        return not (self.answer or self.charts or self.body or any(len(table.frame) for table in self.tables))


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
