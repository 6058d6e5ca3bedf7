"""The frontier of memory: how the peak rises with the batch, and where it meets the limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from zoobench import metrics
from zoobench.reports import palette
from zoobench.reports.capacity import Frontier, panels_of
from zoobench.reports.charts import canvas
from zoobench.reports.escape import figure_text
from zoobench.reports.placement import spread
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
_FILLED: dict[str, Any] = {"markeredgecolor": "black", "markeredgewidth": 0.6, "zorder": 5}
_HOLLOW: dict[str, Any] = {"markerfacecolor": "white", "markeredgewidth": 1.2, "zorder": 4}
_COLUMNS = 2
_GAP = 0.02
"""Between names and lines, as a share of the panel's width."""


def memory_frontier(frontiers: Sequence[Frontier]) -> Figure | None:
    """A panel for each mode and whatever else tells searches apart, a line a model; None without a trial's peak."""
    panels = panels_of(frontiers)
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
    canvas.group_legend(figure, {palette.group_of_model(frontier.case.model) for frontier in drawn}, _handles())
    canvas.freeze_layout(figure)
    for ax, of_panel in zip(axes, panels.values(), strict=False):
        _label_starts(ax, of_panel)
    return figure


def _draw_panel(ax: Axes, title: str, frontiers: Sequence[Frontier]) -> None:
    batches = sorted({batch for frontier in frontiers for batch, _ in frontier.points})
    peaks = [peak for frontier in frontiers for _, peak in frontier.points]
    limits = sorted({frontier.limit_bytes for frontier in frontiers})
    canvas.name_panel(ax, f"{title}, limit {', '.join(map(format_bytes, limits))}", "Batch size", "Peak memory")
    canvas.batch_axis(ax.xaxis, _ticks(batches[-1]))
    canvas.log_axis(ax, "y", metrics.BYTES, [*peaks, *limits])
    ax.set_xlim(0.8, batches[-1] * 1.6)
    ax.set_ylim(min(*peaks, *limits) / 1.5, max(*peaks, *limits) * 1.5)
    for limit in limits:
        ax.plot([1.0, ax.get_xlim()[1]], [limit] * 2, color=_LIMIT, linewidth=1.0, linestyle="--", zorder=2)
    for index, frontier in enumerate(frontiers):
        _draw(ax, frontier, _DASHES[index % len(_DASHES)])


def _ticks(last: int) -> list[int]:
    """Powers of two, few enough to be read."""
    powers = [2**power for power in range(last.bit_length())]
    return powers[:: 1 + len(powers) // 8]


def _draw(ax: Axes, frontier: Frontier, dashes: str) -> None:
    style = palette.STYLES[palette.group_of_model(frontier.case.model)]
    points = frontier.points
    xs, ys = zip(*points, strict=True)
    ax.plot(xs, ys, color=style.color, linewidth=1.2, linestyle=dashes, marker=".", zorder=3)
    for batch, looks in ((frontier.batch, _FILLED), (frontier.too_large, _HOLLOW)):
        for x, y in (point for point in points if point[0] == batch):
            ax.plot([x], [y], color=style.color, marker=style.marker, **looks, **_MARKER)


def _label_starts(ax: Axes, frontiers: Sequence[Frontier]) -> None:
    """Names in a column left of the first batch, each with a thin line to the start of its own.

    At their other ends the lines meet the same limit, and names there would lie on each other.
    """
    names = [figure_text(frontier.name) for frontier in frontiers]
    texts = [canvas.write_label(ax, name, 1.0, 1.0) for name in names]
    extents = [text.get_window_extent() for text in texts]
    for text in texts:
        text.remove()
    frame = ax.get_window_extent()
    _make_room(ax, max(extent.width for extent in extents) / frame.width)
    starts = [frontier.points[0] for frontier in frontiers]
    wanted = [float(ax.transData.transform(start)[1]) for start in starts]
    found = spread(wanted, max(extent.height for extent in extents) + 1.0, frame.y0, frame.y1)
    for name, start, up in zip(names, starts, found, strict=True):
        if up is not None:
            _write_start(ax, name, start, up)
    canvas.say_unlabelled(ax, found.count(None))


def _write_start(ax: Axes, name: str, start: tuple[int, float], up: float) -> None:
    across = ax.transData.transform((1.0, 1.0))[0] - 2 * _GAP * ax.get_window_extent().width
    x, y = ax.transData.inverted().transform((across, up))
    canvas.write_label(ax, name, float(x), float(y), ha="right")
    ax.plot([x, start[0]], [y, start[1]], color="#888888", linewidth=0.5, zorder=2)


def _make_room(ax: Axes, share: float) -> None:
    """Widen the axis to the left until names that take `share` of its width fit beside the first batch."""
    right = ax.get_xlim()[1]
    inner = max(0.2, 1.0 - share - 3 * _GAP)
    ax.set_xlim(right ** (1.0 - 1.0 / inner), right)


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
