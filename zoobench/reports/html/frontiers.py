"""The frontier of memory: how the peak rises with the batch, and the largest batch that fits the limit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from zoobench.reports import palette
from zoobench.reports.capacity import Frontier, panels_of
from zoobench.reports.escape import single_line
from zoobench.reports.html.plots.curves import HEIGHT, MOST_NAMES, Curve, curve_plot
from zoobench.reports.html.section import Chart
from zoobench.units import format_bytes, format_rate


def frontier_charts(frontiers: Sequence[Frontier]) -> Iterable[Chart]:
    """One for each mode, and whatever else tells searches apart; a curve a model."""
    for place, (title, of_panel) in enumerate(panels_of(frontiers).items()):
        limits = sorted({frontier.limit_bytes for frontier in of_panel})
        unnamed = max(0, len(of_panel) - MOST_NAMES)
        yield Chart(
            key=f"frontier-{place}",
            title=f"The largest batch that fits {', '.join(map(format_bytes, limits))} ({single_line(title)})",
            alt=(
                "A curve a model, both axes logarithmic: its peak memory by batch. The limit is dashed, the largest "
                "batch that fits is filled, the first that does not is hollow. The table of capacities has the numbers."
                + (f" {unnamed} names found no room." if unnamed else "")
            ),
            spec=curve_plot([_curve(frontier) for frontier in of_panel], limits),
            height=HEIGHT,
        )


def _curve(frontier: Frontier) -> Curve:
    return Curve(
        name=frontier.name,
        group=palette.group_of_model(frontier.case.model),
        points=tuple(frontier.points),
        fits=frontier.batch or None,
        too_large=frontier.too_large,
        told="\n".join(_lines(frontier)),
    )


def _lines(frontier: Frontier) -> Iterable[str]:
    yield single_line(str(frontier.case.model))
    if frontier.batch:
        rate = f", {format_rate(frontier.throughput)}" if frontier.throughput else ""
        yield f"largest batch within {format_bytes(frontier.limit_bytes)}: {frontier.batch}{rate}"
    if frontier.slope_bytes is not None:
        fixed = "" if frontier.intercept_bytes is None else f", {format_bytes(frontier.intercept_bytes)} fixed"
        yield f"{format_bytes(frontier.slope_bytes)} an image{fixed}"
    if frontier.note:
        yield single_line(frontier.note)
