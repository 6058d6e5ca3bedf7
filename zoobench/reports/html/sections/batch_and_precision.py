"""Batch and precision: what a larger batch and mixed precision do to time and memory, and the largest that fits."""

from __future__ import annotations

from zoobench.reports.answers import amp_speed_up, of_settings
from zoobench.reports.html.section import Section
from zoobench.reports.material import Material

_TABLES = ("latency", "training", "memory", "capacity")


def batch_and_precision(material: Material) -> Section:
    """Latency by batch and precision, training steps, memory, and capacities that were searched for."""
    tables = [material.tables[key] for key in _TABLES]
    return Section(
        key="batch-and-precision",
        title="What do batch and precision change?",
        missing="No case was measured: `python -m zoobench run --preset default` measures two batches and AMP.",
        answer=tuple(of_settings(material.view, amp_speed_up)),
        tables=tuple(table for table in tables if len(table.frame)),
    )
