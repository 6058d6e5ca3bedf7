"""Charts with a line a model across batch sizes: a panel a family, everything else in grey behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from zoobench.cases import format_bytes
from zoobench.records import metrics
from zoobench.report import palette
from zoobench.report.capacity import Frontier, panels_of
from zoobench.report.charts import canvas
from zoobench.report.frame import THROUGHPUT
from zoobench.report.placement import spread
from zoobench.report.selection import NAME, SETTING, View, at_headline_precision, shown_settings
from zoobench.report.text import figure_text

# The frontier of memory: how the peak rises with the batch, and where it meets the limit.


class FrontierChart(NamedTuple):
    """A chart to be, as `zoobench.reports.charts.Chart`, but made from searches for a capacity."""

    key: str
    title: str
    alt: str
    build: Callable[[Sequence[Frontier]], Figure | None]
    missing: str


_TITLE = "Memory frontier: the largest batch that fits"
_LIMIT = "#666666"
_DASHES = ("-", "--", "-.", ":")
_MARKER: dict[str, Any] = {"linestyle": "", "markersize": 7.0}
_FILLED: dict[str, Any] = {"markeredgecolor": "black", "markeredgewidth": 0.6, "zorder": 5}
_HOLLOW: dict[str, Any] = {"markerfacecolor": "white", "markeredgewidth": 1.2, "zorder": 4}
_FRONTIER_COLUMNS = 2
_FRONTIER_GAP = 0.02
"""Between names and lines, as a share of the panel's width."""


def memory_frontier(frontiers: Sequence[Frontier]) -> Figure | None:
    """A panel for each mode and whatever else tells searches apart, a line a model; None without a trial's peak."""
    panels = panels_of(frontiers)
    if not panels:
        return None
    columns = min(_FRONTIER_COLUMNS, len(panels))
    lines = -(-len(panels) // columns)
    figure, axes = canvas.new_figure(lines, columns, width=5.6, height=4.6, title=_TITLE)
    for ax, (title, of_panel) in zip(axes, panels.items(), strict=False):
        _draw_panel(ax, title, of_panel)
    for ax in axes[len(panels) :]:
        ax.remove()
    drawn = [frontier for of_panel in panels.values() for frontier in of_panel]
    canvas.group_legend(figure, {palette.group_of_model(frontier.case.model) for frontier in drawn}, _handles())
    canvas.freeze_layout(figure)
    for ax, of_panel in zip(axes, panels.values(), strict=False):
        _label_starts(ax, of_panel)
    return figure


def _draw_panel(ax: Axes, title: str, frontiers: Sequence[Frontier]) -> None:
    batches = sorted({batch for frontier in frontiers for batch, _ in frontier.points})
    peaks = [peak for frontier in frontiers for _, peak in frontier.points]
    limits = sorted({frontier.limit_bytes for frontier in frontiers})
    canvas.name_panel(ax, f"{title}, limit {', '.join(map(format_bytes, limits))}", "Batch size", "Peak memory")
    canvas.batch_axis(ax.xaxis, _ticks(batches[-1]))
    canvas.log_axis(ax, "y", metrics.BYTES, [*peaks, *limits])
    ax.set_xlim(0.8, batches[-1] * 1.6)
    ax.set_ylim(min(*peaks, *limits) / 1.5, max(*peaks, *limits) * 1.5)
    for limit in limits:
        ax.plot([1.0, ax.get_xlim()[1]], [limit] * 2, color=_LIMIT, linewidth=1.0, linestyle="--", zorder=2)
    for index, frontier in enumerate(frontiers):
        _draw_frontier(ax, frontier, _DASHES[index % len(_DASHES)])


def _ticks(last: int) -> list[int]:
    """Powers of two, few enough to be read."""
    powers = [2**power for power in range(last.bit_length())]
    return powers[:: 1 + len(powers) // 8]


def _draw_frontier(ax: Axes, frontier: Frontier, dashes: str) -> None:
    style = palette.STYLES[palette.group_of_model(frontier.case.model)]
    points = frontier.points
    xs, ys = zip(*points, strict=True)
    ax.plot(xs, ys, color=style.color, linewidth=1.2, linestyle=dashes, marker=".", zorder=3)
    for batch, looks in ((frontier.batch, _FILLED), (frontier.too_large, _HOLLOW)):
        for x, y in (point for point in points if point[0] == batch):
            ax.plot([x], [y], color=style.color, marker=style.marker, **looks, **_MARKER)


def _label_starts(ax: Axes, frontiers: Sequence[Frontier]) -> None:
    """Names in a column left of the first batch, each with a thin line to the start of its own.

    At their other ends the lines meet the same limit, and names there would lie on each other.
    """
    names = [figure_text(frontier.name) for frontier in frontiers]
    texts = [canvas.write_label(ax, name, 1.0, 1.0) for name in names]
    extents = [text.get_window_extent() for text in texts]
    for text in texts:
        text.remove()
    frame = ax.get_window_extent()
    _make_frontier_room(ax, max(extent.width for extent in extents) / frame.width)
    starts = [frontier.points[0] for frontier in frontiers]
    wanted = [float(ax.transData.transform(start)[1]) for start in starts]
    found = spread(wanted, max(extent.height for extent in extents) + 1.0, frame.y0, frame.y1)
    for name, start, up in zip(names, starts, found, strict=True):
        if up is not None:
            _write_start(ax, name, start, up)
    canvas.say_unlabelled(ax, found.count(None))


def _write_start(ax: Axes, name: str, start: tuple[int, float], up: float) -> None:
    across = ax.transData.transform((1.0, 1.0))[0] - 2 * _FRONTIER_GAP * ax.get_window_extent().width
    x, y = ax.transData.inverted().transform((across, up))
    canvas.write_label(ax, name, float(x), float(y), ha="right")
    ax.plot([x, start[0]], [y, start[1]], color="#888888", linewidth=0.5, zorder=2)


def _make_frontier_room(ax: Axes, share: float) -> None:
    """Widen the axis to the left until names that take `share` of its width fit beside the first batch."""
    right = ax.get_xlim()[1]
    inner = max(0.2, 1.0 - share - 3 * _FRONTIER_GAP)
    ax.set_xlim(right ** (1.0 - 1.0 / inner), right)


def _handles() -> list[Line2D]:
    plain: dict[str, Any] = {"linestyle": "", "marker": "o", "markersize": 6, "markeredgecolor": "black"}
    return [
        Line2D([], [], color="#777777", label="largest that fits", **plain),
        Line2D([], [], color="white", label="first that does not", **plain),
        Line2D([], [], color=_LIMIT, linestyle="--", linewidth=1.0, label="limit"),
    ]


FRONTIER = FrontierChart(
    "memory_frontier",
    _TITLE,
    "Lines of peak memory against batch size, both axes logarithmic, a panel a mode; the limit is dashed, the largest "
    "batch that fits is filled, the first that does not is hollow.",
    memory_frontier,
    "no capacity was searched for: `python -m zoobench capacity MODEL` does",
)


_COLUMNS = 4
_MOST_LINES = 12
_MOST_PANELS = 24
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
