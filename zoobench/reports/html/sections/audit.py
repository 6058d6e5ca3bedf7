"""Counting audit: our count beside fvcore's and torchvision's, and what the differences are made of."""

from __future__ import annotations

from zoobench.reports.audit import METHOD, audit_summary
from zoobench.reports.html.section import Section
from zoobench.reports.material import Material


def audit(material: Material) -> Section:
    """A row a model that was audited."""
    summary = audit_summary(material.runs)
    return Section(
        key="audit",
        title="Are the counts right?",
        missing="No second opinion was asked for: `pytest suites/bench_audit.py --benchmark-only` asks for it.",
        answer=(summary,) if summary else (),
        tables=(material.tables["audit"],) if summary else (),
        method=METHOD if summary else "",
    )
