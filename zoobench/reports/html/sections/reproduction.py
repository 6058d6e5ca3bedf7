"""Reproduction of the papers: each printed figure with its verdict, and the claims on speed."""

from __future__ import annotations

from zoobench.reports.html.section import Section
from zoobench.reports.material import Material
from zoobench.reports.reproduction import COUNTED_BY, METHOD, reproduction_summary


def reproduction(material: Material) -> Section:
    """Of the run that has the papers' cases."""
    summary = reproduction_summary(material.runs)
    return Section(
        key="reproduction",
        title="Do the papers' figures reproduce?",
        missing=f"No net of the papers was counted: {COUNTED_BY}",
        answer=(summary,) if summary else (),
        tables=(material.tables["reproduction"], material.tables["claims"]) if summary else (),
        method=METHOD if summary else "",
    )
