"""Curves that rise towards a limit: a line each, named in a column where it starts."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from zoobench.cases import format_bytes
from zoobench.records import metrics
from zoobench.report import palette
from zoobench.report.html.plots import (
    COLOR,
    INK,
    PAPER,
    TICKS,
    WHOLE_TICK,
    NameColumn,
    axis_of,
    between_names,
    binary_ticks,
    layer,
    log_scale,
    mark_path,
    names_on_the_left,
)
from zoobench.report.html.section import Height
from zoobench.report.placement import spread
from zoobench.report.text import single_line

HEIGHT: Final = Height.TALL
_PLOT_PIXELS = 450
"""What the axis and its title leave of that height, at least."""
_NAME_HEIGHT = 13
_NAMES = NameColumn(wide=180, narrow=150, gap=24)
"""In its gap are the lines from the names to their curves."""
MOST_NAMES: Final = _PLOT_PIXELS // _NAME_HEIGHT
_ROOM = 1.6
"""Beyond the outermost values."""


class State(enum.StrEnum):
    """What a point of a curve is."""

    BETWEEN = "between"
    FITS = "fits"
    TOO_LARGE = "too-large"


class Curve(NamedTuple):
    """Sizes (batches) with their bytes, in order; `fits` is the largest that keeps the limit, `too_large` the next one.

    Either is None where no such size is known.
    """

    name: str
    group: str
    points: tuple[tuple[int, float], ...]
    fits: int | None
    too_large: int | None
    told: str


def curve_plot(curves: Sequence[Curve], limits: Sequence[float]) -> dict[str, Any]:
    """The specification: both axes binary logarithms. Filled is what fits, hollow what does not; limits are dashed."""
    sizes = [size for curve in curves for size, _ in curve.points]
    heights = [*limits, *(height for curve in curves for _, height in curve.points)]
    low, high = min(heights) / _ROOM, max(heights) * _ROOM
    across = axis_of("batch size", WHOLE_TICK, binary_ticks(1, max(sizes)))
    up = axis_of("peak memory", TICKS[metrics.BYTES], binary_ticks(low, high))
    x = {"type": "quantitative", "scale": _scale(1, _ROOM * max(sizes)) | between_names(_NAMES), "axis": across}
    y = {"type": "quantitative", "scale": _scale(low, high), "axis": up}
    at: dict[str, Any] = {"x": x | {"field": "size"}, "y": y | {"field": "height"}}
    names = list(_names(curves, low, high))
    return {
        "data": {"values": list(_rows(curves))},
        "layer": [
            layer(
                {"type": "rule", "strokeDash": [5, 4]},
                [{"limit": limit} for limit in limits],
                x={"value": {"expr": _NAMES.width}},
                x2={"value": "width"},
                y=y | {"field": "limit"},
                color=INK,
            ),
            _leaders(names, y),
            layer({"type": "line", "strokeWidth": 1.6, "aria": False}, **at, detail={"field": "name"}, color=COLOR),
            _marks(at, State.BETWEEN, size=16, fill=COLOR),
            _marks(at, State.TOO_LARGE, size=70, fill=PAPER, stroke=COLOR),
            _marks(at, State.FITS, size=80, fill=COLOR, stroke=INK),
            names_on_the_left(_NAMES, y | {"field": "at"}, names),
        ],
    }


def name_heights(curves: Sequence[Curve], low: float, high: float) -> list[float | None]:
    """Where on the axis from `low` to `high` each name stands, near the start of its curve and clear of the others.

    None if there is no room for it.
    """
    pixels = _PLOT_PIXELS / math.log(high / low)
    wanted = [pixels * math.log(curve.points[0][1] / low) for curve in curves]
    found = spread(wanted, _NAME_HEIGHT, 0.0, _PLOT_PIXELS)
    return [None if up is None else low * math.exp(up / pixels) for up in found]


def _scale(low: float, high: float) -> dict[str, Any]:
    return log_scale(low, high) | {"base": 2}


def _leaders(names: Sequence[dict[str, Any]], y: dict[str, Any]) -> dict[str, Any]:
    """From each name to where its curve starts, at the plot's edge."""
    ends: dict[str, Any] = {"x": {"value": {"expr": f"{_NAMES.names} + 3"}}, "x2": {"value": {"expr": _NAMES.width}}}
    mark = {"type": "rule", "strokeWidth": 0.7, "aria": False}
    return layer(mark, names, **ends, y=y | {"field": "at"}, y2={"field": "start"}, color=INK)


def _marks(at: dict[str, Any], state: State, *, size: int, **looks: Any) -> dict[str, Any]:
    mark = {"type": "point", "filled": True, "size": size, "opacity": 1, "strokeWidth": 1.2}
    shape = {"field": "shape", "type": "nominal", "scale": None}
    told: dict[str, Any] = {"tooltip": {"field": "told"}, "description": {"field": "told"}}
    return layer(mark, **at, **looks, **told, shape=shape) | {"transform": [{"filter": f"datum.state === '{state}'"}]}


def _rows(curves: Iterable[Curve]) -> Iterable[dict[str, Any]]:
    for curve in curves:
        style = palette.STYLES[curve.group]
        looks = {"name": single_line(curve.name), "color": style.color, "shape": mark_path(style.marker)}
        for size, height in curve.points:
            told = f"{curve.told}\nbatch {size}: {format_bytes(height)}"
            yield {"size": size, "height": height, "state": _state(curve, size).value, "told": told, **looks}


def _state(curve: Curve, size: int) -> State:
    if size == curve.fits:
        return State.FITS
    return State.TOO_LARGE if size == curve.too_large else State.BETWEEN


def _names(curves: Sequence[Curve], low: float, high: float) -> Iterable[dict[str, Any]]:
    for curve, height in zip(curves, name_heights(curves, low, high), strict=True):
        if height is not None:
            yield {"name": single_line(curve.name), "start": curve.points[0][1], "at": height}
