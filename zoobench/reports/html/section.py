"""What a section of the page says, before anything is rendered. One module of `sections` makes one of these."""

from __future__ import annotations

import enum
from typing import Any

import msgspec

from zoobench.reports.tables import Table


class Height(enum.StrEnum):
    """The room that is kept for a chart until it is drawn, so that nothing moves; a style of the page."""

    LOW = "low"
    MIDDLE = "middle"
    TALL = "tall"
    HIGH = "high"


class Chart(msgspec.Struct, frozen=True, kw_only=True):
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
    """A question and its answer. Texts are Markdown, in which users' texts are escaped (`zoobench.reports.escape`).

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
    charts: tuple[Chart, ...] = ()
    body: str = ""
    data: Any = None
    method: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether it has nothing to show."""
        return not (self.answer or self.charts or self.body or any(len(table.frame) for table in self.tables))
