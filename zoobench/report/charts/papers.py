"""Every printed figure that could be counted, against what was counted."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from zoobench.cases import ImageSize, format_percent
from zoobench.papers.claims import ACTUAL, THEORETICAL, shufflenet_speed_up
from zoobench.papers.evidence import Claim, Interval, NetShares, TimeShares, collect_time_shares
from zoobench.papers.found import Net
from zoobench.papers.verdict import FigureVerdict, Judgement, judge_all
from zoobench.records import CaseRecord, metrics
from zoobench.report import palette
from zoobench.report.charts import canvas
from zoobench.report.charts.canvas import LabelledPoint
from zoobench.report.palette import KIND_STYLES
from zoobench.report.placement import Box

# Paired bars: where a net's multiply-accumulates are, and where its time goes, by kind of layer.


_BAR = 0.38
_ROW_INCHES = 0.75
_SMALLEST_NAMED = 0.06
"""A narrower part has no room for its percentage."""


def time_share_by_kind(found: TimeShares) -> Figure | None:
    """Two bars a net, both 100 % long: multiply-accumulates above, time below."""
    if not found.nets:
        return None
    title = f"Share of time against share of MACs, by kind of layer ({found.setting})"
    figure, (ax,) = canvas.new_figure(1, 1, width=9.5, height=1.2 + _ROW_INCHES * len(found.nets), title=title)
    canvas.name_panel(ax, "", "Share of the net's MACs, of a call's time")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_percent(value, digits=0)))
    ax.set_xlim(0.0, 1.0)
    ax.set_ylim(len(found.nets) - 0.5, -0.5)
    ticks: list[tuple[float, str]] = []
    for row, shares in enumerate(found.nets):
        ticks += _draw_pair(ax, row, shares)
    ax.set_yticks([at for at, _ in ticks], [text for _, text in ticks], fontsize=8, parse_math=False)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    figure.legend(
        handles=canvas.kind_patches(_kinds(found)), loc="outside lower center", ncols=5, fontsize=8, frameon=False
    )
    canvas.freeze_layout(figure)
    return figure


def _draw_pair(ax: Axes, row: int, shares: NetShares) -> list[tuple[float, str]]:
    """The two bars; where they stand, and their names."""
    bars = {f"{shares.net.model.name}   MACs": (row - _BAR / 2, shares.macs), "time": (row + _BAR / 2, shares.time)}
    for at, parts in bars.values():
        _draw_bar(ax, at, parts)
    return [(at, name) for name, (at, _) in bars.items()]


def _draw_bar(ax: Axes, at: float, parts: dict[str, float]) -> None:
    start = 0.0
    for kind, style in KIND_STYLES.items():
        share = parts.get(kind, 0.0)
        if share:
            ax.barh(at, share, _BAR, left=start, color=style.color, hatch=style.hatch, edgecolor="black", linewidth=0.4)
        if share >= _SMALLEST_NAMED:
            text = format_percent(share, digits=0)
            label = canvas.write_label(ax, text, start + share / 2, at, ha="center", color=canvas.ink_on(style.color))
            if style.hatch:
                label.set_bbox({"facecolor": style.color, "linewidth": 0.0, "pad": 1.0})
        start += share


def _kinds(found: TimeShares) -> set[str]:
    return {kind for shares in found.nets for parts in (shares.macs, shares.time) for kind in parts}


# Theoretical against actual speed-up over AlexNet: on this machine, and as ShuffleNet's Table 8 has it on ARM.


_DIAGONAL = "#999999"
_SPEED_UP_MARGIN = 1.35
_MARKER = 7.0


class _SpeedUp(NamedTuple):
    """A net at one size of images: MACs ratio across, ratios of latencies up; printed ones are of an ARM core."""

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
    """A panel a size of images, both axes logarithmic and alike; on the diagonal all MACs saved become speed."""
    points = _points(claim)
    if not points:
        return None
    pictures = list(dict.fromkeys(point.net.resolution for point in points))
    title = f"Speed-up over AlexNet, theoretical against actual ({claim.setting})"
    figure, axes = canvas.new_figure(1, len(pictures), width=4.4, height=4.4, title=title)
    limits = _speed_up_limits(points)
    for ax, resolution in zip(axes, pictures, strict=True):
        _draw_speed_ups(ax, resolution, [point for point in points if point.net.resolution == resolution], limits)
    canvas.group_legend(figure, {_speed_up_group(point.net) for point in points}, _speed_up_handles())
    canvas.freeze_layout(figure)
    for ax, resolution in zip(axes, pictures, strict=True):
        spots = [_spot(point) for point in points if point.net.resolution == resolution]
        canvas.say_unlabelled(ax, canvas.label_spots(ax, spots, soft=_diagonal_boxes(limits)))
    return figure


def _points(claim: Claim) -> list[_SpeedUp]:
    theoretical = {each.net: each.found for each in claim.of(THEORETICAL)}
    return [
        _SpeedUp(each.net, ratio.value, each.found, each.printed)
        for each in claim.of(ACTUAL)
        if each.net and each.found and (ratio := theoretical.get(each.net))
    ]


def _speed_up_limits(points: list[_SpeedUp]) -> tuple[float, float]:
    values = [value for point in points for value in (point.theoretical, *point.ends)]
    return min(values) / _SPEED_UP_MARGIN, max(values) * _SPEED_UP_MARGIN


def _draw_speed_ups(ax: Axes, resolution: ImageSize, points: list[_SpeedUp], limits: tuple[float, float]) -> None:
    canvas.name_panel(ax, f"Pictures of {resolution}", "AlexNet's MACs ÷ the net's", "AlexNet's latency ÷ the net's")
    ax.set(xscale="log", yscale="log", xlim=limits, ylim=limits, aspect="equal")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
        axis.set_minor_formatter(NullFormatter())
    ax.plot(limits, limits, color=_DIAGONAL, linewidth=1.0, linestyle="--", zorder=1)
    for point in points:
        _draw_point(ax, point)


def _draw_point(ax: Axes, point: _SpeedUp) -> None:
    style = palette.STYLES[_speed_up_group(point.net)]
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


def _spot(point: _SpeedUp) -> LabelledPoint:
    """The name stands beside our point and covers neither the printed one nor the line between them."""
    low, high = point.ends
    box = Box(point.theoretical, low, point.theoretical, high)
    return LabelledPoint(point.theoretical, point.actual.value, point.net.model.name, box)


def _diagonal_boxes(limits: tuple[float, float]) -> list[Box]:
    """Short steps along the diagonal, which names should not cover."""
    steps = 40
    places = [limits[0] * (limits[1] / limits[0]) ** (step / steps) for step in range(steps + 1)]
    return [Box(low, low, high, high) for low, high in itertools.pairwise(places)]


def _speed_up_group(net: Net) -> str:
    return palette.group_of_model(net.model)


def _speed_up_handles() -> list[Line2D]:
    plain: dict[str, Any] = {"linestyle": "", "marker": "o", "markersize": 6, "markeredgecolor": "black"}
    return [
        Line2D([], [], color="#777777", label="measured here", **plain),
        Line2D([], [], color="white", label="printed (ARM)", **plain),
        Line2D([], [], color=_DIAGONAL, linestyle="--", linewidth=1.0, label="all MACs saved become speed"),
    ]


_MARGIN = 1.8
_MARKER_REACH = 0.007
"""From a marker's middle to its edge, as a share of an axis."""

_FILLS = {
    FigureVerdict.REPRODUCED: "full",
    FigureVerdict.UNDER_CONVENTION: "none",
    FigureVerdict.MISPRINT: "left",
    FigureVerdict.NOT_REPRODUCIBLE: "top",
}
"""How a marker is filled says the verdict; its colour and shape say the paper."""

_OFF = (FigureVerdict.MISPRINT, FigureVerdict.NOT_REPRODUCIBLE)


class _PaperPanel(NamedTuple):
    """`metrics` are those of the figures in it; none of them: every metric that no other panel has."""

    title: str
    axis: str
    metrics: tuple[str, ...]


_PANELS = (
    _PaperPanel("Parameters", "parameters", ("parameters",)),
    _PaperPanel("Multiply-accumulates", "MACs", ("macs",)),
    _PaperPanel("Everything else", "bytes, channels, layers; shares and ratios of 1", ()),
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


def _of_panel(points: list[_Point], panel: _PaperPanel) -> list[_Point]:
    named = {metric for each in _PANELS for metric in each.metrics}
    return [
        point
        for point in points
        if (metric := point.judgement.figure.metric) in panel.metrics or (not panel.metrics and metric not in named)
    ]


def _spots(points: list[_Point]) -> list[LabelledPoint]:
    """What is off, the furthest first; the variant is named where the model alone does not say which row it is."""
    rows = Counter(point.row for point in points)
    off = [point for point in points if point.judgement.verdict in _OFF]
    off.sort(key=lambda point: -abs(math.log(point.found / point.printed)))
    return [LabelledPoint(each.printed, each.found, _name(each, is_only=rows[each.row] == 1)) for each in off]


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


def _draw_panel(ax: Axes, panel: _PaperPanel, points: list[_Point]) -> None:
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


def _looks(verdict: FigureVerdict, marker: str, color: str) -> dict[str, Any]:
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


# The charts of the Reproduction section: each is made from a run's records alone, or not at all.


Records = Sequence[CaseRecord]


class PaperChart(NamedTuple):
    """A chart to be, as `zoobench.reports.charts.Chart`, but made from records."""

    key: str
    title: str
    alt: str
    build: Callable[[Records], Figure | None]
    missing: str


_SUITE = "`pytest suites/bench_papers.py --benchmark-only` measures it"


def _printed_against_found(records: Records) -> Figure | None:
    return printed_against_found(judge_all(records))


def _theoretical_against_actual(records: Records) -> Figure | None:
    return theoretical_against_actual(shufflenet_speed_up(records))


def _time_share_by_kind(records: Records) -> Figure | None:
    return time_share_by_kind(collect_time_shares(records))


PAPER_CHARTS = (
    PaperChart(
        "printed_against_found",
        "Printed figures against what was counted",
        "Scatter plots, both axes logarithmic: the printed figure across, what was counted up, a point a figure; "
        "what is off the diagonal is named.",
        _printed_against_found,
        f"no net of the papers was counted: {_SUITE}",
    ),
    PaperChart(
        "theoretical_against_actual",
        "ShuffleNet Table 8: theoretical against actual speed-up over AlexNet",
        "Scatter plots, both axes logarithmic, a panel a size of pictures: the ratio of MACs across, of latencies up; "
        "measured here and, hollow, printed for an ARM core.",
        _theoretical_against_actual,
        f"no net of ShuffleNet Table 8 was measured beside AlexNet on one thread: {_SUITE}",
    ),
    PaperChart(
        "time_share_by_kind",
        "Share of time against share of MACs, by kind of layer",
        "Paired bars of 100 %: where a net's MACs are, and where its time goes, by kind of layer.",
        _time_share_by_kind,
        f"no compared net has layers and time by kind: {_SUITE}",
    ),
)
