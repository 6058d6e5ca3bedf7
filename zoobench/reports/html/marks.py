"""The palette's markers as paths that Vega draws, so that a family has one shape in every chart."""

from __future__ import annotations

import itertools

from matplotlib.markers import MarkerStyle
from matplotlib.path import Path

_LETTERS = {Path.MOVETO: "M", Path.LINETO: "L", Path.CURVE3: "Q", Path.CURVE4: "C", Path.CLOSEPOLY: "Z"}
_SCALE = 2.0
"""matplotlib's markers fill a square of side 1, Vega's one of side 2."""


def mark_path(marker: str) -> str:
    """The marker's outline as the path of an SVG, which counts downwards."""
    style = MarkerStyle(marker)
    path = style.get_path().transformed(style.get_transform())
    return "".join(_step(points.tolist(), int(code)) for points, code in path.iter_segments(curves=True))


def _step(points: list[float], code: int) -> str:
    letter = _LETTERS[Path.code_type(code)]
    if letter == "Z":
        return letter
    scaled = (_SCALE * sign * value for value, sign in zip(points, itertools.cycle((1, -1)), strict=False))
    return letter + ",".join(f"{round(value, 3) + 0.0:g}" for value in scaled)
