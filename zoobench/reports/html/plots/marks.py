"""The palette's colours and markers as Vega draws them, so that a family looks the same in every chart."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Final

from matplotlib.markers import MarkerStyle
from matplotlib.path import Path

from zoobench.reports import palette

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
