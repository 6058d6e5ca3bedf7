"""The frontier of memory: how the peak rises with the batch, and where it meets the limit."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from zoobench import catalogue, metrics
from zoobench.reports import palette
from zoobench.reports.capacity import Frontier
from zoobench.reports.charts import canvas
from zoobench.reports.charts.canvas import Spot
from zoobench.reports.placement import Box
from zoobench.units import format_bytes


class FrontierChart(NamedTuple):
    """A chart to be, as `zoobench.reports.charts.Chart`, but made from searches for a capacity."""

    key: str
    title: str
    alt: str
    build: Callable[[Sequence[Frontier]], Figure | None]
    missing: str


_TITLE = "Memory frontier: the largest batch that fits"
_LIMIT = "#666666"
_DASHES = ("-", "--", "-.", ":")
_MARKER: dict[str, Any] = {"linestyle": "", "markersize": 7.0}
_COLUMNS = 2
_STEPS = 24
_HEADROOM = 6.0
"""Above the highest point, as a ratio: names have room there."""


def memory_frontier(frontiers: Sequence[Frontier]) -> Figure | None:
    """A panel for each mode and whatever else tells searches apart, a line a model; None without a trial's peak."""
    panels = _panels(frontiers)
    if not panels:
        return None
    columns = min(_COLUMNS, len(panels))
    lines = -(-len(panels) // columns)
    figure, axes = canvas.new_figure(lines, columns, width=5.6, height=4.6, title=_TITLE)
    for ax, (title, of_panel) in zip(axes, panels.items(), strict=False):
        _draw_panel(ax, title, of_panel)
    for ax in axes[len(panels) :]:
        ax.remove()
    drawn = [frontier for of_panel in panels.values() for frontier in of_panel]
    canvas.group_legend(figure, {_group(frontier) for frontier in drawn}, _handles())
    canvas.freeze_layout(figure)
    for ax, of_panel in zip(axes, panels.values(), strict=False):
        spots = [Spot(*_answer(frontier), _name(frontier)) for frontier in of_panel]
        canvas.say_unlabelled(ax, canvas.label_spots(ax, spots, soft=_covered(of_panel)))
    return figure


def _panels(frontiers: Sequence[Frontier]) -> dict[str, list[Frontier]]:
    """By title: the mode, and what is not the same in all."""
    drawn = [frontier for frontier in frontiers if frontier.peaks]
    panels: defaultdict[str, list[Frontier]] = defaultdict(list)
    names = [(each.case.mode.value, each.case.precision.value, each.case.device, each.run) for each in drawn]
    varying = [index for index in range(1, 4) if len({name[index] for name in names}) > 1]
    for name, frontier in zip(names, drawn, strict=True):
        panels[" · ".join([name[0], *(name[index] for index in varying)])].append(frontier)
    return dict(panels)


def _draw_panel(ax: Axes, title: str, frontiers: Sequence[Frontier]) -> None:
    batches = sorted({batch for frontier in frontiers for batch, _ in _points(frontier)})
    peaks = [peak for frontier in frontiers for _, peak in _points(frontier)]
    limits = sorted({frontier.limit_bytes for frontier in frontiers})
    canvas.name_panel(ax, f"{title}, limit {', '.join(map(format_bytes, limits))}", "Batch size", "Peak memory")
    canvas.batch_axis(ax.xaxis, _ticks(batches[-1]))
    canvas.log_axis(ax, "y", metrics.BYTES, [*peaks, *limits])
    ax.set_xlim(0.8, batches[-1] * 1.6)
    ax.set_ylim(min(*peaks, *limits) / 1.5, max(*peaks, *limits) * _HEADROOM)
    for limit in limits:
        ax.axhline(limit, color=_LIMIT, linewidth=1.0, linestyle="--", zorder=2)
    for index, frontier in enumerate(frontiers):
        _draw(ax, frontier, _DASHES[index % len(_DASHES)])


def _ticks(last: int) -> list[int]:
    """Powers of two, few enough to be read."""
    powers = [2**power for power in range(last.bit_length())]
    return powers[:: 1 + len(powers) // 8]


def _draw(ax: Axes, frontier: Frontier, dashes: str) -> None:
    style = palette.STYLES[_group(frontier)]
    points = _points(frontier)
    xs, ys = zip(*points, strict=True)
    ax.plot(xs, ys, color=style.color, linewidth=1.2, linestyle=dashes, marker=".", zorder=3)
    if frontier.batch:
        x, y = _answer(frontier)
        looks: dict[str, Any] = {"markeredgecolor": "black", "markeredgewidth": 0.6}
        ax.plot([x], [y], color=style.color, marker=style.marker, zorder=5, **looks, **_MARKER)
    first_over = [point for point in points if point[0] == frontier.too_large]
    for x, y in first_over:
        looks = {"markeredgecolor": style.color, "markeredgewidth": 1.2, "markerfacecolor": "white"}
        ax.plot([x], [y], marker=style.marker, zorder=4, **looks, **_MARKER)


def _points(frontier: Frontier) -> list[tuple[int, float]]:
    """Up to the first batch that does not fit; where its call did not end, by the line through the others."""
    last = frontier.too_large
    points = {batch: peak for batch, peak in frontier.peaks.items() if last is None or batch <= last}
    if last is not None and last not in points and frontier.slope_bytes is not None:
        points[last] = max(frontier.limit_bytes, frontier.slope_bytes * last + (frontier.intercept_bytes or 0.0))
    return sorted(points.items())


def _answer(frontier: Frontier) -> tuple[float, float]:
    """Where the name stands: at the largest batch that fits, or at the first point if none does."""
    points = _points(frontier)
    return next((point for point in points if point[0] == frontier.batch), points[0])


def _name(frontier: Frontier) -> str:
    return f"{frontier.case.model.name} {frontier.batch if frontier.batch is not None else '(failed)'}"


def _covered(frontiers: Sequence[Frontier]) -> list[Box]:
    """The lines and the limits, in steps: names should not cover them."""
    pairs = [pair for frontier in frontiers for pair in itertools.pairwise(_points(frontier))]
    last = max(point[0] for pair in pairs for point in pair) if pairs else 1
    limits = {frontier.limit_bytes for frontier in frontiers}
    pairs += [((1, limit), (2 * last, limit)) for limit in limits]
    return [_on_line(first, last, step / _STEPS) for first, last in pairs for step in range(_STEPS + 1)]


def _on_line(first: tuple[int, float], last: tuple[int, float], share: float) -> Box:
    """A spot between two points, straight on logarithmic axes."""
    x, y = (low * (high / low) ** share for low, high in zip(first, last, strict=True))
    return Box(x, y, x, y)


def _group(frontier: Frontier) -> str:
    return palette.group_of(catalogue.entry_of(frontier.case.model).family)


def _handles() -> list[Line2D]:
    plain: dict[str, Any] = {"linestyle": "", "marker": "o", "markersize": 6, "markeredgecolor": "black"}
    return [
        Line2D([], [], color="#777777", label="largest that fits", **plain),
        Line2D([], [], color="white", label="first that does not", **plain),
        Line2D([], [], color=_LIMIT, linestyle="--", linewidth=1.0, label="limit"),
    ]


FRONTIER = FrontierChart(
    "memory_frontier",
    _TITLE,
    "Lines of peak memory against batch size, both axes logarithmic, a panel a mode; the limit is dashed, the largest "
    "batch that fits is filled, the first that does not is hollow.",
    memory_frontier,
    "no capacity was searched for: `python -m zoobench capacity MODEL` does",
)
