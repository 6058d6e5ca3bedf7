"""Where labels go so that none covers another, a point, or the edge. Plain geometry in pixels, no drawing.

A label without room is not placed: better no name than two on top of each other. The caller says how many that were.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.float64]
Position = tuple[float, float]

_DIRECTIONS = tuple(
    (math.cos(math.radians(degrees)), math.sin(math.radians(degrees)))
    for degrees in (0, 180, 90, 270, 45, 315, 135, 225, 20, 340, 160, 200, 70, 290, 110, 250)
)
_RADII = (1.0, 1.6, 2.5, 4.0, 6.0, 8.0, 11.0, 15.0)
"""Distances of a label's edge from its point, in multiples of the nearest one."""

_FEW_LABELS = 40
_RADII_OF_MANY = 4
_SHUFFLES = 10

_SAMPLES = np.linspace(0.0, 1.0, 24)


class Box(NamedTuple):
    """An upright rectangle, y upwards."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def center(self) -> Position:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2


def overlap(box: Box, others: Positions) -> npt.NDArray[np.bool_]:
    """Which of the boxes (n rows of 4) share area with this one."""
    apart = (others[:, 2] <= box.x0) | (others[:, 0] >= box.x1) | (others[:, 3] <= box.y0) | (others[:, 1] >= box.y1)
    return np.logical_not(apart)


def place(
    points: Sequence[Position],
    sizes: Sequence[Position],
    *,
    obstacles: Sequence[Box],
    bounds: Box,
    nearest: float,
) -> list[Box | None]:
    """A box for each label, as near to its point as there is room, or None.

    Labels are placed one after another, and earlier ones have the choice: of a few orders the one is taken that leaves
    the fewest out and the others nearest. Too many labels for that are placed in the order given.

    `sizes` are widths and heights; `obstacles` must stay uncovered; `nearest` is the smallest distance of a label from
    its point. No box overlaps another or an obstacle, and a line from a box to its point crosses no other box.
    """
    radii = _RADII if len(points) <= _FEW_LABELS else _RADII[:_RADII_OF_MANY]
    attempts = [
        _place_in_order(order, points, sizes, _Scene(bounds, nearest, obstacles, radii))
        for order in _orders(len(points))
    ]
    return min(attempts, key=lambda boxes: _cost(points, boxes))


def spread(centers: Sequence[float], height: float, low: float, high: float) -> list[float | None]:
    """Centres for labels of one height in a column from `low` to `high`, in the same order, near where they want to be.

    If they are too many for the column, every so many-th is left out (None).
    """
    room = max(1, int((high - low) // height))
    order = sorted(range(len(centers)), key=lambda index: centers[index])
    kept = order if len(order) <= room else [order[round(i * (len(order) - 1) / max(1, room - 1))] for i in range(room)]
    wanted = [min(max(centers[index], low + height / 2), high - height / 2) for index in kept]
    for i in range(1, len(wanted)):
        wanted[i] = max(wanted[i], wanted[i - 1] + height)
    top = high - height / 2
    for i in reversed(range(len(wanted))):
        wanted[i] = min(wanted[i], top)
        top = wanted[i] - height
    found = dict(zip(kept, wanted, strict=True))
    return [found.get(index) for index in range(len(centers))]


def _orders(count: int) -> list[list[int]]:
    given = list(range(count))
    if count > _FEW_LABELS:
        return [given]
    shuffle = random.Random(0).sample  # noqa: S311  the same every time, so that a chart is
    return [given, given[::-1], *(shuffle(given, count) for _ in range(_SHUFFLES))]


def _place_in_order(
    order: list[int], points: Sequence[Position], sizes: Sequence[Position], scene: _Scene
) -> list[Box | None]:
    found = {index: scene.put(points[index], sizes[index]) for index in order}
    return [found[index] for index in range(len(points))]


def _cost(points: Sequence[Position], boxes: list[Box | None]) -> tuple[int, float]:
    away = [math.dist(point, nearest_spot(point, box)) for point, box in zip(points, boxes, strict=True) if box]
    return boxes.count(None), sum(distance**2 for distance in away)


class _Scene:
    """What is there already while labels are being placed."""

    def __init__(self, bounds: Box, nearest: float, obstacles: Sequence[Box], radii: Sequence[float]) -> None:
        self._radii = radii
        self._bounds = bounds
        self._nearest = nearest
        self._taken = [*obstacles]
        self._labels: list[Box] = []
        self._leaders: list[Position] = []
        self._segments: list[tuple[Position, Position]] = []

    def put(self, point: Position, size: Position) -> Box | None:
        box = self._first_free(point, size)
        if box is not None:
            self._taken.append(box)
            self._labels.append(box)
            self._leaders.extend(_along(point, box))
            self._segments.append((point, nearest_spot(point, box)))
        return box

    def _first_free(self, point: Position, size: Position) -> Box | None:
        taken = _rows(self._taken)
        in_the_way = taken[np.logical_not(overlap(self._own(point), taken))]
        leaders = np.array(self._leaders, dtype=np.float64).reshape(-1, 2)
        for radius, direction in itertools.product(self._radii, _DIRECTIONS):
            box = _candidate(point, size, direction, radius * self._nearest)
            if not _is_inside(box, self._bounds) or overlap(box, taken).any() or _holds(box, leaders).any():
                continue
            if not self._is_cut_off(point, box, in_the_way):
                return box
        return None

    def _own(self, point: Position) -> Box:
        """What a leader starts from: points that touch this one cannot be kept clear of it."""
        near = 0.8 * self._nearest
        return Box(point[0] - near, point[1] - near, point[0] + near, point[1] + near)

    def _is_cut_off(self, point: Position, box: Box, in_the_way: Positions) -> bool:
        """Whether the line from the point to its label runs over anything else."""
        end = nearest_spot(point, box)
        if any(_cross(point, end, *segment) for segment in self._segments):
            return True
        return any(_crosses(spot, in_the_way) for spot in _along(point, box))


def _candidate(point: Position, size: Position, towards: Position, away: float) -> Box:
    (x, y), (width, height), (dx, dy) = point, size, towards
    center_x, center_y = x + dx * (away + width / 2), y + dy * (away + height / 2)
    return Box(center_x - width / 2, center_y - height / 2, center_x + width / 2, center_y + height / 2)


def nearest_spot(point: Position, box: Box) -> Position:
    """The spot of the box that is nearest to the point: where its leader ends."""
    return min(max(point[0], box.x0), box.x1), min(max(point[1], box.y0), box.y1)


def _along(point: Position, box: Box) -> list[Position]:
    end_x, end_y = nearest_spot(point, box)
    return [(point[0] + s * (end_x - point[0]), point[1] + s * (end_y - point[1])) for s in _SAMPLES[:-1]]


def _is_inside(box: Box, bounds: Box) -> bool:
    return box.x0 >= bounds.x0 and box.y0 >= bounds.y0 and box.x1 <= bounds.x1 and box.y1 <= bounds.y1


def _holds(box: Box, spots: Positions) -> npt.NDArray[np.bool_]:
    return (spots[:, 0] > box.x0) & (spots[:, 0] < box.x1) & (spots[:, 1] > box.y0) & (spots[:, 1] < box.y1)


def _crosses(spot: Position, boxes: Positions) -> bool:
    x, y = spot
    return bool(((boxes[:, 0] < x) & (boxes[:, 2] > x) & (boxes[:, 1] < y) & (boxes[:, 3] > y)).any())


def _cross(a: Position, b: Position, c: Position, d: Position) -> bool:
    """Whether the segments from a to b and from c to d cross."""
    return _turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0


def _turn(a: Position, b: Position, c: Position) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _rows(boxes: list[Box]) -> Positions:
    return np.array(boxes, dtype=np.float64).reshape(-1, 4)
