"""Scatter plots with logarithmic axes whose points are named where there is room, as a specification of Vega's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from zoobench.report import palette
from zoobench.report.html.assets import read_asset
from zoobench.report.html.plots import log_ticks, mark_path
from zoobench.report.text import single_line

_PLACES_BESIDE = 8
"""The first of the places that names may take: those that touch their points."""


class ScatterPoint(NamedTuple):
    """A point; `told` is what it says when it is pointed at. A hollow one is of another kind than the others."""

    name: str
    group: str
    x: float
    y: float
    told: str
    is_hollow: bool = False
    is_named: bool = True


class Span(NamedTuple):
    """A logarithmic axis from end to end."""

    title: str
    tick: str
    low: float
    high: float


def scatter_plot(
    spots: Sequence[ScatterPoint],
    across: Span,
    up: Span,
    *,
    line: Sequence[tuple[float, float]] = (),
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """The specification: `line` is dashed, and `notes` stand in the upper left corner."""
    spec: dict[str, Any] = msgspec.json.decode(read_asset("specs", "scatter.json"))
    rows = {"points": list(_rows(spots)), "bars": [], "front": [{"x": x, "y": y} for x, y in line]}
    spec["signals"] = [_room("width", 0), _room("height", 1), {"name": "step", "value": "linear"}]
    spec["data"] = [{"name": name, "values": values} for name, values in rows.items()]
    spec["scales"] = [_scale(name, span) for name, span in (("x", across), ("y", up))]
    spec["axes"] = [_axis(axis, span) for axis, span in zip(spec["axes"], (across, up), strict=True)]
    *marks, spots_mark, names = spec["marks"]
    del spots_mark["encode"]["update"]["cursor"]  # nothing opens where one clicks
    names["transform"] = [_labels(names["transform"][0], line=bool(line), notes=bool(notes))]
    spec["marks"] = [*marks, spots_mark, *([_notes(notes)] if notes else []), names]
    return spec


def _room(name: str, place: int) -> dict[str, Any]:
    """As wide, or high, as the room of the chart, as Vega-Lite says it."""
    size = f"isFinite(containerSize()[{place}]) ? containerSize()[{place}] : 200"
    return {"name": name, "init": size, "on": [{"update": size, "events": "window:resize"}]}


def _scale(name: str, span: Span) -> dict[str, Any]:
    ends = {"domain": [span.low, span.high], "range": {"x": "width", "y": "height"}[name]}
    return {"name": name, "type": "log", "nice": False, "zero": False, **ends}


def _axis(axis: dict[str, Any], span: Span) -> dict[str, Any]:
    """All ticks, where the plot whose data changes has Vega choose some."""
    kept = {name: value for name, value in axis.items() if name != "tickCount"}
    texts = {"labels": {"update": {"text": {"signal": span.tick}}}}
    return kept | {"title": span.title, "values": log_ticks(span.low, span.high), "encode": texts}


def _labels(transform: dict[str, Any], *, line: bool, notes: bool) -> dict[str, Any]:
    """Names beside their points only: further away one would be taken for the name of a point that has none."""
    beside = {name: transform[name][:_PLACES_BESIDE] for name in ("anchor", "offset")}
    return transform | beside | {"avoidMarks": [*(["front-line"] if line else []), *(["notes"] if notes else [])]}


def _notes(notes: Iterable[str]) -> dict[str, Any]:
    update = {
        "x": {"value": 6},
        "y": {"value": 12},
        "text": {"value": list(notes)},
        "lineHeight": {"value": 14},
        "fontSize": {"value": 11},
        "fill": {"signal": "ink"},
    }
    return {"type": "text", "name": "notes", "aria": False, "interactive": False, "encode": {"update": update}}


def _rows(spots: Iterable[ScatterPoint]) -> Iterable[dict[str, Any]]:
    for place, spot in enumerate(spots):
        style = palette.STYLES[spot.group]
        yield {
            "x": spot.x,
            "y": spot.y,
            "text": spot.told,
            "name": single_line(spot.name) if spot.is_named else "",
            "color": style.color,
            "shape": mark_path(style.marker),
            "is_hollow": spot.is_hollow,
            "opacity": 1,
            "order": place,
        }
