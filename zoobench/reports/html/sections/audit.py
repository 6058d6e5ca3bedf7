"""Counting audit: our count beside fvcore's and torchvision's, and what the differences are made of."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from zoobench.cases import ImageSize, ModelRef
from zoobench.reports import palette
from zoobench.reports.audit import METHOD, AuditRow, audit_rows, audit_summary, deviations
from zoobench.reports.escape import single_line
from zoobench.reports.html.plots.dots import Axis, Dot, dot_plot, first_rows, height_for
from zoobench.reports.html.plots.ticks import CHANGE_TICK
from zoobench.reports.html.section import Chart, Section
from zoobench.reports.material import Material
from zoobench.units import format_change, format_percent

_LINEAR_TO: Final = 0.001
"""A tenth of a percent, which torchvision's rounding of a small net comes to."""


def audit(material: Material) -> Section:
    """A row a model that was audited."""
    summary = audit_summary(material.runs)
    return Section(
        key="audit",
        title="Are the counts right?",
        missing="No second opinion was asked for: `pytest suites/bench_audit.py --benchmark-only` asks for it.",
        answer=(summary,) if summary else (),
        tables=(material.tables["audit"],) if summary else (),
        charts=tuple(_other_counters(audit_rows(material.runs))),
        method=METHOD if summary else "",
    )


def _other_counters(rows: Sequence[AuditRow]) -> Iterable[Chart]:
    """Of the newest run that was audited: how far the other counters lie from ours, the furthest model first."""
    newest = max((row.run_id for row in rows), default="")
    of_newest = [row for row in rows if row.run_id == newest]
    dots = list(_dots(of_newest))
    if not dots:
        return
    shown, cut = first_rows(dots)
    of_run = f" Of run {single_line(newest)}." if len(of_newest) < len(rows) else ""
    close = sum(abs(dot.value) <= _LINEAR_TO for dot in dots)
    yield Chart(
        key="other-counters",
        title=f"What other counters count, against ours{cut}",
        alt=(
            "A row a model, the furthest off first, and a mark a counter; linear within "
            f"±{format_percent(_LINEAR_TO)} and logarithmic beyond. {close} of {len(dots)} counts lie within "
            f"±{format_percent(_LINEAR_TO)} of ours.{of_run}"
        ),
        spec=dot_plot(shown, Axis("their MACs over ours, less 1", CHANGE_TICK, baseline=0.0, linear_to=_LINEAR_TO)),
        height=height_for(shown),
    )


def _dots(rows: Sequence[AuditRow]) -> Iterable[Dot]:
    """The model that is furthest from any other counter first."""
    names = _names(rows)
    known = [(row, found) for row in rows if (found := tuple(deviations(row)))]
    for row, found in sorted(known, key=lambda each: -max(abs(deviation.ratio) for deviation in each[1])):
        group = palette.group_of_model(row.model)
        for counter, ratio, reason in found:
            text = f"{format_change(ratio, digits=2)}, {reason}"
            yield Dot(names[row.model, row.picture], group, ratio, math.nan, math.nan, text, counter)


def _names(rows: Sequence[AuditRow]) -> dict[tuple[ModelRef, ImageSize], str]:
    """With the source where two have a model of that name, and with the size of pictures where it has several."""
    models = {row.model for row in rows}
    sources = Counter(model.name for model in models)
    sizes = Counter(row.model for row in rows)
    return {
        (row.model, row.picture): (row.model.name if sources[row.model.name] == 1 else str(row.model))
        + (f", {row.picture} px" if sizes[row.model] > 1 else "")
        for row in rows
    }
