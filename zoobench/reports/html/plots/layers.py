"""Layers that several shapes are made of, and the column in which they name their rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from zoobench.reports.html.plots.marks import INK

NAME_PIXELS: Final = 150
"""Of a column of names, the gap to the plot included; a longer name is cut."""

_NARROW_PIXELS = 420
_GAP_PIXELS = 8
_FONT_PIXELS = 11
_SMALL_FONT_PIXELS = 9


class Column(NamedTuple):
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
    column: Column, y: dict[str, Any], rows: Sequence[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """The field `name` of each row, ending where the plot begins."""
    return _names(column, rows, "right", column.names, y)


def names_on_the_right(column: Column, y: dict[str, Any]) -> dict[str, Any]:
    """The field `name` of each row, beginning where the plot ends."""
    return _names(column, None, "left", f"width - {column.names}", y)


def between_names(left: Column, right: Column | None = None) -> dict[str, Any]:
    """What a horizontal scale spans beside columns of names."""
    return {"range": [{"expr": left.width}, {"expr": f"width - {right.width}" if right else "width"}]}


def down_to(last: float) -> dict[str, Any]:
    """Rows from 0 at the top, without an axis."""
    scale = {"domain": [0, last], "reverse": True, "nice": False, "zero": False}
    return {"type": "quantitative", "scale": scale, "axis": None}


def _names(
    column: Column, rows: Sequence[dict[str, Any]] | None, align: str, x: str, y: dict[str, Any]
) -> dict[str, Any]:
    looks = {"type": "text", "align": align, "baseline": "middle", "aria": False}
    room = {"fontSize": {"expr": column.font}, "limit": {"expr": column.names}}
    return layer(looks | room, rows, x={"value": {"expr": x}}, y=y, text={"field": "name"}, color=INK)


def _by_width(wide: int, narrow: int) -> str:
    return str(wide) if wide == narrow else f"(width < {_NARROW_PIXELS} ? {narrow} : {wide})"
