"""A case in several fresh processes: what a process draws once, such as where its memory lies, all its rounds share.

They follow one another and are not spread over the run, since a case is recorded when it ends: a neighbour that lasts
for longer than a case disturbs all of them.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from itertools import chain

from zoobench import metrics
from zoobench.cases import Budget, Case
from zoobench.isolate import Executor, Task
from zoobench.merging import LATENCY, merge, quietest_s
from zoobench.parts import Known, of_kind
from zoobench.records import Failure, Measurement, Unavailable

MEASURE = "zoobench.runner:measure"

ONLY_LATENCY = frozenset(metric.key for metric in metrics.METRICS) - {LATENCY}
"""Metrics that count as known already, so that no other probe runs."""

_LEAST_CALLS = 2
"""Of a process: one to warm up, and a round."""


def replicate(
    executor: Executor, case: Case, budget: Budget, known: Known, clock: Callable[[], float]
) -> Sequence[object]:
    """Measure the case in as many processes as the budget asks for and has room for; the parts as if one told them.

    All but the latency, and what belongs to it, is measured by the first alone. None follows one that failed.
    """
    told: list[list[object]] = []
    began_s, elapsed_s = clock(), 0.0
    while not told or _has_room(budget, told, elapsed_s):
        task = Task(MEASURE, (case, budget, _known_now(known, told)))
        told.append(_run(executor, task, budget.time_limit_s - elapsed_s))
        elapsed_s = clock() - began_s
    return merge(case, budget, told, known.reference_s)


def _run(executor: Executor, task: Task, time_limit_s: float) -> list[object]:
    parts: list[object] = []
    failure = executor.run(task, parts.append, time_limit_s)
    return [*parts, *([failure] if failure else [])]


def _known_now(known: Known, told: Sequence[Sequence[object]]) -> Known:
    if not told:
        return known
    parts = list(chain.from_iterable(told))
    found = {part.metric for part in parts if isinstance(part, (Measurement, Unavailable))}
    return Known(
        metrics=(known.metrics | ONLY_LATENCY | found) - {LATENCY},
        reference_s=quietest_s(known.reference_s, of_kind(parts, Measurement)),
    )


def _has_room(budget: Budget, told: Sequence[Sequence[object]], elapsed_s: float) -> bool:
    """Whether another process is asked for, and is expected to end within the budget.

    Its share holds more than two calls, unless they are long: then the budget is over before all have had theirs.
    """
    if len(told) >= budget.processes or not budget.max_rounds or of_kind(told[-1], Failure):
        return False
    latencies = [part for parts in told for part in of_kind(parts, Measurement) if part.metric == LATENCY]
    if len(latencies) < len(told) or elapsed_s * (1 + 1 / len(told)) > budget.time_limit_s:
        return False
    calls = sum(map(_calls, told))
    return (calls + _LEAST_CALLS) * statistics.median(latencies[-1].samples) <= budget.max_s


def _calls(parts: Sequence[object]) -> float:
    """How often the sampling loop of a process called the model."""
    measurements = {part.metric: part for part in of_kind(parts, Measurement)}
    warm_up = measurements.get("warm_up_calls")
    return len(measurements[LATENCY].samples) + (warm_up.samples[0] if warm_up else 0)
