"""Whole nets under the roofs of the machine: what a call computes a byte, and a second."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import median

from zoobench import metrics
from zoobench.reports import palette
from zoobench.reports.diagnosed import Diagnosed, under_one_roof
from zoobench.reports.escape import single_line
from zoobench.reports.html.plots.scatter import Span, Spot, scatter_plot
from zoobench.reports.html.plots.ticks import NUMBER_TICK, TICKS
from zoobench.reports.html.section import Chart, Height
from zoobench.roofline import Roof
from zoobench.units import format_bytes, format_count, format_percent

_ROOM = 1.6
"""Beyond the outermost points."""
_ROOM_ABOVE = 2.5
"""Above the roof, where its names stand."""


def roofline_charts(found: Sequence[Diagnosed]) -> Iterable[Chart]:
    """One for each precision, since each has a ceiling of its own; a point a case."""
    for precision in dict.fromkeys(each.case.precision for each in found):
        shown = [each for each in under_one_roof(found, precision) if math.isfinite(each.net.intensity)]
        if shown:
            yield _chart(shown)


def _chart(shown: Sequence[Diagnosed]) -> Chart:
    case, roof = shown[0].case, shown[0].roof
    reached = median(each.diagnosis.reached_ratio for each in shown)
    return Chart(
        key=f"roofline-{case.precision.value}",
        title=f"Roofline of whole nets (inference, {case.precision.value}, {single_line(case.device)})",
        alt=(
            f"Both axes logarithmic, a point a case: {_batches(shown)}. The dashed roofs are what the machine can do; "
            f"a call reaches {format_percent(reached, digits=0)} of them in the median. A name that finds no room is "
            "left out; the table of what bounds each net has the numbers."
        ),
        spec=scatter_plot(
            [_spot(each, is_first=each.case.batch == case.batch) for each in shown],
            *_spans(shown, roof),
            line=_roofs(shown, roof),
            notes=_names_of(roof),
        ),
        height=Height.TALL,
        groups=tuple(dict.fromkeys(palette.group_of_model(each.case.model) for each in shown)),
    )


def _batches(shown: Iterable[Diagnosed]) -> str:
    first, *others = sorted({each.case.batch for each in shown})
    if not others:
        return f"batch {first}"
    return f"filled at batch {first}, hollow at batch {', '.join(map(str, others))}"


def _spans(shown: Sequence[Diagnosed], roof: Roof) -> tuple[Span, Span]:
    """The axes: they hold every point and the ridge."""
    intensities = [roof.ridge, *(each.net.intensity for each in shown)]
    rates = [each.net.macs_per_s for each in shown]
    top = max(roof.macs_per_s, *rates) * _ROOM_ABOVE
    across = Span("MACs a byte moved", NUMBER_TICK, min(intensities) / _ROOM, max(intensities) * _ROOM)
    return across, Span("MACs a second", TICKS[metrics.COUNT], min(rates) / _ROOM, top)


def _roofs(shown: Sequence[Diagnosed], roof: Roof) -> list[tuple[float, float]]:
    """From where the slanting roof enters the plot, over the ridge, to its right edge."""
    across, up = _spans(shown, roof)
    start = max(across.low, up.low / roof.bytes_per_s)
    return [(x, roof.attainable(x)) for x in (start, roof.ridge, across.high)]


def _names_of(roof: Roof) -> tuple[str, ...]:
    return (
        f"flat roof: matrix product, {format_count(roof.macs_per_s)} MACs/s",
        f"slanting roof: copy, {format_bytes(roof.bytes_per_s)}/s",
    )


def _spot(each: Diagnosed, *, is_first: bool) -> Spot:
    """Names of the same net at other batches would only repeat it."""
    name = f"{single_line(each.case.model.name)}, batch {each.case.batch}"
    rate = f"{format_count(each.net.macs_per_s)} MACs/s, {each.net.intensity:.3g} MACs a byte"
    reached = f"{format_percent(each.diagnosis.reached_ratio, digits=0)} of the ceilings"
    return Spot(
        name=each.case.model.name,
        group=palette.group_of_model(each.case.model),
        x=each.net.intensity,
        y=each.net.macs_per_s,
        told=f"{name}\n{rate}: {reached}\n{each.diagnosis}",
        is_hollow=not is_first,
        is_named=is_first,
    )
