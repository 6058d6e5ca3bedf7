"""The charts of the section on why nets are slow: each is made from a run's diagnosed cases, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from zoobench.cases import Precision
from zoobench.reports.charts.roofline import roofline_of_model, roofline_of_zoo
from zoobench.reports.diagnosed import Diagnosed, called_alike

Found = Sequence[Diagnosed]

FEATURED = ("mobilenet_v2", "resnet18")
"""The pair whose layers are drawn: an efficient net and the plain one that it is measured against."""

_BATCHES = (1, 8)


class WhyChart(NamedTuple):
    """A chart to be, as `zoobench.reports.charts.Chart`, but made from diagnosed cases."""

    key: str
    title: str
    alt: str
    build: Callable[[Found], Figure | None]
    missing: str


_LACKING = (
    "no case with the times of its layers on a machine whose ceilings are known: "
    "`python -m zoobench run --preset default` measures both"
)


def featured(found: Found) -> tuple[Diagnosed, ...]:
    """The pair at each of its batches, side by side; where either is absent, the two nets that deviate most.

    Those are the ones with the fewest and the most MACs a second at the smallest batch.
    """
    rows = [_beside(called_alike(found, batch, _precision(found)), FEATURED) for batch in _BATCHES]
    pairs = [each for row in rows if len(row) == len(FEATURED) for each in row]
    return tuple(pairs) if pairs else _most_deviating(_headline(found))


def _beside(found: Found, names: Sequence[str]) -> list[Diagnosed]:
    return [each for name in names for each in found if each.case.model.name == name]


def _most_deviating(found: Found) -> tuple[Diagnosed, ...]:
    ordered = sorted((each for each in found if each.net.macs > 0), key=lambda each: each.net.macs_per_s)
    return (ordered[0], ordered[-1]) if len(ordered) > 1 else tuple(ordered)


def _headline(found: Found) -> tuple[Diagnosed, ...]:
    """fp32 at the smallest batch, or what comes nearest."""
    batches = [each.case.batch for each in found if each.case.precision == _precision(found)]
    return called_alike(found, min(batches), _precision(found)) if batches else ()


def _precision(found: Found) -> str:
    known = [each.case.precision for each in found]
    return Precision.FP32 if Precision.FP32 in known or not known else known[0]


def _zoo(found: Found) -> Figure | None:
    shown = _headline(found)
    if not shown:
        return None
    case = shown[0].case
    return roofline_of_zoo(shown, f"inference, batch {case.batch}, {case.precision.value}, {case.device}")


def _model(found: Found) -> Figure | None:
    return roofline_of_model(featured(found))


WHY_CHARTS = (
    WhyChart(
        "roofline_of_zoo",
        "Roofline of whole nets",
        "Scatter plot, both axes logarithmic: MACs a byte moved across, MACs a second up, a point a net, under the "
        "roofs of the machine's matrix product and copy.",
        _zoo,
        _LACKING,
    ),
    WhyChart(
        "roofline_of_model",
        "Roofline of two nets, layer by layer",
        "Scatter plots, both axes logarithmic: MACs a byte moved across, MACs a second up, a point a layer whose area "
        "is its time; layers without MACs stand on the left, by their bytes a second.",
        _model,
        _LACKING,
    ),
)
