"""Charts of ratios: what mixed precision gains, and the compared families relative to AlexNet."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter

from zoobench.cases import Mode
from zoobench.report import palette
from zoobench.report.charts import canvas
from zoobench.report.charts.scatter import MOST_SETTINGS
from zoobench.report.selection import (
    NAME,
    SETTING,
    View,
    amp_speedups,
    ratio_text,
    reference_of,
    relative_to,
    shown_settings,
)
from zoobench.report.text import figure_text

_BATCH_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_TICKS = (0.1, 0.2, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 5.0, 10.0)
_TICKS_WIDE_RATIO = 100.0
_MOST_ROWS = 48
_MOST_PANELS = 4
_ROW_INCHES = 0.23
_SHADE = "#F3E3DB"
_OUTLINE: dict[str, Any] = {"markeredgecolor": "black", "markeredgewidth": 0.5}
_INTERVAL: dict[str, Any] = {"linestyle": "", "ecolor": "#333333", "elinewidth": 0.8, "zorder": 3}


class _AmpPanel(NamedTuple):
    setting: str
    mode: str
    precision: str
    rows: pd.DataFrame


def amp_speedup(view: View) -> Figure | None:
    """A panel for each setting, mode and AMP precision; a row a model, a marker a batch."""
    speedups = amp_speedups(view)
    if speedups.empty:
        return None
    panels_each = len(speedups[["mode", "precision"]].drop_duplicates())
    shown, cut = shown_settings(view, max(2, _MOST_PANELS // panels_each))
    speedups = speedups[speedups[SETTING].isin(shown)]
    title = f"Speed-up by mixed precision: latency in fp32 / latency with AMP{cut}"
    known, names = len(speedups[NAME].unique()), _most_changed(speedups)
    if len(names) < known:
        title += f" (the {len(names)} of {known} models whose time changes most)"
    speedups = speedups[speedups[NAME].isin(names)]
    panels = list(_amp_panels(speedups))
    batches = sorted(int(batch) for batch in speedups["batch"].unique())
    height = 1.2 + (_ROW_INCHES + 0.02 * len(batches)) * len(names)
    figure, axes = canvas.new_figure(1, len(panels), width=4.6, height=height, title=title)
    limits = _speedup_limits(speedups)
    for ax, panel in zip(axes, panels, strict=True):
        _draw_amp(ax, panel, names, batches, limits)
    for ax in axes[1::2]:
        ax.tick_params(labelleft=False)
    figure.legend(
        handles=[*_batch_handles(batches), Patch(color=_SHADE, label="slower with AMP")],
        loc="outside lower center",
        ncols=min(len(batches) + 1, 5),
        fontsize=8,
        frameon=False,
    )
    canvas.freeze_layout(figure)
    return figure


def families_against_alexnet(view: View) -> Figure | None:
    """Parameters, MACs, memory and latency of the four families, each over AlexNet's, on logarithmic axes."""
    reference = reference_of(view)
    if reference is None:
        return None
    relative = relative_to(view, reference)
    if relative.empty:
        return None
    names = [str(name) for name in relative[NAME].unique()]
    panels = [panel for panel in _compared_quantities(view) if relative[panel[1]].notna().any()]
    height = 1.2 + 1.3 * _ROW_INCHES * len(names)
    cut = shown_settings(view, MOST_SETTINGS)[1]
    title = f"SqueezeNet, MobileNet, ShuffleNet and Xception relative to {reference} ({view.point}){cut}"
    figure, axes = canvas.new_figure(1, len(panels), width=max(3.0, 9.0 / len(panels)), height=height, title=title)
    for ax, (panel, column, setting) in zip(axes, panels, strict=True):
        of_panel = relative if setting is None else relative[relative[SETTING] == setting]
        _draw_relative(ax, of_panel.drop_duplicates(NAME), column, names)
        canvas.name_panel(ax, panel, f"times {reference}'s")
    for ax in axes[1:]:
        ax.tick_params(labelleft=False)
    canvas.group_legend(figure, relative["group"])
    canvas.freeze_layout(figure)
    return figure


def _amp_panels(speedups: pd.DataFrame) -> Iterable[_AmpPanel]:
    for (setting, mode, precision), rows in speedups.groupby([SETTING, "mode", "precision"], observed=True):
        yield _AmpPanel(str(setting), str(mode), str(precision), rows)


def _most_changed(speedups: pd.DataFrame) -> list[str]:
    """Models in their order; where they are more than a page holds, those whose speed-up is furthest from 1."""
    names = speedups[NAME].astype(str)
    change = np.log(speedups["speedup"]).abs().groupby(names, sort=False).max()
    kept = set(change.sort_values(ascending=False, kind="stable").index[:_MOST_ROWS])
    return [name for name in names.unique() if name in kept]


def _draw_amp(ax: Axes, panel: _AmpPanel, names: list[str], batches: list[int], limits: tuple[float, float]) -> None:
    mode = "Inference" if panel.mode == Mode.INFER else "Training step"
    title = _titled(mode, panel.precision, panel.setting)
    canvas.name_panel(ax, title, "Speed-up (1: no change)")
    ax.set_xscale("log")
    ax.set_xlim(*limits)
    ax.axvspan(limits[0], 1.0, color=_SHADE, zorder=0)
    ax.axvline(1.0, color="black", linewidth=1.0)
    _ratio_ticks(ax.xaxis, limits)
    _name_rows(ax, names)
    places = {name: index for index, name in enumerate(names)}
    for (group, batch), rows in panel.rows.groupby(["group", "batch"], observed=True):
        index = batches.index(int(str(batch)))
        marker = {"marker": _BATCH_MARKERS[index % len(_BATCH_MARKERS)], "markersize": 5.0, **_OUTLINE}
        up = [places[str(name)] + _offset(batches, index) for name in rows[NAME]]
        ends = np.nan_to_num([rows["speedup"] - rows["low"], rows["high"] - rows["speedup"]])
        ax.errorbar(rows["speedup"], up, xerr=ends, color=palette.STYLES[str(group)].color, **marker, **_INTERVAL)


def _speedup_limits(speedups: pd.DataFrame) -> tuple[float, float]:
    low = float(np.nanmin(speedups[["speedup", "low"]]))
    high = float(np.nanmax(speedups[["speedup", "high"]]))
    return min(low / 1.1, 0.8), max(high * 1.1, 1.25)


def _ratio_ticks(axis: Axis, limits: tuple[float, float]) -> None:
    if limits[1] / limits[0] < _TICKS_WIDE_RATIO:
        axis.set_major_locator(FixedLocator([tick for tick in _TICKS if limits[0] <= tick <= limits[1]]))
    else:
        axis.set_major_locator(LogLocator(numticks=6))
    axis.set_major_formatter(FuncFormatter(lambda value, _: _tick_text(value)))
    axis.set_minor_formatter(NullFormatter())


def _tick_text(ratio: float) -> str:
    return f"{ratio:.6f}".rstrip("0").rstrip(".") + "×"


def _offset(batches: list[int], index: int) -> float:
    """Batches of a model stand above each other within its row."""
    return 0.0 if len(batches) == 1 else _spread(batches) * (index / (len(batches) - 1) - 0.5)


def _spread(batches: list[int]) -> float:
    return min(0.55, 0.2 * (len(batches) - 1))


def _batch_handles(batches: list[int]) -> list[Line2D]:
    return [
        Line2D(
            [],
            [],
            linestyle="",
            marker=marker,
            color="white",
            markeredgecolor="black",
            label=f"batch {batch}",
        )
        for batch, marker in zip(batches, itertools.cycle(_BATCH_MARKERS), strict=False)
    ]


def _name_rows(ax: Axes, names: list[str]) -> None:
    ax.set_yticks(range(len(names)), [figure_text(name) for name in names], fontsize=8, parse_math=False)
    ax.set_ylim(len(names) - 0.5, -0.5)


def _compared_quantities(view: View) -> list[tuple[str, str, str | None]]:
    """Title, column and setting of each panel: a model's facts once, what was measured for each setting."""
    panels: list[tuple[str, str, str | None]] = [("Parameters", "parameters", None), ("MACs", "macs", None)]
    for column, title in (("memory", "Peak memory"), ("latency", "Latency")):
        panels += [(_titled(title, setting), column, setting) for setting in shown_settings(view, MOST_SETTINGS)[0]]
    return panels


def _titled(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


def _draw_relative(ax: Axes, models: pd.DataFrame, column: str, names: list[str]) -> None:
    ax.set_xscale("log")
    _name_rows(ax, names)
    ax.axvline(1.0, color="black", linewidth=1.0)
    known = models[models[column] > 0]
    values = [1.0, *known[column]]
    limits = (min(values) / 1.5, max(values) * (max(values) / min(values)) ** 0.35 * 2.2)
    ax.set_xlim(*limits)
    ax.xaxis.set_major_locator(LogLocator(numticks=4))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _tick_text(value)))
    ax.xaxis.set_minor_formatter(NullFormatter())
    for _, model in known.iterrows():
        _draw_ratio(ax, model, column, names.index(str(model[NAME])))


def _draw_ratio(ax: Axes, model: pd.Series[float], column: str, row: int) -> None:
    style = palette.STYLES[str(model["group"])]
    ratio = float(model[column])
    ax.plot([1.0, ratio], [row, row], color=style.color, linewidth=2.2, zorder=2)
    ax.plot(
        [ratio], [row], marker=style.marker, color=style.color, markersize=6, markeredgecolor="black",
        markeredgewidth=0.4, zorder=3,
    )  # fmt: skip
    end = max(ratio, 1.0)
    if column == "latency" and np.isfinite([model["latency_low"], model["latency_high"]]).all():
        ends = [[ratio - float(model["latency_low"])], [float(model["latency_high"]) - ratio]]
        ax.errorbar([ratio], [row], xerr=ends, ecolor="#333333", elinewidth=0.9, capsize=2.0, zorder=4)
        end = max(end, float(model["latency_high"]))
    label = canvas.write_label(ax, ratio_text(ratio), end, row)
    label.set_transform(canvas.shifted_right(ax, 6.0))
