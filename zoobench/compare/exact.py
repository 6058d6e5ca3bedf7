"""Exact metrics of two sides: facts of the code, compared as they are. An improvement never fails."""

from __future__ import annotations

from collections.abc import Mapping

from zoobench.compare.result import ExactChange
from zoobench.metrics import METRICS, Better, Comparison

EXACT_METRICS = tuple(metric for metric in METRICS if metric.comparison is Comparison.EXACT)


def exact_changes(base: Mapping[str, float], head: Mapping[str, float]) -> tuple[ExactChange, ...]:
    """What differs of the exact metrics that both sides have, in the order of the table of metrics."""
    return tuple(
        ExactChange(
            metric=metric.key,
            base=base[metric.key],
            head=head[metric.key],
            is_worse=_is_worse(metric.better, head[metric.key] - base[metric.key]),
        )
        for metric in EXACT_METRICS
        if metric.key in base and metric.key in head and base[metric.key] != head[metric.key]
    )


def vanished(base: Mapping[str, float], head: Mapping[str, float]) -> tuple[str, ...]:
    """Exact metrics that only the base has, by key."""
    return tuple(metric.key for metric in EXACT_METRICS if metric.key in base and metric.key not in head)


def _is_worse(better: Better, growth: float) -> bool | None:
    if better is Better.NEITHER:
        return None
    return growth > 0 if better is Better.LOWER else growth < 0
