"""Dot plots for the page: a row a model, its values along an axis, as a specification of Vega-Lite's."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from zoobench.report import palette
from zoobench.report.html.plots import (
    COLOR,
    INK,
    NAME_PIXELS,
    axis_of,
    layer,
    log_scale,
    log_ticks,
    mark_path,
    shape_of_series,
    symmetric_scale,
    symmetric_ticks,
)
from zoobench.report.html.section import Height
from zoobench.report.text import single_line

MOST_ROWS: Final = 26
"""As many names as the tallest chart has room for."""
_MOST_MIDDLE_ROWS: Final = 18
_MOST_LOW_ROWS: Final = 9

_SHAPE = {"field": "shape", "type": "nominal", "scale": None}
_ROOM_FOR_LABELS = 0.4
"""Of the logarithmic width, to the right of the largest value."""


class Dot(NamedTuple):
    """One value of a model. `low` and `high` are not numbers where there is no interval.

    `series` tells a model's dots apart (`batch 8`), empty if it has only one; `text` is the value in words.
    """

    name: str
    group: str
    value: float
    low: float
    high: float
    text: str
    series: str = ""


class DotAxis(NamedTuple):
    """What the dots lie along. A stem comes to each from `baseline`, or else from its model's smallest value.

    `linear_to` is of an axis on both sides of zero: near zero it is linear, beyond it logarithmic. Without it the axis
    is logarithmic throughout.
    """

    title: str
    tick: str
    baseline: float | None = None
    linear_to: float | None = None


def height_for(dots: Iterable[Dot]) -> Height:
    """Room for all names."""
    rows = len({dot.name for dot in dots})
    if rows <= _MOST_LOW_ROWS:
        return Height.LOW
    return Height.MIDDLE if rows <= _MOST_MIDDLE_ROWS else Height.TALL


def first_rows(dots: Sequence[Dot]) -> tuple[tuple[Dot, ...], str]:
    """The dots of as many models as there is room for, and what a title says of the others."""
    names = list(dict.fromkeys(dot.name for dot in dots))
    shown = set(names[:MOST_ROWS])
    cut = f" (the first {MOST_ROWS} of {len(names)} models)" if len(names) > MOST_ROWS else ""
    return tuple(dot for dot in dots if dot.name in shown), cut


def dot_plot(dots: Sequence[Dot], axis: DotAxis) -> dict[str, Any]:
    """The specification. A family has its colour, and its mark too unless marks tell series."""
    series = list(dict.fromkeys(dot.series for dot in dots if dot.series))
    is_labelled = not series and axis.linear_to is None
    x = {"type": "quantitative", **_across(dots, axis, is_labelled=is_labelled)}
    y = {"field": "name", "type": "nominal", "sort": None, "axis": {"title": None, "labelLimit": NAME_PIXELS}}
    layers = [
        layer({"type": "rule", "strokeWidth": 2}, x=x | {"field": "start"}, x2={"field": "value"}, y=y, color=COLOR),
        layer("rule", x=x | {"field": "low"}, x2={"field": "high"}, y=y, color=INK)
        | {"transform": [{"filter": "isValid(datum.low) && isValid(datum.high)"}]},
        layer(
            {"type": "point", "filled": True, "size": 70, "opacity": 1, "strokeWidth": 0.8},
            x=x | {"field": "value"},
            y=y,
            fill=COLOR,
            stroke=INK,
            shape=shape_of_series(series) if series else _SHAPE,
            tooltip={"field": "told"},
            description={"field": "told"},
        ),
    ]
    if is_labelled:
        mark = {"type": "text", "align": "left", "dx": 8, "fontSize": 11, "aria": False}
        layers.append(layer(mark, x=x | {"field": "end"}, y=y, text={"field": "text"}, color=INK))
    if axis.baseline is not None:
        layers.insert(0, layer("rule", x=x | {"datum": axis.baseline}, color=INK) | {"data": {"values": [{}]}})
    return {"data": {"values": list(_rows(dots, axis))}, "layer": layers}


def _across(dots: Sequence[Dot], axis: DotAxis, *, is_labelled: bool) -> dict[str, Any]:
    """The scale, and its axis."""
    if axis.linear_to is not None:
        reach = 1.2 * max(axis.linear_to, *_known(dots, axis))
        ticks = symmetric_ticks(reach, axis.linear_to)
        return {"scale": symmetric_scale(reach, axis.linear_to), "axis": axis_of(axis.title, axis.tick, ticks)}
    low, high = _ends(dots, axis, is_labelled=is_labelled)
    return {"scale": log_scale(low, high), "axis": axis_of(axis.title, axis.tick, log_ticks(low, high))}


def _rows(dots: Sequence[Dot], axis: DotAxis) -> Iterable[dict[str, Any]]:
    starts = {dot.name: min(each.value for each in dots if each.name == dot.name) for dot in dots}
    for dot in dots:
        style = palette.STYLES[dot.group]
        start = starts[dot.name] if axis.baseline is None else axis.baseline
        name = single_line(dot.name)
        yield {
            "name": name,
            "value": dot.value,
            "low": dot.low,
            "high": dot.high,
            "start": start,
            "end": max(_finite((dot.value, dot.high, start))),
            "color": style.color,
            "shape": mark_path(style.marker),
            "series": dot.series,
            "text": dot.text,
            "told": ", ".join(filter(None, (name, dot.series, dot.text))),
        }


def _ends(dots: Iterable[Dot], axis: DotAxis, *, is_labelled: bool) -> tuple[float, float]:
    known = [value for value in _known(dots, axis) if value > 0]
    low, high = min(known) / 1.1, max(known) * 1.1
    return low, high * (high / low) ** _ROOM_FOR_LABELS if is_labelled else high


def _known(dots: Iterable[Dot], axis: DotAxis) -> list[float]:
    """Whatever the axis must hold; distances from zero where it has two sides."""
    values = [value for dot in dots for value in _finite((dot.value, dot.low, dot.high))]
    values = values if axis.baseline is None else [*values, axis.baseline]
    return values if axis.linear_to is None else [abs(value) for value in values]


def _finite(values: Iterable[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]
