"""Batch and precision: what a larger batch and mixed precision do to time and memory, and the largest that fits."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pandas as pd

from zoobench import metrics
from zoobench.cases import Mode
from zoobench.frame import THROUGHPUT
from zoobench.reports.answers import amp_speed_up, of_settings
from zoobench.reports.capacity import LACKING, METHOD
from zoobench.reports.charts.lines import at_headline_precision
from zoobench.reports.charts.ratios import amp_speedups, ratio_text
from zoobench.reports.escape import single_line
from zoobench.reports.html.frontiers import frontier_charts
from zoobench.reports.html.plots.dots import Axis, Dot, dot_plot, first_rows, height_for
from zoobench.reports.html.plots.ticks import RATIO_TICK, TICKS
from zoobench.reports.html.section import Chart, Section
from zoobench.reports.material import Material
from zoobench.reports.selection import NAME, SETTING, View
from zoobench.units import format_quantity

_TABLES = ("latency", "training", "memory", "capacity")


def batch_and_precision(material: Material) -> Section:
    """Latency by batch and precision, training steps, memory, and capacities that were searched for."""
    tables = tuple(table for key in _TABLES if len((table := material.tables[key]).frame))
    lacking = (LACKING,) if tables and not material.frontiers else ()
    return Section(
        key="batch-and-precision",
        title="What do batch and precision change?",
        missing="No case was measured: `python -m zoobench run --preset default` measures two batches and AMP.",
        answer=(*of_settings(material.view, amp_speed_up), *lacking),
        tables=tables,
        charts=(
            *_throughput(material.view),
            *_speed_ups(material.view),
            *frontier_charts(material.frontiers),
        ),
        method=METHOD if material.frontiers else "",
    )


def _throughput(view: View) -> Iterable[Chart]:
    """Images a second at each batch, of the first setting."""
    rows = at_headline_precision(view, THROUGHPUT)
    if rows["batch"].nunique() < 2:  # noqa: PLR2004  one batch changes nothing
        return
    rows = _in_first_setting(rows, view)
    dots, cut = first_rows(_dots(rows, "value", lambda value: format_quantity(value, metrics.PER_SECOND)))
    yield Chart(
        key="throughput",
        title=f"Images a second by batch ({_point_of(view)}){cut}",
        alt="A row a model, a mark a batch, a logarithmic axis. The table of latencies below has the numbers.",
        spec=dot_plot(dots, Axis("images a second", TICKS[metrics.PER_SECOND])),
        height=height_for(dots),
    )


def _speed_ups(view: View) -> Iterable[Chart]:
    """A chart for each mode and AMP precision, of the first setting."""
    for (mode, precision), rows in _in_first_setting(amp_speedups(view), view).groupby(
        ["mode", "precision"], observed=True
    ):
        dots, cut = first_rows(_dots(rows, "speedup", ratio_text))
        slower = sum(dot.value < 1 for dot in dots)
        yield Chart(
            key=f"speed-up-{mode}-{precision}",
            title=f"{'Inference' if mode == Mode.INFER else 'Training'}: fp32 latency over {precision} latency{cut}",
            alt=(
                f"A row a model, a mark a batch; 1× is no change. {slower} of {len(dots)} became slower. Lines reach "
                "as far as the ends of both latencies' intervals do."
            ),
            spec=dot_plot(dots, Axis("speed-up", RATIO_TICK, baseline=1.0)),
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
