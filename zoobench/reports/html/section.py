"""What a section of the page says, before anything is rendered. One module of `sections` makes one of these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from zoobench.reports.selection import View
from zoobench.reports.tables import Table
from zoobench.reports.why import Why
from zoobench.store import StoredRun


class Material(NamedTuple):
    """All that sections are made from; `tables` are the report's, by key, so that each is made once."""

    runs: Sequence[StoredRun]
    view: View
    why: Why
    tables: Mapping[str, Table]


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """A chart that Vega draws in the reader's browser; `spec` is one of Vega-Lite's with its data inside.

    `alt` says in words what it shows. `height_px` is kept free until it is drawn, so that nothing moves.
    """

    key: str
    title: str
    alt: str
    spec: dict[str, Any]
    height_px: int = 420


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A question and its answer. Texts are Markdown, in which users' texts are escaped (`zoobench.reports.escape`).

    `answer` holds the sentences that stand first; `is_live` if the section's script replaces them as the reader
    filters. `body` names a template with controls of the section's own, and
    `data` is what its script reads. `method` says how to read the section. A section without `answer`, `tables`,
    `charts` and `body` says `missing`: what it lacks, and the command that measures it.
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
