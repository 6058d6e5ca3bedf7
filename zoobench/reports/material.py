"""All that a report is made from, each part once: the Markdown, the page and the files show the same tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import pandas as pd

from zoobench.compare.result import Comparison
from zoobench.frame import collect_frame
from zoobench.reports.audit import audit_table
from zoobench.reports.calibration import calibration_table
from zoobench.reports.capacity import Frontier, capacity_table, collect_frontiers
from zoobench.reports.changes import changes_table, compare_ends, exact_changes_table
from zoobench.reports.claims import claims_table
from zoobench.reports.predicted import predicted_table
from zoobench.reports.reproduction import reproduction_table
from zoobench.reports.selection import View, view_of
from zoobench.reports.tables import Table, build_tables
from zoobench.reports.why import Why, explain
from zoobench.store import StoredRun


class Material(NamedTuple):
    """`listed` are the tables that the Markdown lists, in order; `beside` those of sections of their own.

    `comparison` is of the first and the last run, None of a single one.
    """

    runs: tuple[StoredRun, ...]
    frame: pd.DataFrame
    view: View
    why: Why
    frontiers: tuple[Frontier, ...]
    comparison: Comparison | None
    listed: tuple[Table, ...]
    beside: tuple[Table, ...]

    @property
    def tables(self) -> Mapping[str, Table]:
        """Every table, by its key."""
        return {table.key: table for table in (*self.listed, *self.beside)}


def collect_material(runs: Iterable[StoredRun]) -> Material:
    """The frame of these runs, and what follows from it."""
    read = tuple(runs)
    frame = collect_frame(read)
    view = view_of(frame)
    why = explain(view, read)
    frontiers = tuple(collect_frontiers(read))
    comparison = compare_ends(read)
    return Material(
        runs=read,
        frame=frame,
        view=view,
        why=why,
        frontiers=frontiers,
        comparison=comparison,
        listed=(*build_tables(view, read), calibration_table(read)),
        beside=(
            *(why.pairs, why.elsewhere, why.diagnoses),
            capacity_table(frontiers),
            *(predicted_table(read), audit_table(read), reproduction_table(read), claims_table(read)),
            *(changes_table(comparison), exact_changes_table(comparison)),
        ),
    )
