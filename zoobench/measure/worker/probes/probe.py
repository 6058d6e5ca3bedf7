"""What a probe is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import msgspec

from zoobench.cases import Budget
from zoobench.devices import Call
from zoobench.measure.worker.workload import Workload
from zoobench.records import Breakdown, Finding, Layer, MetricResult


class ProbeState(msgspec.Struct, kw_only=True):
    """What the probes of one case leave each other: time spent inside calls so far, and what a call takes.

    `known_reference_s` is what earlier cases, or this one so far, found the device's fixed computation to take
    (`zoobench.stats.interference`).
    """

    in_calls_s: float = 0.0
    call_s: float = 0.0
    known_reference_s: float | None = None


Measure = Callable[[Workload, Budget, ProbeState], Iterable[MetricResult | Breakdown | Layer | Finding]]


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """A family of metrics. `measure` yields each result as soon as there is one, so that a crash keeps those before.

    A probe whose `metrics` are all facts of the model (`zoobench.records.metrics`) is not run again where they are
    known. One that makes no calls runs in cases that are only counted as well; an audit, which is expensive, runs only
    in those.
    """

    name: str
    metrics: tuple[str, ...]
    measure: Measure
    makes_calls: bool = True
    is_audit: bool = False

    def is_wanted(self, budget: Budget, known_metrics: frozenset[str]) -> bool:
        """Whether it has something to add to a case of this budget."""
        is_only_counted = not budget.max_rounds
        if (is_only_counted and self.makes_calls) or (self.is_audit and not is_only_counted):
            return False
        return not set(self.metrics) <= known_metrics


def count_time(workload: Workload, progress: ProbeState) -> Call:
    """The workload's call, waited for, which adds what it takes to the time spent inside calls."""

    def call() -> None:
        began = time.perf_counter()
        workload.call()
        workload.device.wait()
        progress.in_calls_s += time.perf_counter() - began

    return call
