"""Peak memory of one call: what the allocator handed out, the weights included and above them."""

from __future__ import annotations

from collections.abc import Iterable

from zoobench.cases import Budget
from zoobench.devices import PeakMemory, Result
from zoobench.probes.probe import Probe, Progress, count_time
from zoobench.records import Measurement, Unavailable
from zoobench.subject import Subject

_ALLOCATED = ("peak_allocated", "peak_above_weights")


def measure_memory(subject: Subject, budget: Budget, progress: Progress) -> Iterable[Result]:
    """One more call, watched. It is not made where calls are longer than the whole budget."""
    if progress.call_s > budget.max_s:
        reason = f"a call takes {progress.call_s:.1f} s, more than the budget of {budget.max_s:g} s"
        yield from (Unavailable(metric=metric, reason=reason) for metric in _ALLOCATED)
    else:
        yield from _peak(subject, progress)
    yield from subject.device.measure_other_memory()


PROBE = Probe(
    name="memory",
    metrics=(*_ALLOCATED, "peak_reserved", "process_memory"),
    measure=measure_memory,
)


def _peak(subject: Subject, progress: Progress) -> Iterable[Result]:
    held_bytes = subject.held_bytes()
    peak = subject.device.measure_peak_memory(count_time(subject, progress))
    total_bytes = held_bytes + peak.growth_bytes
    yield _measurement("peak_allocated", total_bytes, peak)
    yield _measurement("peak_above_weights", total_bytes - subject.weights_bytes(), peak)


def _measurement(metric: str, size_bytes: int, peak: PeakMemory) -> Measurement:
    return Measurement(metric=metric, samples=(float(size_bytes),), method=peak.method)
