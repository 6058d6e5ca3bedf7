"""Charts with a line a model across batch sizes: a panel a family, everything else in grey behind it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from zoobench import metrics
from zoobench.cases import Mode
from zoobench.frame import THROUGHPUT
from zoobench.reports import palette
from zoobench.reports.charts import canvas
from zoobench.reports.escape import figure_text
from zoobench.reports.placement import spread
from zoobench.reports.selection import NAME, SETTING, View, measured, shown_settings

_COLUMNS = 4
_MOST_LINES = 12
_MOST_PANELS = 24
_DASHES = ("-", "--", "-.", ":")
_BACKGROUND = "#DDDDDD"
_GAP = 0.05
_OUTLINE: dict[str, Any] = {"markeredgecolor": "black", "markeredgewidth": 0.4}
_INTERVAL: dict[str, Any] = {"linestyle": "", "ecolor": "#333333", "elinewidth": 0.8, "capsize": 2.0}


class _Panel(NamedTuple):
    """A family in a setting: the cases drawn in its colour, and how many of its models are only drawn in grey."""

    group: str
    setting: str
    rows: pd.DataFrame
    left_out: int


def throughput_against_batch(view: View) -> Figure | None:
    """Images a second of inference."""
    return _against_batch(view, THROUGHPUT, "Images a second", metrics.PER_SECOND, "Throughput against batch size")


def memory_against_batch(view: View) -> Figure | None:
    """Peak memory of inference."""
    title = metrics.find(view.memory_metric).title
    return _against_batch(view, view.memory_metric, title, metrics.BYTES, "Memory against batch size")


def at_headline_precision(view: View, metric: str) -> pd.DataFrame:
    """The cases of the headline's precision; of each model, those of its first case at a batch."""
    if view.point is None:
        return view.rows.iloc[:0]
    rows = measured(view.rows, metric)
    rows = rows[(rows["mode"] == Mode.INFER) & (rows["precision"] == view.point.precision) & (rows["value"] > 0)]
    return rows.drop_duplicates([SETTING, NAME, "batch"]).sort_values("batch", kind="stable")


def _against_batch(view: View, metric: str, y: str, unit: str, title: str) -> Figure | None:
    rows = at_headline_precision(view, metric)
    batches = sorted(int(batch) for batch in rows["batch"].unique())
    if len(batches) < 2:  # noqa: PLR2004  one batch is a point, not a line
        return None
    shown, cut = shown_settings(view, max(2, _MOST_PANELS // len(rows["group"].unique())))
    panels = _panels(rows, shown)
    settings = list(dict.fromkeys(panel.setting for panel in panels))
    columns = min(len(panels), max(1, _COLUMNS // len(settings)) * len(settings))
    point = f" (inference, {view.point.precision})" if view.point else ""
    lines = -(-len(panels) // columns)
    figure, axes = canvas.new_figure(
        lines, columns, width=4.0, height=2.9, title=title + point + cut, is_constrained=False
    )
    for ax, panel in zip(axes, panels, strict=False):
        _draw(ax, panel, rows, batches, unit)
        name = " · ".join(text for text in (panel.group, panel.setting) if text)
        canvas.name_panel(ax, name, "Batch size", y if len(y) < 30 else "Peak memory")  # noqa: PLR2004
    for ax in axes[len(panels) :]:
        ax.remove()
    canvas.arrange_small(figure, lines, columns)
    for ax, panel in zip(axes, panels, strict=False):
        _label_ends(ax, panel)
    return figure


def _panels(rows: pd.DataFrame, settings: tuple[str, ...]) -> list[_Panel]:
    """Group after group, and in a group setting after setting, with an empty panel where a setting lacks a group."""
    groups = [group for group in palette.STYLES if (rows["group"] == group).any()]
    return [
        _panel(group, setting, rows[(rows["group"] == group) & (rows[SETTING] == setting)])
        for group in groups
        for setting in settings
    ]


def _panel(group: str, setting: str, rows: pd.DataFrame) -> _Panel:
    """Of more models than a panel has room for, every so many-th in the order of their values."""
    ends = rows.drop_duplicates(NAME, keep="last").sort_values("value")[NAME].astype(str).tolist()
    if len(ends) <= _MOST_LINES:
        return _Panel(group, setting, rows, 0)
    kept = {ends[round(index * (len(ends) - 1) / (_MOST_LINES - 1))] for index in range(_MOST_LINES)}
    return _Panel(group, setting, rows[rows[NAME].isin(kept)], len(ends) - len(kept))


def _draw(ax: Axes, panel: _Panel, rows: pd.DataFrame, batches: list[int], unit: str) -> None:
    canvas.batch_axis(ax.xaxis, batches)
    canvas.log_axis(ax, "y", unit, rows["value"])
    ax.yaxis.set_minor_locator(NullLocator())
    ax.set_ylim(float(rows["value"].min()) / 1.5, float(rows["value"].max()) * 1.5)
    others = rows[(rows[SETTING] == panel.setting) & ~rows[NAME].isin(panel.rows[NAME].unique())]
    ax.plot(*_broken_line(others), color=_BACKGROUND, linewidth=0.8, zorder=1)
    style = palette.STYLES[panel.group]
    for index, (_, line) in enumerate(panel.rows.groupby(NAME, observed=True, sort=False)):
        looks: dict[str, Any] = {
            "linestyle": _DASHES[index % len(_DASHES)],
            "linewidth": 1.4,
            "marker": style.marker,
            "markersize": 5,
        }
        ax.plot(line["batch"], line["value"], color=style.color, **_OUTLINE, **looks, zorder=3)
    known = panel.rows.dropna(subset=["low", "high"])
    ends = [known["value"] - known["low"], known["high"] - known["value"]]
    ax.errorbar(known["batch"], known["value"], yerr=ends, **_INTERVAL, zorder=4)


def _broken_line(rows: pd.DataFrame) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The lines of all models as one that is broken between them: one thing to draw instead of hundreds."""
    table = rows.assign(name=rows[NAME].astype(str)).pivot_table(index=NAME, columns="batch", values="value")
    batches = np.append(table.columns.to_numpy(dtype=np.float64), np.nan)
    values = np.column_stack([table.to_numpy(dtype=np.float64), np.full(len(table), np.nan)])
    return np.tile(batches, len(table)), values.ravel()


def _label_ends(ax: Axes, panel: _Panel) -> None:
    """Names in a column right of the last batch, each with a thin line to the end of its own."""
    ends = panel.rows.drop_duplicates(NAME, keep="last")
    texts = [canvas.write_label(ax, figure_text(str(name)), 0.5, 0.5) for name in ends[NAME]]
    extents = [text.get_window_extent() for text in texts]
    for text in texts:
        text.remove()
    frame = ax.get_window_extent()
    _make_room(ax, max((extent.width for extent in extents), default=0.0) / frame.width)
    height = max((extent.height for extent in extents), default=1.0) + 1.0
    wanted = [float(ax.transData.transform((end["batch"], end["value"]))[1]) for _, end in ends.iterrows()]
    found = spread(wanted, height, frame.y0, frame.y1)
    for text, (_, end), up in zip(texts, ends.iterrows(), found, strict=True):
        if up is not None:
            _write_end(ax, text.get_text(), end, up)
    canvas.say_unlabelled(ax, found.count(None) + panel.left_out)


def _write_end(ax: Axes, name: str, end: pd.Series[float], up: float) -> None:
    last = max(ax.xaxis.get_majorticklocs())
    across = ax.transData.transform((last, 1.0))[0] + 2 * _GAP * ax.get_window_extent().width
    x, y = ax.transData.inverted().transform((across, up))
    canvas.write_label(ax, name, float(x), float(y))
    ax.plot([end["batch"], x], [end["value"], y], color="#888888", linewidth=0.5, zorder=2)


def _make_room(ax: Axes, share: float) -> None:
    """Widen the axis to the right until names that take `share` of its width fit beside the last batch."""
    batches = ax.xaxis.get_majorticklocs()
    first, last = float(min(batches)), float(max(batches))
    inner = max(0.2, 1.0 - share - 4 * _GAP)
    whole = (last / first) ** (1.0 / inner)
    left = first / whole**_GAP
    ax.set_xlim(left, left * whole)
