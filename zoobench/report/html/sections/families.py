"""The four families: what each of their models is and does, beside AlexNet and ResNet."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pandas as pd

from zoobench.report import palette
from zoobench.report.html.plots import RATIO_TICK
from zoobench.report.html.plots.dots import Dot, DotAxis, dot_plot, first_rows, height_for
from zoobench.report.html.section import PageChart, Section
from zoobench.report.report_data import ReportData
from zoobench.report.selection import NAME, SETTING, View, ratio_text, reference_of, relative_to
from zoobench.report.tables import Table
from zoobench.report.text import markdown_text, single_line

_BESIDE = ("alexnet", "resnet")
"""Families against which the four are held."""

_QUANTITIES = {"parameters": "Parameters", "macs": "MACs", "memory": "Peak memory", "latency": "Latency"}
"""Of a chart each, by their columns in the view's models."""


def families(report_data: ReportData) -> Section:
    """A row a model, at the headline case."""
    table = _of_families(report_data.tables["zoo"])
    return Section(
        key="families",
        title="The four families: SqueezeNet, MobileNet, ShuffleNet, Xception",
        missing="None of the four families was measured: `python -m zoobench run --preset quick` measures them.",
        answer=tuple(_answer(report_data.view)),
        tables=(table,) if len(table.frame) else (),
        charts=tuple(_charts(report_data.view)),
    )


def _answer(view: View) -> Iterable[str]:
    """How far the four families' latencies lie from AlexNet's, with the MACs that they save."""
    relative = _first_setting(view).dropna(subset=["macs", "latency"])
    if relative.empty:
        return
    best = relative.sort_values("latency", kind="stable").iloc[0]
    slower = int((relative["latency"] > 1).sum())
    yield (
        f"Against {reference_of(view)} ({view.point}) the fastest of the {len(relative)} is "
        f"{markdown_text(str(best[NAME]))}: {ratio_text(best['latency'])} its time with {ratio_text(best['macs'])} its "
        f"MACs; {slower or 'none'} took longer than {reference_of(view)}."
    )


def _charts(view: View) -> Iterable[PageChart]:
    """Small multiples: one quantity each, over AlexNet's."""
    relative = _first_setting(view)
    several = f", {single_line(view.settings[0])}" if len(view.settings) > 1 else ""
    for column, title in _QUANTITIES.items():
        known = relative[relative[column] > 0] if len(relative) else relative
        if known.empty:
            continue
        dots, cut = first_rows([_dot(model, column) for _, model in known.iterrows()])
        reference = reference_of(view)
        axis = DotAxis(f"times {reference}'s", RATIO_TICK, baseline=1.0)
        yield PageChart(
            key=f"families-{column}",
            title=f"{title} over {reference}'s{several}{cut}",
            alt=f"A row a model, a logarithmic axis; from {_least(dots)} to {_most(dots)}. 1× is {reference}.",
            spec=dot_plot(dots, axis),
            height=height_for(dots),
        )


def _first_setting(view: View) -> pd.DataFrame:
    reference = reference_of(view)
    if reference is None:
        return view.models.iloc[:0]
    relative = relative_to(view, reference)
    return relative[relative[SETTING] == view.settings[0]].drop_duplicates(NAME)


def _dot(model: pd.Series[float], column: str) -> Dot:
    ratio = float(model[column])
    has_ends = column == "latency"  # of no other quantity are they over the reference's
    low, high = (float(model[f"{column}_{end}"]) if has_ends else math.nan for end in ("low", "high"))
    return Dot(str(model[NAME]), str(model["group"]), ratio, low, high, ratio_text(ratio))


def _least(dots: Iterable[Dot]) -> str:
    dot = min(dots, key=lambda dot: dot.value)
    return f"{single_line(dot.name)} ({dot.text})"


def _most(dots: Iterable[Dot]) -> str:
    dot = max(dots, key=lambda dot: dot.value)
    return f"{single_line(dot.name)} ({dot.text})"


def _of_families(table: Table) -> Table:
    family = table.frame["family"].astype("str")
    is_compared = family.map(palette.group_of).isin(palette.COMPARED)
    shown = table.frame[is_compared | family.isin(_BESIDE)] if is_compared.any() else table.frame.iloc[:0]
    return table._replace(frame=shown)
