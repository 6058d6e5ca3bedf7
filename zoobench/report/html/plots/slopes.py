"""Two orders of the same things beside each other: a line each, from its place in the one to that in the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from zoobench.report import palette
from zoobench.report.html.plots import (
    COLOR,
    INK,
    PAPER,
    NameColumn,
    between_names,
    down_to,
    layer,
    mark_path,
    names_on_the_left,
    names_on_the_right,
)
from zoobench.report.html.section import Height
from zoobench.report.text import single_line

MOST_ROWS: Final = 34
"""As many names as the tallest chart has room for."""

_ROOM = ((10, Height.LOW), (22, Height.MIDDLE))
_NAMES = NameColumn(wide=150, narrow=116)
"""On either side, so that lines are left on a narrow screen."""
_PALE = 0.35
_TICK_STEP = 5


class Slope(NamedTuple):
    """One thing with its places, from 1: `left` and `right` are where it stands."""

    name: str
    group: str
    left: int
    right: int
    told: str


class Crossing(NamedTuple):
    """Two slopes that cross, by their names; `told` says what that means."""

    first: str
    second: str
    told: str


class Heads(NamedTuple):
    """What stands above the two orders, and the title of the places."""

    left: str
    right: str
    places: str


def height_of(slopes: Sequence[Slope]) -> Height:
    """Room for all names."""
    return next((height for most, height in _ROOM if len(slopes) <= most), Height.TALL)


def slope_plot(slopes: Sequence[Slope], crossings: Sequence[Crossing], heads: Heads) -> dict[str, Any]:
    """The specification. Slopes without a crossing are pale; a ring marks each crossing."""
    last = len(slopes) + 1
    x = {
        "type": "quantitative",
        "axis": None,
        "scale": {"domain": [0, 1], "nice": False, **between_names(_NAMES, _NAMES)},
    }
    axis = {"title": heads.places, "grid": False, "domain": False, "ticks": False, "values": _places(len(slopes))}
    y = down_to(last) | {"axis": axis}
    opacity = {"field": "opacity", "type": "quantitative", "scale": None}
    told: dict[str, Any] = {"tooltip": {"field": "told"}, "description": {"field": "told"}}
    ends: dict[str, Any] = {
        "x": x | {"datum": 0},
        "x2": {"datum": 1},
        "y": y | {"field": "left"},
        "y2": {"field": "right"},
    }
    return {
        "data": {"values": list(_rows(slopes, crossings))},
        "layer": [
            layer({"type": "rule", "strokeWidth": 2.5}, **ends, color=COLOR, opacity=opacity, **told),
            _ends(x | {"datum": 0}, y | {"field": "left"}, opacity),
            _ends(x | {"datum": 1}, y | {"field": "right"}, opacity),
            layer(
                {"type": "point", "filled": True, "size": 46, "opacity": 1, "strokeWidth": 1.6},
                list(_crossings(slopes, crossings)),
                x=x | {"field": "across"},
                y=y | {"field": "place"},
                fill=PAPER,
                stroke=INK,
                **told,
            ),
            names_on_the_left(_NAMES, y | {"field": "left"}),
            names_on_the_right(_NAMES, y | {"field": "right"}),
            *_heads(heads, y),
        ],
    }


def crossing_of(first: Slope, second: Slope) -> tuple[float, float]:
    """Where the lines of two slopes meet: the share of the way across, and the place there; they must cross."""
    gap, turn = second.left - first.left, first.right - second.right
    across = gap / (gap + turn)
    return across, first.left + across * (first.right - first.left)


def _places(count: int) -> list[int]:
    return [1, *range(_TICK_STEP, count + 1, _TICK_STEP)]


def _ends(x: dict[str, Any], y: dict[str, Any], opacity: dict[str, Any]) -> dict[str, Any]:
    mark = {"type": "point", "filled": True, "size": 40, "strokeWidth": 0.6, "aria": False}
    shape = {"field": "shape", "type": "nominal", "scale": None}
    return layer(mark, x=x, y=y, fill=COLOR, stroke=INK, shape=shape, opacity=opacity)


def _heads(heads: Heads, y: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """Above the first places, each at the outer end of its column, where a narrow screen has most room for it."""
    for text, x, align in ((heads.left, 0, "left"), (heads.right, "width", "right")):
        mark = {"type": "text", "align": align, "fontSize": 11, "fontWeight": "bold", "aria": False}
        yield layer(mark, [{"text": text}], x={"value": x}, y=y | {"datum": 0.2}, text={"field": "text"}, color=INK)


def _rows(slopes: Iterable[Slope], crossings: Iterable[Crossing]) -> Iterable[dict[str, Any]]:
    crossed = {name for each in crossings for name in (each.first, each.second)}
    for slope in slopes:
        style = palette.STYLES[slope.group]
        yield {
            "name": single_line(slope.name),
            "left": slope.left,
            "right": slope.right,
            "color": style.color,
            "shape": mark_path(style.marker),
            "opacity": 1.0 if slope.name in crossed else _PALE,
            "told": slope.told,
        }


def _crossings(slopes: Iterable[Slope], crossings: Iterable[Crossing]) -> Iterable[dict[str, Any]]:
    by_name = {slope.name: slope for slope in slopes}
    for each in crossings:
        across, place = crossing_of(by_name[each.first], by_name[each.second])
        yield {"across": across, "place": place, "told": each.told}
