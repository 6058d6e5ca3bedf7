"""Environment and method: where it was measured, what that machine is worth, and how to read a number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from zoobench.reports.escape import markdown_text
from zoobench.reports.html.section import Section
from zoobench.reports.material import Material
from zoobench.reports.page import METHOD, describe_runs
from zoobench.store import StoredRun


def method(material: Material) -> Section:
    """Facts of the runs side by side, and what differs between them."""
    runs = material.runs
    keys = (*(("differences",) if len(runs) > 1 else ()), "calibration", "warnings", "unavailable", "environment")
    return Section(
        key="method",
        title="Environment and method",
        missing="No run is shown: `python -m zoobench report RUN` shows one.",
        answer=(*describe_runs(runs), *_notes(runs)),
        tables=tuple(material.tables[key] for key in keys) if runs else (),
        method=METHOD if runs else "",
    )


def _notes(runs: Sequence[StoredRun]) -> Iterable[str]:
    """What could not be read of the runs."""
    return (markdown_text(note) for stored in runs for note in stored.notes)
