"""Theoretical against actual speed-up over AlexNet: on this machine, and as ShuffleNet's Table 8 has it on ARM."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from zoobench.cases import ImageSize
from zoobench.papers.claims import ACTUAL, THEORETICAL
from zoobench.papers.comparison import Claim
from zoobench.papers.evidence import Interval
from zoobench.papers.found import Net
from zoobench.reports import palette
from zoobench.reports.charts import canvas
from zoobench.reports.charts.canvas import Spot
from zoobench.reports.placement import Box

_DIAGONAL = "#999999"
_MARGIN = 1.35
_MARKER = 7.0


class _Point(NamedTuple):
    """A net at one size of pictures: MACs ratio across, ratios of latencies up; printed ones are of an ARM core."""

    net: Net
    theoretical: float
    actual: Interval
    printed: float | None

    @property
    def ends(self) -> tuple[float, float]:
        """Between which all that is drawn of it lies, upwards."""
        actual = self.actual
        drawn = [each for each in (actual.value, actual.low, actual.high, self.printed) if each is not None]
        return min(drawn), max(drawn)


def theoretical_against_actual(claim: Claim) -> Figure | None:
    """A panel a size of pictures, both axes logarithmic and alike; on the diagonal all MACs saved become speed."""
    points = _points(claim)
    if not points:
        return None
    pictures = list(dict.fromkeys(point.net.picture for point in points))
    title = f"Speed-up over AlexNet, theoretical against actual ({claim.setting})"
    figure, axes = canvas.new_figure(1, len(pictures), width=4.4, height=4.4, title=title)
    limits = _limits(points)
    for ax, picture in zip(axes, pictures, strict=True):
        _draw_panel(ax, picture, [point for point in points if point.net.picture == picture], limits)
    canvas.group_legend(figure, {_group(point.net) for point in points}, _handles())
    canvas.freeze_layout(figure)
    for ax, picture in zip(axes, pictures, strict=True):
        spots = [_spot(point) for point in points if point.net.picture == picture]
        canvas.say_unlabelled(ax, canvas.label_spots(ax, spots, soft=_diagonal_boxes(limits)))
    return figure


def _points(claim: Claim) -> list[_Point]:
    theoretical = {each.net: each.found for each in claim.of(THEORETICAL)}
    return [
        _Point(each.net, ratio.value, each.found, each.printed)
        for each in claim.of(ACTUAL)
        if each.net and each.found and (ratio := theoretical.get(each.net))
    ]


def _limits(points: list[_Point]) -> tuple[float, float]:
    values = [value for point in points for value in (point.theoretical, *point.ends)]
    return min(values) / _MARGIN, max(values) * _MARGIN


def _draw_panel(ax: Axes, picture: ImageSize, points: list[_Point], limits: tuple[float, float]) -> None:
    canvas.name_panel(ax, f"Pictures of {picture}", "AlexNet's MACs ÷ the net's", "AlexNet's latency ÷ the net's")
    ax.set(xscale="log", yscale="log", xlim=limits, ylim=limits, aspect="equal")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
        axis.set_minor_formatter(NullFormatter())
    ax.plot(limits, limits, color=_DIAGONAL, linewidth=1.0, linestyle="--", zorder=1)
    for point in points:
        _draw_point(ax, point)


def _draw_point(ax: Axes, point: _Point) -> None:
    style = palette.STYLES[_group(point.net)]
    looks: dict[str, Any] = {"linestyle": "", "marker": style.marker, "markersize": _MARKER, "zorder": 3}
    if point.printed is not None:
        xs, ys = [point.theoretical] * 2, [point.printed, point.actual.value]
        ax.plot(xs, ys, color=style.color, linewidth=0.8, zorder=2)
        ax.plot(xs[:1], ys[:1], markerfacecolor="white", markeredgecolor=style.color, markeredgewidth=1.4, **looks)
    if point.actual.low is not None and point.actual.high is not None:
        ends = [[point.actual.value - point.actual.low], [point.actual.high - point.actual.value]]
        ax.errorbar(
            [point.theoretical],
            [point.actual.value],
            yerr=ends,
            ecolor="#333333",
            elinewidth=0.9,
            capsize=2.0,
            zorder=4,
        )
    ax.plot(
        [point.theoretical],
        [point.actual.value],
        color=style.color,
        markeredgecolor="black",
        markeredgewidth=0.4,
        **looks,
    )


def _spot(point: _Point) -> Spot:
    """The name stands beside our point and covers neither the printed one nor the line between them."""
    low, high = point.ends
    box = Box(point.theoretical, low, point.theoretical, high)
    return Spot(point.theoretical, point.actual.value, point.net.model.name, box)


def _diagonal_boxes(limits: tuple[float, float]) -> list[Box]:
    """Short steps along the diagonal, which names should not cover."""
    steps = 40
    places = [limits[0] * (limits[1] / limits[0]) ** (step / steps) for step in range(steps + 1)]
    return [Box(low, low, high, high) for low, high in itertools.pairwise(places)]


def _group(net: Net) -> str:
    return palette.group_of_model(net.model)


def _handles() -> list[Line2D]:
    plain: dict[str, Any] = {"linestyle": "", "marker": "o", "markersize": 6, "markeredgecolor": "black"}
    return [
        Line2D([], [], color="#777777", label="measured here", **plain),
        Line2D([], [], color="white", label="printed (ARM)", **plain),
        Line2D([], [], color=_DIAGONAL, linestyle="--", linewidth=1.0, label="all MACs saved become speed"),
    ]
