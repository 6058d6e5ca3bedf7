"""Dot plots for the page: a row a model, its values along a logarithmic axis, as a specification of Vega-Lite's."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from zoobench.reports import palette
from zoobench.reports.escape import single_line
from zoobench.reports.html.marks import mark_path
from zoobench.reports.html.section import Height

MOST_ROWS: Final = 26
"""As many names as the tallest chart has room for."""
_MOST_MIDDLE_ROWS: Final = 18
_MOST_LOW_ROWS: Final = 9

RATIO_TICK: Final = "format(datum.value, '.3~r') + '×'"
RATE_TICK: Final = "format(datum.value, '.3~r') + ' /s'"

_SERIES_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_NAME_PIXELS = 150
_TICKS = (1, 2, 5)
"""In each decade."""
_MOST_FINE_DECADES = 3
_ROOM_FOR_LABELS = 0.4
"""Of the logarithmic width, to the right of the largest value."""
_INK = {"value": {"expr": "ink"}}
_STEM = {
    "condition": {"test": f"datum.color === '{palette.BLACK}'", **_INK},
    "field": "color",
    "type": "nominal",
    "scale": None,
}
"""A black one would not be seen on a dark page."""


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


class Axis(NamedTuple):
    """What the dots lie along. A stem comes to each from `baseline`, or else from its model's smallest value."""

    title: str
    tick: str
    baseline: float | None = None


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


def dot_plot(dots: Sequence[Dot], axis: Axis) -> dict[str, Any]:
    """The specification. A family has its colour, and its mark too unless marks tell series."""
    series = list(dict.fromkeys(dot.series for dot in dots if dot.series))
    x = _across(axis, _domain(dots, axis, is_labelled=not series))
    y = {"field": "name", "type": "nominal", "sort": None, "axis": {"title": None, "labelLimit": _NAME_PIXELS}}
    fill = {"field": "color", "type": "nominal", "scale": None}
    layers = [
        _layer({"type": "rule", "strokeWidth": 2}, x=x | {"field": "start"}, x2={"field": "value"}, y=y, color=_STEM),
        _layer("rule", x=x | {"field": "low"}, x2={"field": "high"}, y=y, color=_INK)
        | {"transform": [{"filter": "isValid(datum.low) && isValid(datum.high)"}]},
        _layer(
            {"type": "point", "filled": True, "size": 70, "opacity": 1, "strokeWidth": 0.8},
            x=x | {"field": "value"},
            y=y,
            fill=fill,
            stroke=_INK,
            shape=_shape(series),
            tooltip={"field": "told"},
            description={"field": "told"},
        ),
    ]
    if not series:
        mark = {"type": "text", "align": "left", "dx": 8, "fontSize": 11, "aria": False}
        layers.append(_layer(mark, x=x | {"field": "end"}, y=y, text={"field": "text"}, color=_INK))
    if axis.baseline is not None:
        layers.insert(0, _layer("rule", x=x | {"datum": axis.baseline}, color=_INK) | {"data": {"values": [{}]}})
    return {"data": {"values": list(_rows(dots, axis))}, "layer": layers}


def _across(axis: Axis, domain: list[float]) -> dict[str, Any]:
    looks = {"title": axis.title, "labelExpr": axis.tick, "values": _ticks(*domain), "grid": True}
    crowding = {"labelOverlap": "greedy", "labelSeparation": 8}
    return {
        "type": "quantitative",
        "scale": {"type": "log", "domain": domain, "nice": False},
        "axis": looks | crowding,
    }


def _ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 of each decade within the ends; its 1 alone where there are many decades."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
    steps = _TICKS if len(decades) <= _MOST_FINE_DECADES else _TICKS[:1]
    ticks = [float(f"{step}e{decade}") for decade in (*decades, decades.stop) for step in steps]
    return [tick for tick in ticks if low <= tick <= high]


def _layer(mark: str | dict[str, Any], **encoding: Any) -> dict[str, Any]:
    return {"mark": mark, "encoding": encoding}


def _shape(series: Sequence[str]) -> dict[str, Any]:
    """By series, with a legend; else the family's."""
    if not series:
        return {"field": "shape", "type": "nominal", "scale": None}
    marks = [mark_path(_SERIES_MARKERS[place % len(_SERIES_MARKERS)]) for place in range(len(series))]
    legend = {"title": None, "orient": "top", "symbolFillColor": "transparent", "symbolStrokeColor": {"expr": "ink"}}
    return {"field": "series", "type": "nominal", "scale": {"domain": list(series), "range": marks}, "legend": legend}


def _rows(dots: Sequence[Dot], axis: Axis) -> Iterable[dict[str, Any]]:
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


def _domain(dots: Iterable[Dot], axis: Axis, *, is_labelled: bool) -> list[float]:
    values = [value for dot in dots for value in _finite((dot.value, dot.low, dot.high)) if value > 0]
    known = values if axis.baseline is None else [*values, axis.baseline]
    low, high = min(known) / 1.1, max(known) * 1.1
    return [low, high * (high / low) ** _ROOM_FOR_LABELS if is_labelled else high]


def _finite(values: Iterable[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]
