"""Rooflines: how fast layers, or nets, compute, under the two ceilings of the machine."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from zoobench.cases import Precision, format_count, format_percent
from zoobench.records import metrics
from zoobench.report import palette
from zoobench.report.charts import canvas
from zoobench.report.charts.canvas import LabelledPoint
from zoobench.report.diagnosed import Diagnosed, called_alike
from zoobench.report.palette import KIND_STYLES
from zoobench.report.placement import Box
from zoobench.stats.roofline import Roof, RooflinePoint

LABELLED = 4
"""Layers of a panel that are named: those with the most time."""

_NO_KIND = "other"
_LARGEST_AREA = 700.0
_SMALLEST_AREA = 8.0
"""Points squared, of a layer that takes all of a call's time, and of one that takes next to none."""

_POINTS_PER_INCH = 72.0
_COLUMN_FACTOR = 1.35
"""Between the columns of two kinds without MACs."""

_LEGEND_COLUMNS = 9
_PANEL_INCHES = 7.6
_LONE_PANEL_INCHES = 11.0
"""The title and the legend need as much."""

_GAP = 2.0
_ROOF_COLOR = "#333333"
_ROOF_SAMPLES = 200
_INTENSITY = "Intensity: MACs a byte moved"
_RATE = "MACs a second"


class _Frame(NamedTuple):
    """The limits that all panels share, and where the kinds of layer without MACs stand, by kind."""

    low: float
    high: float
    bottom: float
    top: float
    columns: dict[str, float]


def roofline_of_model(shown: Sequence[Diagnosed]) -> Figure | None:
    """A panel a case, two beside each other, and a point a layer: intensity across, rate up, area for its time.

    A layer without MACs has no intensity. It stands left of the others in a column of its kind, as high as its bytes a
    second put it under the slanting roof there.
    """
    if not shown:
        return None
    columns = min(2, len(shown))
    rows = math.ceil(len(shown) / columns)
    case = shown[0].case
    setting = f"inference, {case.precision.value}, {case.device}"
    title = f"Roofline: every layer under the ceilings of computing and of memory bandwidth ({setting})"
    width = _PANEL_INCHES if columns > 1 else _LONE_PANEL_INCHES
    figure, axes = canvas.new_figure(rows, columns, width=width, height=5.2, title=title)
    for ax in axes[len(shown) :]:
        ax.set_visible(False)
    frame = _frame_of(shown)
    for ax, each in zip(axes, shown, strict=False):
        _draw_panel(ax, each, frame)
    figure.legend(
        handles=_kind_legend(shown), loc="outside lower center", ncols=_LEGEND_COLUMNS, fontsize=8, frameon=False
    )
    canvas.freeze_layout(figure)
    for ax, each in zip(axes, shown, strict=False):
        canvas.say_unlabelled(ax, _label_layers(ax, each, frame, _name_roofs(ax, each.roof)))
    return figure


def roofline_of_zoo(shown: Sequence[Diagnosed], setting: str) -> Figure | None:
    """A point a net: what a whole call computes a byte, and a second."""
    shown = [each for each in shown if each.net.macs > 0]
    if not shown:
        return None
    roof = shown[0].roof
    figure, (ax,) = canvas.new_figure(1, 1, width=9.0, height=6.2, title=f"Roofline of whole nets ({setting})")
    intensities, rates = [each.net.intensity for each in shown], [each.net.macs_per_s for each in shown]
    low, high = min(*intensities, roof.ridge) / 1.6, max(*intensities, roof.ridge) * 1.6
    frame = _Frame(low, high, min(rates) / 1.6, roof.macs_per_s * 2.0, {})
    _set_axes(ax, frame, "")
    _draw_roofs(ax, roof, frame)
    groups = [palette.group_of_model(each.case.model) for each in shown]
    for each, group in zip(shown, groups, strict=True):
        style = palette.STYLES[group]
        looks: dict[str, Any] = {"markerfacecolor": style.color, "markeredgecolor": "black", "markeredgewidth": 0.4}
        ax.plot(each.net.intensity, each.net.macs_per_s, linestyle="", marker=style.marker, markersize=6.5, **looks)
    canvas.group_legend(figure, groups)
    canvas.freeze_layout(figure)
    taken = _name_roofs(ax, roof)
    spots = [LabelledPoint(each.net.intensity, each.net.macs_per_s, each.case.model.name) for each in shown]
    canvas.say_unlabelled(ax, canvas.label_spots(ax, spots, hard=[taken, *_roof_boxes(roof, frame)]))
    return figure


def _frame_of(shown: Sequence[Diagnosed]) -> _Frame:
    """Limits that hold every layer and the ridge of every panel, with room for columns on the left."""
    points = [point for each in shown for point in each.points]
    working = [point for point in points if point.macs > 0 and point.moved_bytes > 0]
    ridges = [each.roof.ridge for each in shown]
    intensities = [point.intensity for point in working] or ridges
    least, most = min(*intensities, *ridges), max(*intensities, *ridges)
    kinds = [kind for kind in KIND_STYLES if any(_kind(point) == kind and _only_moves(point) for point in points)]
    first = least / _GAP / _COLUMN_FACTOR ** len(kinds)
    columns = {kind: first * _COLUMN_FACTOR**place for place, kind in enumerate(kinds)}
    heights = [_height(point, columns) for point in points if _is_drawn(point)]
    top = max(*heights, *(each.roof.macs_per_s for each in shown), 1.0)
    return _Frame(first / _COLUMN_FACTOR, most * 1.6, min(heights, default=top / 1e3) / 1.8, top * 4.0, columns)


def _draw_panel(ax: Axes, each: Diagnosed, frame: _Frame) -> None:
    case = each.case
    diagnosis = f"{each.diagnosis.bound.value}, reaches {_share(each.diagnosis.reached_ratio)}"
    _set_axes(ax, frame, f"{case.model.name}, batch {case.batch}: {diagnosis}")
    if frame.columns:
        ends = frame.low, max(frame.columns.values()) * math.sqrt(_GAP)
        ax.axvspan(*ends, color="#F3F3F3", zorder=0)
        ax.text(
            math.sqrt(ends[0] * ends[1]), frame.bottom * 1.15, "no MACs", ha="center", fontsize=canvas.LABEL_SIZE,
            color="#666666", parse_math=False,
        )  # fmt: skip
    _draw_roofs(ax, each.roof, frame)
    for point in each.points:
        if _is_drawn(point):
            _draw_layer(ax, point, frame, point.time_s / each.diagnosis.time_s)


def _draw_layer(ax: Axes, point: RooflinePoint, frame: _Frame, share: float) -> None:
    style = KIND_STYLES[_kind(point)]
    ax.scatter(
        _across(point, frame.columns), _height(point, frame.columns), s=_area(share), color=style.color,
        hatch=style.hatch, edgecolor="black", linewidth=0.4, alpha=0.85, zorder=3,
    )  # fmt: skip


def _set_axes(ax: Axes, frame: _Frame, title: str) -> None:
    canvas.name_panel(ax, title, _INTENSITY, _RATE)
    canvas.log_axis(ax, "x", metrics.COUNT, (frame.low, frame.high))
    canvas.log_axis(ax, "y", metrics.COUNT, (frame.bottom, frame.top))
    ax.set_xlim(frame.low, frame.high)
    ax.set_ylim(frame.bottom, frame.top)


def _draw_roofs(ax: Axes, roof: Roof, frame: _Frame) -> None:
    across = [frame.low, roof.ridge, frame.high]
    ax.plot(across, [roof.attainable(x) for x in across], color=_ROOF_COLOR, linewidth=1.3, zorder=2)


def _name_roofs(ax: Axes, roof: Roof) -> Box:
    """What the two roofs are, in the upper left corner, where no layer can be; the box of it, in data units.

    The layout must be settled before.
    """
    text = ax.annotate(
        f"flat roof: matrix product, {format_count(roof.macs_per_s)} MACs/s\n"
        f"slanting roof: copy, {format_count(roof.bytes_per_s)}B/s",
        (0.0, 1.0), xycoords="axes fraction", xytext=(6, -4), textcoords="offset points", va="top",
        fontsize=canvas.LABEL_SIZE, color=_ROOF_COLOR, parse_math=False,
    )  # fmt: skip
    (x0, y0), (x1, y1) = ax.transData.inverted().transform(text.get_window_extent().get_points())
    return Box(float(x0), float(y0), float(x1), float(y1))


def _label_layers(ax: Axes, each: Diagnosed, frame: _Frame, taken: Box) -> int:
    """Name the layers with the most time; how many found no room."""
    drawn = [point for point in each.points if _is_drawn(point)]
    largest = sorted(drawn, key=lambda point: -point.time_s)[:LABELLED]
    spots = [_spot(point, each, frame) for point in largest]
    markers = [_marker_box(ax, point, frame, point.time_s / each.diagnosis.time_s) for point in drawn]
    return canvas.label_spots(ax, spots, hard=[taken, *markers], soft=_roof_boxes(each.roof, frame))


def _spot(point: RooflinePoint, each: Diagnosed, frame: _Frame) -> LabelledPoint:
    name = f"{point.path or each.case.model.name} {_share(point.time_s / each.diagnosis.time_s)}"
    return LabelledPoint(_across(point, frame.columns), _height(point, frame.columns), name)


def _marker_box(ax: Axes, point: RooflinePoint, frame: _Frame, share: float) -> Box:
    """What the layer's marker covers, in data units."""
    radius = math.sqrt(_area(share)) / 2 * ax.get_figure(root=True).dpi / _POINTS_PER_INCH  # type: ignore[union-attr]
    x, y = ax.transData.transform((_across(point, frame.columns), _height(point, frame.columns)))
    corners = ax.transData.inverted().transform([(x - radius, y - radius), (x + radius, y + radius)])
    return Box(*map(float, corners.flatten()))


def _area(share: float) -> float:
    """Points squared, of a layer with this share of a call's time."""
    return _SMALLEST_AREA + _LARGEST_AREA * share


def _roof_boxes(roof: Roof, frame: _Frame) -> list[Box]:
    """The roofs as small boxes, which no name should cover if there is room elsewhere."""
    across = np.geomspace(frame.low, frame.high, _ROOF_SAMPLES)
    return [Box(float(x), roof.attainable(x), float(x), roof.attainable(x)) for x in across]


def _is_drawn(point: RooflinePoint) -> bool:
    """A layer that moves nothing has no place: it is a view."""
    return point.moved_bytes > 0


def _only_moves(point: RooflinePoint) -> bool:
    return point.macs == 0 and point.moved_bytes > 0


def _across(point: RooflinePoint, columns: dict[str, float]) -> float:
    return columns[_kind(point)] if _only_moves(point) else point.intensity


def _height(point: RooflinePoint, columns: dict[str, float]) -> float:
    """The rate of computing; for what only moves, the one that its bytes would allow at its column's intensity."""
    return point.bytes_per_s * columns[_kind(point)] if _only_moves(point) else point.macs_per_s


def _kind(point: RooflinePoint) -> str:
    return point.kind if point.kind in KIND_STYLES else _NO_KIND


def _kind_legend(shown: Iterable[Diagnosed]) -> list[Line2D]:
    present = {_kind(point) for each in shown for point in each.points if _is_drawn(point)}
    return [
        Line2D(
            [],
            [],
            linestyle="",
            marker="o",
            color=style.color,
            markeredgecolor="black",
            markeredgewidth=0.4,
            label=kind,
        )
        for kind, style in KIND_STYLES.items()
        if kind in present
    ]


def _share(ratio: float) -> str:
    return format_percent(ratio, digits=0)


# The charts of the section on why nets are slow: each is made from a run's diagnosed cases, or not at all.


DiagnosedCases = Sequence[Diagnosed]

FEATURED = ("mobilenet_v2", "resnet18")
"""The pair whose layers are drawn: an efficient net and the plain one that it is measured against."""

_BATCHES = (1, 8)


class WhyChart(NamedTuple):
    """A chart to be, as `zoobench.reports.charts.Chart`, but made from diagnosed cases."""

    key: str
    title: str
    alt: str
    build: Callable[[DiagnosedCases], Figure | None]
    missing: str


_LACKING = (
    "no case with the times of its layers on a machine whose ceilings are known: "
    "`python -m zoobench run --preset default` measures both"
)


def featured(found: DiagnosedCases) -> tuple[Diagnosed, ...]:
    """The pair at each of its batches, side by side; where either is absent, the two nets that deviate most.

    Those are the ones with the fewest and the most MACs a second at the smallest batch.
    """
    rows = [_beside(called_alike(found, batch, _precision(found)), FEATURED) for batch in _BATCHES]
    pairs = [each for row in rows if len(row) == len(FEATURED) for each in row]
    return tuple(pairs) if pairs else _most_deviating(_headline(found))


def _beside(found: DiagnosedCases, names: Sequence[str]) -> list[Diagnosed]:
    return [each for name in names for each in found if each.case.model.name == name]


def _most_deviating(found: DiagnosedCases) -> tuple[Diagnosed, ...]:
    ordered = sorted((each for each in found if each.net.macs > 0), key=lambda each: each.net.macs_per_s)
    return (ordered[0], ordered[-1]) if len(ordered) > 1 else tuple(ordered)


def _headline(found: DiagnosedCases) -> tuple[Diagnosed, ...]:
    """fp32 at the smallest batch, or what comes nearest."""
    batches = [each.case.batch for each in found if each.case.precision == _precision(found)]
    return called_alike(found, min(batches), _precision(found)) if batches else ()


def _precision(found: DiagnosedCases) -> str:
    known = [each.case.precision for each in found]
    return Precision.FP32 if Precision.FP32 in known or not known else known[0]


def _zoo(found: DiagnosedCases) -> Figure | None:
    shown = _headline(found)
    if not shown:
        return None
    case = shown[0].case
    return roofline_of_zoo(shown, f"inference, batch {case.batch}, {case.precision.value}, {case.device}")


def _model(found: DiagnosedCases) -> Figure | None:
    return roofline_of_model(featured(found))


WHY_CHARTS = (
    WhyChart(
        "roofline_of_zoo",
        "Roofline of whole nets",
        "Scatter plot, both axes logarithmic: MACs a byte moved across, MACs a second up, a point a net, under the "
        "roofs of the machine's matrix product and copy.",
        _zoo,
        _LACKING,
    ),
    WhyChart(
        "roofline_of_model",
        "Roofline of two nets, layer by layer",
        "Scatter plots, both axes logarithmic: MACs a byte moved across, MACs a second up, a point a layer whose area "
        "is its time; layers without MACs stand on the left, by their bytes a second.",
        _model,
        _LACKING,
    ),
)
