"""A metric against commits: a panel a case, the oldest run left; lines join only what one machine measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from zoobench.records import VALID, metrics
from zoobench.report import palette
from zoobench.report.charts import canvas
from zoobench.report.frame import OK
from zoobench.report.text import figure_text
from zoobench.stats.verdicts.outcome import short_names

KEY = "history"
MOST_PANELS = 24
"""Of cases; those whose value changed most, by ratio, are drawn."""

_COLUMNS = 3
_MOST_TICKS = 6
_SHORT_HASH = 7
_ROOM = 0.12
_LEAST_SPAN_RATIO = 0.05
_COLOR = palette.BLUE
_DASHED: dict[str, Any] = {"color": palette.DARK_GREY, "linewidth": 0.9, "linestyle": "--", "zorder": 1}


def history_chart(frame: pd.DataFrame, metric: str, machines: Mapping[str, Mapping[str, str]]) -> Figure | None:
    """From the frame of a `History`; None where no case has a value above 0.

    Runs of one commit that follow each other share a place on the axis. Hollow points are not valid. A dashed line
    stands where the machine, or what else times depend on, changed.
    """
    rows = frame[(frame["metric"] == metric) & (frame["status"] == OK)].reset_index(drop=True)
    if rows.empty:
        return None
    places = _places(rows)
    rows = rows.assign(place=rows["run_id"].map(dict(zip(places["run_id"], places["place"], strict=True))))
    shown = _most_changed(rows)
    columns = min(_COLUMNS, len(shown))
    lines = -(-len(shown) // columns)
    title = figure_text(metrics.find(metric).title, longest=80) + " by commit, oldest run first"
    figure, axes = canvas.new_figure(lines, columns, width=4.4, height=2.8, title=title, is_constrained=False)
    names = short_names(list(dict.fromkeys(rows["case_id"].astype("str"))))
    for ax, case in zip(axes, shown, strict=False):
        _draw(ax, rows[rows["case_id"] == case], metric)
        _place_axis(ax, places)
        canvas.name_panel(ax, names[case])
    for ax in axes[len(shown) :]:
        ax.remove()
    canvas.arrange_small(figure, lines, columns)
    _explain(figure, len(shown), rows["case_id"].nunique(), len(machines))
    return figure


def _places(rows: pd.DataFrame) -> pd.DataFrame:
    """A row a run, in order, with its place on the axis."""
    runs = rows.drop_duplicates("run_id")[["run_id", "started_at", "commit", "is_dirty", "machine"]]
    runs = runs.sort_values(["started_at", "run_id"], kind="stable").reset_index(drop=True)
    keys = runs[["commit", "is_dirty", "machine"]]
    is_new = keys.ne(keys.shift()).any(axis=1) | (runs["commit"] == "")
    return runs.assign(place=is_new.cumsum() - 1)


def _most_changed(rows: pd.DataFrame) -> list[str]:
    """Cases in their order; where they are more than a page holds, those whose largest value is furthest above."""
    values = rows.groupby(rows["case_id"].astype("str"), sort=False)["value"]
    change = values.max() / values.min().where(values.min() > 0)
    kept = set(change.sort_values(ascending=False, kind="stable").index[:MOST_PANELS])
    return [case for case in change.index if case in kept]


def _draw(ax: Axes, rows: pd.DataFrame, metric: str) -> None:
    unit = metrics.find(metric).unit
    for _, of_machine in _segments(rows):
        line = of_machine.groupby("place")["value"].median()
        ax.plot(line.index, line, color=_COLOR, linewidth=1.0, alpha=0.6, zorder=2)
    known = rows.dropna(subset=["low", "high"])
    ends = [known["value"] - known["low"], known["high"] - known["value"]]
    ax.errorbar(
        known["place"], known["value"], yerr=ends, linestyle="", ecolor="#333333", elinewidth=0.8, capsize=2.0, zorder=3
    )
    is_valid = rows["validity"] == VALID
    looks: dict[str, Any] = {"linestyle": "", "marker": "o", "markersize": 5, "markeredgecolor": _COLOR, "zorder": 4}
    ax.plot(rows["place"][is_valid], rows["value"][is_valid], markerfacecolor=_COLOR, **looks)
    ax.plot(rows["place"][~is_valid], rows["value"][~is_valid], markerfacecolor="white", **looks)
    _value_axis(ax, rows, unit)


def _value_axis(ax: Axes, rows: pd.DataFrame, unit: str) -> None:
    """Never so narrow that noise looks like change, or that ticks of three digits are the same."""
    values = rows[["value", "low", "high"]].to_numpy(dtype="float64")
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    spare = max(_ROOM * (high - low), (_LEAST_SPAN_RATIO * abs(high) - (high - low)) / 2)
    ax.set_ylim(low - (spare or 1.0), high + (spare or 1.0))
    ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: canvas.tick_text(value, unit)))


def _segments(rows: pd.DataFrame) -> Any:
    """Consecutive runs of one machine: what a line may join."""
    ordered = rows.sort_values("place", kind="stable")
    number = ordered["machine"].ne(ordered["machine"].shift()).cumsum()
    return ordered.groupby(number)


def _place_axis(ax: Axes, places: pd.DataFrame) -> None:
    """A tick a commit, as many as can be read; dashed lines and letters where the machine changes."""
    first = places.drop_duplicates("place")
    step = -(-len(first) // _MOST_TICKS)
    names = {
        int(place): f"{str(commit)[:_SHORT_HASH] or 'none'}{'*' if is_dirty else ''}"
        for place, commit, is_dirty in first[["place", "commit", "is_dirty"]].itertuples(index=False)
    }
    ax.set_xlim(-0.5, len(first) - 0.5)
    ax.xaxis.set_major_locator(FixedLocator(list(range(0, len(first), step))))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda place, _: names.get(round(place), "")))
    ax.tick_params(axis="x", labelsize=canvas.LABEL_SIZE)
    if (first["machine"] == first["machine"].iloc[0]).all():
        return
    is_new = first["machine"].ne(first["machine"].shift())
    for place, machine in first[is_new][["place", "machine"]].itertuples(index=False):
        if place > 0:
            ax.axvline(place - 0.5, **_DASHED)
        ax.text(
            place - 0.45, 0.98, str(machine), transform=ax.get_xaxis_transform(), va="top",
            fontsize=canvas.LABEL_SIZE, color=palette.DARK_GREY, parse_math=False,
        )  # fmt: skip


def _explain(figure: Figure, drawn: int, cases: int, machines: int) -> None:
    parts = ["Bars: 95 % intervals. Hollow: not valid. *: the tree had changes."]
    if machines > 1:
        parts.append("Dashed: another machine, processor setting or torch.")
    if drawn < cases:
        parts.append(f"The {drawn} of {cases:,} cases whose value changed most.")
    figure.text(0.5, 0.1 / figure.get_figheight(), " ".join(parts), ha="center", fontsize=8, parse_math=False)
