"""Batch and precision: what a larger batch and mixed precision do to time and memory, and the largest that fits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pandas as pd

from zoobench.cases import Mode, format_bytes, format_quantity, format_rate
from zoobench.records import metrics
from zoobench.report import palette
from zoobench.report.answers import amp_speed_up, of_settings
from zoobench.report.capacity import LACKING, METHOD, Frontier, panels_of
from zoobench.report.frame import THROUGHPUT
from zoobench.report.html.plots import RATIO_TICK, TICKS
from zoobench.report.html.plots.curves import HEIGHT, MOST_NAMES, Curve, curve_plot
from zoobench.report.html.plots.dots import Dot, DotAxis, dot_plot, first_rows, height_for
from zoobench.report.html.section import PageChart, Section
from zoobench.report.report_data import ReportData
from zoobench.report.selection import NAME, SETTING, View, amp_speedups, at_headline_precision, ratio_text
from zoobench.report.text import single_line

# The frontier of memory: how the peak rises with the batch, and the largest batch that fits the limit.


def frontier_charts(frontiers: Sequence[Frontier]) -> Iterable[PageChart]:
    """One for each mode, and whatever else tells searches apart; a curve a model."""
    for place, (title, of_panel) in enumerate(panels_of(frontiers).items()):
        limits = sorted({frontier.limit_bytes for frontier in of_panel})
        unnamed = max(0, len(of_panel) - MOST_NAMES)
        yield PageChart(
            key=f"frontier-{place}",
            title=f"The largest batch that fits {', '.join(map(format_bytes, limits))} ({single_line(title)})",
            alt=(
                "A curve a model, both axes logarithmic: its peak memory by batch. The limit is dashed, the largest "
                "batch that fits is filled, the first that does not is hollow. The table of capacities has the numbers."
                + (f" {unnamed} names found no room." if unnamed else "")
            ),
            spec=curve_plot([_curve(frontier) for frontier in of_panel], limits),
            height=HEIGHT,
        )


def _curve(frontier: Frontier) -> Curve:
    return Curve(
        name=frontier.name,
        group=palette.group_of_model(frontier.case.model),
        points=tuple(frontier.points),
        fits=frontier.batch or None,
        too_large=frontier.too_large,
        told="\n".join(_lines(frontier)),
    )


def _lines(frontier: Frontier) -> Iterable[str]:
    yield single_line(str(frontier.case.model))
    if frontier.batch:
        rate = f", {format_rate(frontier.throughput)}" if frontier.throughput else ""
        yield f"largest batch within {format_bytes(frontier.limit_bytes)}: {frontier.batch}{rate}"
    if frontier.slope_bytes is not None:
        fixed = "" if frontier.intercept_bytes is None else f", {format_bytes(frontier.intercept_bytes)} fixed"
        yield f"{format_bytes(frontier.slope_bytes)} an image{fixed}"
    if frontier.note:
        yield single_line(frontier.note)


_TABLES = ("latency", "training", "memory", "capacity")


def batch_and_precision(report_data: ReportData) -> Section:
    """Latency by batch and precision, training steps, memory, and capacities that were searched for."""
    tables = tuple(table for key in _TABLES if len((table := report_data.tables[key]).frame))
    lacking = (LACKING,) if tables and not report_data.frontiers else ()
    return Section(
        key="batch-and-precision",
        title="What do batch and precision change?",
        missing="No case was measured: `python -m zoobench run --preset default` measures two batches and AMP.",
        answer=(*of_settings(report_data.view, amp_speed_up), *lacking),
        tables=tables,
        charts=(
            *_throughput(report_data.view),
            *_speed_ups(report_data.view),
            *frontier_charts(report_data.frontiers),
        ),
        method=METHOD if report_data.frontiers else "",
    )


def _throughput(view: View) -> Iterable[PageChart]:
    """Images a second at each batch, of the first setting."""
    rows = at_headline_precision(view, THROUGHPUT)
    if rows["batch"].nunique() < 2:  # noqa: PLR2004  one batch changes nothing
        return
    rows = _in_first_setting(rows, view)
    dots, cut = first_rows(_dots(rows, "value", lambda value: format_quantity(value, metrics.PER_SECOND)))
    yield PageChart(
        key="throughput",
        title=f"Images a second by batch ({_point_of(view)}){cut}",
        alt="A row a model, a mark a batch, a logarithmic axis. The table of latencies below has the numbers.",
        spec=dot_plot(dots, DotAxis("images a second", TICKS[metrics.PER_SECOND])),
        height=height_for(dots),
    )


def _speed_ups(view: View) -> Iterable[PageChart]:
    """A chart for each mode and AMP precision, of the first setting."""
    for (mode, precision), rows in _in_first_setting(amp_speedups(view), view).groupby(
        ["mode", "precision"], observed=True
    ):
        dots, cut = first_rows(_dots(rows, "speedup", ratio_text))
        slower = sum(dot.value < 1 for dot in dots)
        yield PageChart(
            key=f"speed-up-{mode}-{precision}",
            title=f"{'Inference' if mode == Mode.INFER else 'Training'}: fp32 latency over {precision} latency{cut}",
            alt=(
                f"A row a model, a mark a batch; 1× is no change. {slower} of {len(dots)} became slower. Lines reach "
                "as far as the ends of both latencies' intervals do."
            ),
            spec=dot_plot(dots, DotAxis("speed-up", RATIO_TICK, baseline=1.0)),
            height=height_for(dots),
        )


def _in_first_setting(rows: pd.DataFrame, view: View) -> pd.DataFrame:
    return rows[rows[SETTING] == view.settings[0]] if view.settings else rows


def _point_of(view: View) -> str:
    precision = f"inference, {view.point.precision}" if view.point else "inference"
    return f"{precision}, {single_line(view.settings[0])}" if len(view.settings) > 1 else precision


def _dots(rows: pd.DataFrame, column: str, text_of: Callable[[float], str]) -> list[Dot]:
    """By model as the catalogue lists them, and by batch."""
    names = rows[NAME].astype(str)
    places = {name: place for place, name in enumerate(names.unique())}
    ordered = rows.assign(place=names.map(places)).sort_values(["place", "batch"], kind="stable")
    return [
        Dot(
            name=str(row[NAME]),
            group=str(row["group"]),
            value=float(row[column]),
            low=float(row["low"]),
            high=float(row["high"]),
            text=text_of(float(row[column])),
            series=f"batch {row['batch']}",
        )
        for row in ordered.to_dict("records")
    ]
