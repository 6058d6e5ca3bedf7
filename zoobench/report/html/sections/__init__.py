"""Counting audit: our count beside fvcore's and torchvision's, and what the differences are made of."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import pandas as pd

from zoobench.cases import ImageSize, ModelRef, format_change, format_percent
from zoobench.records.store import StoredRun
from zoobench.report import palette as palette
from zoobench.report.answers import count_sentence, fastest, of_settings, validity_sentences
from zoobench.report.audit import METHOD as AUDIT_METHOD
from zoobench.report.audit import AuditRow, audit_rows, audit_summary, deviations
from zoobench.report.changes import METHOD as CHANGES_METHOD
from zoobench.report.changes import change_sentences
from zoobench.report.html.cases import case_details, folding_note
from zoobench.report.html.plots import CHANGE_TICK
from zoobench.report.html.plots.bands import BandValue, band_plot, height_of
from zoobench.report.html.plots.dots import Dot, DotAxis, dot_plot, first_rows, height_for
from zoobench.report.html.section import PageChart, Section
from zoobench.report.html.sections.batch_and_precision import batch_and_precision
from zoobench.report.html.sections.families import families
from zoobench.report.html.sections.why_slow import why_slow
from zoobench.report.page import METHOD as PAGE_METHOD
from zoobench.report.page import describe_runs
from zoobench.report.report_data import ReportData
from zoobench.report.reproduction import COUNTED_BY, reproduction_summary
from zoobench.report.reproduction import METHOD as REPRODUCTION_METHOD
from zoobench.report.selection import View
from zoobench.report.text import markdown_text, single_line

_LINEAR_TO: Final = 0.001
"""A tenth of a percent, which torchvision's rounding of a small net comes to."""


def audit(report_data: ReportData) -> Section:
    """A row a model that was audited."""
    summary = audit_summary(report_data.runs)
    return Section(
        key="audit",
        title="Are the counts right?",
        missing="No second opinion was asked for: `pytest suites/bench_audit.py --benchmark-only` asks for it.",
        answer=(summary,) if summary else (),
        tables=(report_data.tables["audit"],) if summary else (),
        charts=tuple(_other_counters(audit_rows(report_data.runs))),
        method=AUDIT_METHOD if summary else "",
    )


def _other_counters(rows: Sequence[AuditRow]) -> Iterable[PageChart]:
    """Of the newest run that was audited: how far the other counters lie from ours, the furthest model first."""
    newest = max((row.run_id for row in rows), default="")
    of_newest = [row for row in rows if row.run_id == newest]
    dots = list(_dots(of_newest))
    if not dots:
        return
    shown, cut = first_rows(dots)
    of_run = f" Of run {single_line(newest)}." if len(of_newest) < len(rows) else ""
    close = sum(abs(dot.value) <= _LINEAR_TO for dot in dots)
    yield PageChart(
        key="other-counters",
        title=f"What other counters count, against ours{cut}",
        alt=(
            "A row a model, the furthest off first, and a mark a counter; linear within "
            f"±{format_percent(_LINEAR_TO)} and logarithmic beyond. {close} of {len(dots)} counts lie within "
            f"±{format_percent(_LINEAR_TO)} of ours.{of_run}"
        ),
        spec=dot_plot(shown, DotAxis("their MACs over ours, less 1", CHANGE_TICK, baseline=0.0, linear_to=_LINEAR_TO)),
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
            yield Dot(names[row.model, row.resolution], group, ratio, math.nan, math.nan, text, counter)


def _names(rows: Sequence[AuditRow]) -> dict[tuple[ModelRef, ImageSize], str]:
    """With the source where two have a model of that name, and with the size of images where it has several."""
    models = {row.model for row in rows}
    sources = Counter(model.name for model in models)
    sizes = Counter(row.model for row in rows)
    return {
        (row.model, row.resolution): (row.model.name if sources[row.model.name] == 1 else str(row.model))
        + (f", {row.resolution} px" if sizes[row.model] > 1 else "")
        for row in rows
    }


# Reproduction of the papers: each printed figure with its verdict, and the claims on speed.


CLOSE_RATIO: Final = 0.01
"""A tenth of a percent: half a unit of a count's third digit and less."""


def reproduction(report_data: ReportData) -> Section:
    """Of the run that has the papers' cases."""
    summary = reproduction_summary(report_data.runs)
    return Section(
        key="reproduction",
        title="Do the papers' figures reproduce?",
        missing=f"No net of the papers was counted: {COUNTED_BY}",
        answer=(summary,) if summary else (),
        tables=(report_data.tables["reproduction"], report_data.tables["claims"]) if summary else (),
        charts=tuple(_printed_against_found(report_data.tables["reproduction"].frame)) if summary else (),
        method=REPRODUCTION_METHOD if summary else "",
    )


def _printed_against_found(figures: pd.DataFrame) -> Iterable[PageChart]:
    """How far each figure that was counted lies from the printed one."""
    counted = figures.dropna(subset=["difference_ratio"])
    if counted.empty:
        return
    deviations = [_deviation(figure) for figure in counted.to_dict("records")]
    close = int((counted["difference_ratio"].abs() <= CLOSE_RATIO).sum())
    yield PageChart(
        key="printed-against-found",
        title=f"What was counted against what is printed ({len(deviations)} figures)",
        alt=(
            "A row a figure, in the order of the papers' tables: its distance from the printed one, linear within "
            f"±{format_percent(_LINEAR_TO)} and logarithmic beyond. {close} of {len(deviations)} lie within "
            f"±{format_percent(CLOSE_RATIO, digits=0)}. The table below has the numbers."
        ),
        spec=band_plot(deviations, "found over printed, less 1", linear_to=_LINEAR_TO),
        height=height_of(deviations),
    )


def _deviation(figure: Mapping[Any, Any]) -> BandValue:
    """A paper is drawn as the family that it is about."""
    paper, table = str(figure["paper"]), str(figure["table"])
    lines = (
        f"{paper}, {table}: {figure['row']}, {figure['metric']}",
        f"printed {figure['printed_text']}, found {figure['found_text']} ({figure['difference_text']})",
        str(figure["verdict_text"]),
        str(figure["note"]),
    )
    return BandValue(
        band=f"{paper}, {table}",
        group=palette.group_of(paper.lower()),
        value=float(figure["difference_ratio"]),
        series=str(figure["verdict"]).replace("-", " "),
        told="\n".join(filter(None, lines)),
    )


# Comparison: what changed between the first and the last of the runs shown.


def comparison(report_data: ReportData) -> Section:
    """Exact metrics that differ, then every case with its times; nothing of a single run."""
    found, tables = report_data.comparison, report_data.tables
    return Section(
        key="comparison",
        title="What changed between the runs?",
        missing=(
            "One run alone has nothing to be held against: `python -m zoobench report RUN RUN` shows two side by side, "
            "`python -m zoobench compare BASE..HEAD` measures two commits in turns and decides."
        ),
        answer=change_sentences(found, report_data.runs) if found else (),
        tables=tuple(tables[key] for key in ("exact_changes", "changes") if len(tables[key].frame)),
        method=CHANGES_METHOD if found else "",
    )


# Every case: one table of all that was asked for, whatever came of it; each row opens its case.


EVERY_CASE_METHOD = """\
- Struck: a time that is not valid, or a case that failed; the last column says why. These rows stand last in any order.
- A click on a row, or Enter on its model, opens the case: its raw samples, what disturbed them, and the command that
  measures it again.
- The CSV holds the rows that the search leaves, in the order shown."""


def every_case(report_data: ReportData) -> Section:
    """The table is laid out in the browser, from the page's data."""
    view = report_data.view
    has_cases = len(view.every_row) > 0
    note = folding_note(view)
    return Section(
        key="every-case",
        title="Every case",
        missing="No case was recorded: `python -m zoobench run` measures the default suite.",
        answer=(count_sentence(view), *validity_sentences(view), *([note] if note else [])) if has_cases else (),
        body="every_case.html.j2" if has_cases else "",
        data=case_details(view, report_data.runs) if has_cases else None,
        method=EVERY_CASE_METHOD if has_cases else "",
    )


# Environment and method: where it was measured, what that machine is worth, and how to read a number.


def method(report_data: ReportData) -> Section:
    """Facts of the runs side by side, and what differs between them."""
    runs = report_data.runs
    keys = (*(("differences",) if len(runs) > 1 else ()), "calibration", "warnings", "unavailable", "environment")
    return Section(
        key="method",
        title="Environment and method",
        missing="No run is shown: `python -m zoobench report RUN` shows one.",
        answer=(*describe_runs(runs), *_notes(runs)),
        tables=tuple(report_data.tables[key] for key in keys) if runs else (),
        method=PAGE_METHOD if runs else "",
    )


def _notes(runs: Sequence[StoredRun]) -> Iterable[str]:
    """What could not be read of the runs."""
    return (markdown_text(note) for stored in runs for note in stored.notes)


# Which model for me? The reader filters, and the browser finds the front, the ranks and the pick anew.


WHICH_MODEL_METHOD = """\
- The pick is the best by what you prefer, of the cases that keep your limits and whose times are valid; the runner-up
  is the next one. Where their intervals overlap, the measurement does not tell which of them is the better.
- A rank is an interval too: *3rd–6th* means that two models are surely better and that no more than six can be at or
  before this place. Models tie where their intervals overlap. Without an interval (too few blocks) there is no rank.
- On the dashed front are the models that no other one beats on both axes.
- Hollow points: accuracy printed in a paper. Pale points: a time that is not valid; they stand last and are not picked.
- The filter is a part of this page's address: copy the address, and the view goes with it."""


def which_model(report_data: ReportData) -> Section:
    """The pick, filters, the chart, the ranks; without JavaScript, the fastest model of the headline cases."""
    view = report_data.view
    has_cases = len(view.rows) > 0
    return Section(
        key="which-model",
        title="Which model for me?",
        missing="No case was recorded: `python -m zoobench run --preset quick` measures nine models.",
        answer=tuple(of_settings(view, fastest)),
        is_live=True,
        body="which_model.html.j2" if has_cases else "",
        data=_start(view),
        method=WHICH_MODEL_METHOD if has_cases else "",
    )


def _start(view: View) -> dict[str, object]:
    """The filter with which the page opens: the headline case, or all cases where there is none."""
    if view.point is None:
        return {}
    return {"mode": "infer", "precision": view.point.precision, "batch": view.point.batch}


# The page's sections: one module makes one record, and this tuple is their order.
#
# A new section is a module with a function from `Material` to `Section`, and a place here. Numbers in the page's table
# of contents come from the order; a section of which nothing was measured says which command measures it.


SECTIONS: tuple[Callable[[ReportData], Section], ...] = (
    which_model,
    families,
    reproduction,
    why_slow,
    batch_and_precision,
    audit,
    comparison,
    every_case,
    method,
)
