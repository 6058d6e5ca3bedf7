"""The report's charts: each is made from the view alone, or not at all where the runs have nothing to draw."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from matplotlib.figure import Figure

from zoobench.report.charts import batch, ratios, scatter
from zoobench.report.selection import View


class Chart(NamedTuple):
    """A chart to be. `missing` says what it needs and the command that measures it; `alt` describes it in words."""

    key: str
    title: str
    alt: str
    build: Callable[[View], Figure | None]
    missing: str


_DEFAULT = "`python -m zoobench run --preset default` measures them"
_QUICK = "`python -m zoobench run --preset quick` measures it"

CHARTS = (
    Chart(
        "latency_against_macs",
        "Latency against MACs",
        "Scatter plot, both axes logarithmic: MACs of one image across, time of a call up, a point a model.",
        scatter.latency_against_macs,
        f"no inference case with a latency and a count of MACs: {_QUICK}",
    ),
    Chart(
        "accuracy_against_cost",
        "Published accuracy against latency, MACs and parameters",
        "Scatter plots of published top-1 accuracy against latency, MACs and parameters, with the Pareto fronts.",
        scatter.accuracy_against_cost,
        f"no inference case of a model whose accuracy was published: {_QUICK}",
    ),
    Chart(
        "throughput_against_batch",
        "Throughput against batch size",
        "Lines of images a second against batch size, a panel a family.",
        batch.throughput_against_batch,
        f"no inference at two batch sizes or more: {_DEFAULT}",
    ),
    Chart(
        "amp_speedup",
        "Speed-up by mixed precision",
        "Dots: latency in fp32 over latency with AMP, a row a model; left of 1, shaded, AMP is slower.",
        ratios.amp_speedup,
        f"no case in fp32 and with AMP: {_DEFAULT}",
    ),
    Chart(
        "memory_against_batch",
        "Memory against batch size",
        "Lines of peak memory against batch size, a panel a family.",
        batch.memory_against_batch,
        f"no memory of inference at two batch sizes or more: {_DEFAULT}",
    ),
    Chart(
        "families_against_alexnet",
        "SqueezeNet, MobileNet, ShuffleNet and Xception relative to AlexNet",
        "Bars from 1 on logarithmic axes: parameters, MACs, memory and latency of each model over AlexNet's.",
        ratios.families_against_alexnet,
        f"no AlexNet, or none of the four families, among the inference cases: {_QUICK}",
    ),
)
