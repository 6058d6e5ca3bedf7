"""Axes of the page's charts: their scales, where their ticks stand, and how these read."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from matplotlib.markers import MarkerStyle
from matplotlib.path import Path

from zoobench.records import metrics as metrics
from zoobench.report import palette as palette

TICKS: Final = {
    metrics.SECONDS: (
        "datum.value >= 1 ? format(datum.value, '.3~r') + ' s' : datum.value >= 1e-3 ? "
        "format(datum.value * 1e3, '.3~r') + ' ms' : format(datum.value * 1e6, '.3~r') + ' µs'"
    ),
    metrics.BYTES: (
        "datum.value >= 1073741824 ? format(datum.value / 1073741824, '.3~r') + ' GiB' : datum.value >= 1048576 ? "
        "format(datum.value / 1048576, '.3~r') + ' MiB' : format(datum.value / 1024, '.3~r') + ' KiB'"
    ),
    metrics.COUNT: (
        "datum.value >= 1e12 ? format(datum.value / 1e12, '.3~r') + ' T' : datum.value >= 1e9 ? "
        "format(datum.value / 1e9, '.3~r') + ' G' : datum.value >= 1e6 ? format(datum.value / 1e6, '.3~r') + ' M' : "
        "format(datum.value / 1e3, '.3~r') + ' k'"
    ),
    metrics.PER_SECOND: "format(datum.value, '.3~r') + ' /s'",
    metrics.RATIO: "format(datum.value * 100, '.3~r') + ' %'",
}
"""By unit, as the texts of the tables (`zoobench.cases.units`), in Vega's expressions: 20 ms, 64 MiB, 4 M, 70 %."""

RATIO_TICK: Final = "format(datum.value, '.3~r') + '×'"
NUMBER_TICK: Final = "format(datum.value, '.3~r')"
WHOLE_TICK: Final = "format(datum.value, 'd')"
CHANGE_TICK: Final = "datum.value === 0 ? '0 %' : format(datum.value * 100, '+.3~r') + ' %'"

_STEPS = (1, 2, 5)
"""In each decade."""
_MOST_FINE_DECADES = 3
_MOST_POWERS = 8


def axis_of(title: str, tick: str, values: list[float]) -> dict[str, Any]:
    """With a grid; of ticks that would crowd each other some are left out."""
    looks = {"title": title, "labelExpr": tick, "values": values, "grid": True}
    return looks | {"labelOverlap": "greedy", "labelSeparation": 8}


def log_scale(low: float, high: float) -> dict[str, Any]:
    """From end to end, whatever the data."""
    return {"type": "log", "domain": [low, high], "nice": False}


def symmetric_scale(reach: float, linear_to: float) -> dict[str, Any]:
    """As far below zero as above; linear about `linear_to` on either side of zero, logarithmic beyond."""
    return {"type": "symlog", "constant": linear_to, "domain": [-reach, reach], "nice": False}


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 of each decade within the ends; its 1 alone where there are many decades."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
    steps = _STEPS if len(decades) <= _MOST_FINE_DECADES else _STEPS[:1]
    ticks = [float(f"{step}e{decade}") for decade in (*decades, decades.stop) for step in steps]
    return [tick for tick in ticks if low <= tick <= high]


def binary_ticks(low: float, high: float) -> list[float]:
    """Powers of two within the ends, few enough to be read."""
    powers = range(math.ceil(math.log2(low)), math.floor(math.log2(high)) + 1)
    return [2.0**power for power in powers[:: 1 + len(powers) // _MOST_POWERS]]


def symmetric_ticks(reach: float, linear_to: float) -> list[float]:
    """Zero, and on either side `linear_to` and its decades."""
    decades = range(math.floor(math.log10(reach / linear_to) + 1e-9) + 1)
    above = [float(f"{linear_to * 10**decade:.6g}") for decade in decades]
    return [*(-tick for tick in reversed(above)), 0.0, *above]


# The palette's colours and markers as Vega draws them, so that a family looks the same in every chart.


INK: Final = {"value": {"expr": "ink"}}
PAPER: Final = {"value": {"expr": "paper"}}
"""The page's colours, in the light and in the dark."""

COLOR: Final = {
    "condition": {"test": f"datum.color === '{palette.BLACK}'", **INK},
    "field": "color",
    "type": "nominal",
    "scale": None,
}
"""Of the family, from the field `color`; black is the page's ink, since it would not be seen on a dark page."""

_SERIES_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
_LEGEND_COLUMNS = "width < 420 ? 2 : 4"
_LETTERS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C", Path.CLOSEPOLY: "Z"}
_SCALE = 2.0
"""matplotlib's markers fill a square of side 1, Vega's one of side 2."""


def mark_path(marker: str) -> str:
    """The marker's outline as the path of an SVG, which counts downwards."""
    style = MarkerStyle(marker)
    path = style.get_path().transformed(style.get_transform())
    return "".join(_step(points.tolist(), int(code)) for points, code in path.iter_segments(curves=True))


def shape_of_series(series: Sequence[str]) -> dict[str, Any]:
    """A mark for each of these, with a legend; they are in the data's field `series`."""
    shapes = [mark_path(_SERIES_MARKERS[place % len(_SERIES_MARKERS)]) for place in range(len(series))]
    legend = {
        "title": None,
        "orient": "top",
        "columns": {"expr": _LEGEND_COLUMNS},
        "symbolFillColor": INK["value"],
        "symbolStrokeColor": INK["value"],
    }
    scale = {"domain": list(series), "range": shapes}
    return {"field": "series", "type": "nominal", "scale": scale, "legend": legend}


def _step(points: list[float], code: int) -> str:
    letter = _LETTERS[Path.code_type(code)]
    if letter == "Z":
        return letter
    scaled = (_SCALE * sign * value for value, sign in zip(points, itertools.cycle((1, -1)), strict=False))
    return letter + ",".join(f"{round(value, 3) + 0.0:g}" for value in scaled)


# Layers that several shapes are made of, and the column in which they name their rows.


NAME_PIXELS: Final = 150
"""Of a column of names, the gap to the plot included; a longer name is cut."""

_NARROW_PIXELS = 420
_GAP_PIXELS = 8
_FONT_PIXELS = 11
_SMALL_FONT_PIXELS = 9


class NameColumn(NamedTuple):
    """Pixels that names take beside a plot, the gap to it included; on a narrow screen fewer, in smaller letters."""

    wide: int = NAME_PIXELS
    narrow: int = NAME_PIXELS
    gap: int = _GAP_PIXELS

    @property
    def width(self) -> str:
        """As an expression of Vega's."""
        return _by_width(self.wide, self.narrow)

    @property
    def names(self) -> str:
        """What is left of it for the names."""
        return _by_width(self.wide - self.gap, self.narrow - self.gap)

    @property
    def font(self) -> str:
        """Of its names, in pixels."""
        return _by_width(_FONT_PIXELS, _FONT_PIXELS if self.narrow == self.wide else _SMALL_FONT_PIXELS)


def layer(mark: str | dict[str, Any], rows: Sequence[dict[str, Any]] | None = None, **encoding: Any) -> dict[str, Any]:
    """A layer of Vega-Lite's; of the data of all layers, unless it has rows of its own."""
    own = {} if rows is None else {"data": {"values": list(rows)}}
    return {"mark": mark, "encoding": encoding, **own}


def names_on_the_left(
    column: NameColumn, y: dict[str, Any], rows: Sequence[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """The field `name` of each row, ending where the plot begins."""
    return _names(column, rows, "right", column.names, y)


def names_on_the_right(column: NameColumn, y: dict[str, Any]) -> dict[str, Any]:
    """The field `name` of each row, beginning where the plot ends."""
    return _names(column, None, "left", f"width - {column.names}", y)


def between_names(left: NameColumn, right: NameColumn | None = None) -> dict[str, Any]:
    """What a horizontal scale spans beside columns of names."""
    return {"range": [{"expr": left.width}, {"expr": f"width - {right.width}" if right else "width"}]}


def down_to(last: float) -> dict[str, Any]:
    """Rows from 0 at the top, without an axis."""
    scale = {"domain": [0, last], "reverse": True, "nice": False, "zero": False}
    return {"type": "quantitative", "scale": scale, "axis": None}


def _names(
    column: NameColumn, rows: Sequence[dict[str, Any]] | None, align: str, x: str, y: dict[str, Any]
) -> dict[str, Any]:
    looks = {"type": "text", "align": align, "baseline": "middle", "aria": False}
    room = {"fontSize": {"expr": column.font}, "limit": {"expr": column.names}}
    return layer(looks | room, rows, x={"value": {"expr": x}}, y=y, text={"field": "name"}, color=INK)


def _by_width(wide: int, narrow: int) -> str:
    return str(wide) if wide == narrow else f"(width < {_NARROW_PIXELS} ? {narrow} : {wide})"
