"""Comparison: what changed between the first and the last of the runs shown."""

from __future__ import annotations

from zoobench.reports.changes import METHOD, change_sentences
from zoobench.reports.html.section import Section
from zoobench.reports.material import Material


def comparison(material: Material) -> Section:
    """Exact metrics that differ, then every case with its times; nothing of a single run."""
    found, tables = material.comparison, material.tables
    return Section(
        key="comparison",
        title="What changed between the runs?",
        missing=(
            "One run alone has nothing to be held against: `python -m zoobench report RUN RUN` shows two side by side, "
            "`python -m zoobench compare BASE..HEAD` measures two commits in turns and decides."
        ),
        answer=change_sentences(found, material.runs) if found else (),
        tables=tuple(tables[key] for key in ("exact_changes", "changes") if len(tables[key].frame)),
        method=METHOD if found else "",
    )
