"""Every printed figure that could be counted, against what was counted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from zoobench import metrics
from zoobench.papers.verdict import Judgement, Verdict
from zoobench.reports import palette
from zoobench.reports.charts import canvas
from zoobench.reports.charts.canvas import Spot
from zoobench.reports.placement import Box
from zoobench.units import format_percent

_DIAGONAL = "#999999"
_MARGIN = 1.8
_MARKER_REACH = 0.007
"""From a marker's middle to its edge, as a share of an axis."""

_FILLS = {
    Verdict.REPRODUCED: "full",
    Verdict.UNDER_CONVENTION: "none",
    Verdict.MISPRINT: "left",
    Verdict.NOT_REPRODUCIBLE: "top",
}
"""How a marker is filled says the verdict; its colour and shape say the paper."""

_OFF = (Verdict.MISPRINT, Verdict.NOT_REPRODUCIBLE)


class _Panel(NamedTuple):
    """`metrics` are those of the figures in it; none of them: every metric that no other panel has."""

    title: str
    axis: str
    metrics: tuple[str, ...]


_PANELS = (
    _Panel("Parameters", "parameters", ("parameters",)),
    _Panel("Multiply-accumulates", "MACs", ("macs",)),
    _Panel("Everything else", "bytes, channels, layers; shares and ratios of 1", ()),
)


class _Point(NamedTuple):
    judgement: Judgement
    printed: float
    found: float

    @property
    def row(self) -> tuple[str, str, str, str]:
        figure = self.judgement.figure
        return figure.paper, figure.table, figure.metric, figure.model


def printed_against_found(judgements: Sequence[Judgement]) -> Figure | None:
    """A panel a quantity, both axes logarithmic: on the diagonal what is printed is what was found; names off it."""
    points = [_point(each) for each in judgements if _is_drawn(each)]
    panels = [(panel, of_panel) for panel in _PANELS if (of_panel := _of_panel(points, panel))]
    if not panels:
        return None
    title = f"Printed figures against what was counted ({len(points)} figures)"
    figure, axes = canvas.new_figure(1, len(panels), width=5.8, height=5.0, title=title)
    for ax, (panel, of_panel) in zip(axes, panels, strict=True):
        _draw_panel(ax, panel, of_panel)
    canvas.group_legend(figure, {_group(point) for point in points}, _handles(points))
    canvas.freeze_layout(figure)
    for ax, (_, of_panel) in zip(axes, panels, strict=True):
        canvas.say_unlabelled(ax, canvas.label_spots(ax, _spots(of_panel), soft=_surroundings(of_panel)))
    return figure


def _is_drawn(judgement: Judgement) -> bool:
    """Logarithmic axes hold numbers above zero only."""
    ratio = judgement.difference_ratio
    return judgement.verdict in _FILLS and bool(judgement.found) and ratio is not None and ratio > -1


def _point(judgement: Judgement) -> _Point:
    found = judgement.found or 0.0
    return _Point(judgement, found / (1 + (judgement.difference_ratio or 0.0)), found)


def _of_panel(points: list[_Point], panel: _Panel) -> list[_Point]:
    named = {metric for each in _PANELS for metric in each.metrics}
    return [
        point
        for point in points
        if (metric := point.judgement.figure.metric) in panel.metrics or (not panel.metrics and metric not in named)
    ]


def _spots(points: list[_Point]) -> list[Spot]:
    """What is off, the furthest first; the variant is named where the model alone does not say which row it is."""
    rows = Counter(point.row for point in points)
    off = [point for point in points if point.judgement.verdict in _OFF]
    off.sort(key=lambda point: -abs(math.log(point.found / point.printed)))
    return [Spot(each.printed, each.found, _name(each, is_only=rows[each.row] == 1)) for each in off]


def _surroundings(points: list[_Point]) -> list[Box]:
    """What markers cover: names should stay off other points too."""
    low, high = _limits(points)
    reach = (high / low) ** _MARKER_REACH
    return [Box(each.printed / reach, each.found / reach, each.printed * reach, each.found * reach) for each in points]


def _limits(points: list[_Point]) -> tuple[float, float]:
    values = [value for point in points for value in (point.printed, point.found)]
    return min(values) / _MARGIN, max(values) * _MARGIN


def _name(point: _Point, *, is_only: bool) -> str:
    figure = point.judgement.figure
    row = figure.model if is_only else f"{figure.model} {figure.variant}"
    difference = point.found / point.printed - 1
    sign = "+" if difference > 0 else ""
    return f"{row}: {sign}{format_percent(difference)}"


def _draw_panel(ax: Axes, panel: _Panel, points: list[_Point]) -> None:
    limits = _limits(points)
    printed = [point.printed for point in points]
    canvas.name_panel(ax, f"{panel.title} ({len(points)})", f"Printed ({panel.axis})", f"Found ({panel.axis})")
    canvas.log_axis(ax, "x", metrics.COUNT, printed)
    canvas.log_axis(ax, "y", metrics.COUNT, printed)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: _tick_text(value)))
    ax.set(xlim=limits, ylim=limits)
    ax.plot(limits, limits, color=_DIAGONAL, linewidth=1.0, linestyle="--", zorder=1)
    for verdict in _FILLS:
        for point in points:
            if point.judgement.verdict is verdict:
                style = palette.STYLES[_group(point)]
                ax.plot([point.printed], [point.found], **_looks(verdict, style.marker, style.color))


def _tick_text(value: float) -> str:
    return f"{value:g}" if value < 1 else canvas.tick_text(value, metrics.COUNT)


def _looks(verdict: Verdict, marker: str, color: str) -> dict[str, Any]:
    is_off = verdict in _OFF
    return {
        "linestyle": "",
        "marker": marker,
        "color": color,
        "fillstyle": _FILLS[verdict],
        "markerfacecoloralt": "white",
        "markeredgecolor": "black" if is_off else color,
        "markeredgewidth": 1.0,
        "markersize": 7.0 if is_off else 5.5,
        "alpha": 1.0 if is_off else 0.7,
        "zorder": 4 if is_off else 3,
    }


def _group(point: _Point) -> str:
    """A paper is drawn as the family that it is about."""
    return palette.group_of(point.judgement.figure.paper.lower())


def _handles(points: list[_Point]) -> list[Line2D]:
    present = {point.judgement.verdict for point in points}
    handles = [
        Line2D([], [], label=verdict.value.replace("-", " "), **_looks(verdict, "o", "#777777"))
        for verdict in _FILLS
        if verdict in present
    ]
    return [*handles, Line2D([], [], color=_DIAGONAL, linestyle="--", linewidth=1.0, label="found = printed")]
