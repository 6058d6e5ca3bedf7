"""Time of a call among calls back to back: what a busy device needs for one, the host's launching hidden behind it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import msgspec

from zoobench.cases import Budget
from zoobench.devices import REFERENCE
from zoobench.devices.device import calls_of, interval_s
from zoobench.measure.worker.probes.probe import Probe, ProbeState
from zoobench.measure.worker.rounds import host_lead
from zoobench.measure.worker.workload import Workload
from zoobench.records import Measurement, MetricResult, Unavailable
from zoobench.stats.interference import HOST_LEAD, PACE, paces

# Time that the device itself works during a call, without the gaps in which it waits for the host.


DEVICE_TIME = "device_time"


def measure_device_time(workload: Workload, budget: Budget, progress: ProbeState) -> Iterable[MetricResult]:
    """Some more calls, as a graph of the device's or under its profiler. None where one is longer than the budget."""
    if progress.call_s > budget.max_s:
        reason = f"a call takes {progress.call_s:.1f} s, more than the budget of {budget.max_s:g} s"
        yield Unavailable(metric=DEVICE_TIME, reason=reason)
        return
    began = time.perf_counter()
    result = workload.device.measure_device_time(workload.call, is_capturable=workload.model_call.is_capturable)
    if isinstance(result, Measurement):
        progress.in_calls_s += time.perf_counter() - began
    yield result


DEVICE_TIME_PROBE = Probe(name=DEVICE_TIME, metrics=(DEVICE_TIME,), measure=measure_device_time)


INTERVAL = "interval"

_SAMPLES = 10
_SAMPLE_S = 0.05
_LEAST_CALLS = 2
_MOST_CALLS = 100

_BUDGET_SHARE = 0.25
"""Of the time for sampling, after the latency's own."""

_RESOLUTION_DECIMALS = 9


class _Sample(msgspec.Struct, frozen=True, kw_only=True):
    """`host_lead` is the share of it that was left when the host had launched all calls."""

    call_s: float
    host_s: float
    host_lead: float
    before: dict[str, float]
    after: dict[str, float]


def measure_interval(workload: Workload, budget: Budget, progress: ProbeState) -> Iterable[MetricResult]:
    """A few samples, each of so many calls that it is long against the resolution of the device's clock."""
    reason = _why_not(workload, budget, progress)
    if reason:
        yield Unavailable(metric=INTERVAL, reason=reason)
        return
    calls = calls_of(progress.call_s, _SAMPLE_S, least=_LEAST_CALLS, most=_MOST_CALLS)
    samples = tuple(_samples(workload, calls, budget.max_s * _BUDGET_SHARE))
    progress.in_calls_s += sum(sample.host_s for sample in samples)
    yield Measurement(
        metric=INTERVAL,
        samples=tuple(round(sample.call_s, _RESOLUTION_DECIMALS) for sample in samples),
        method=f"device events around {calls} calls back to back, one wait at the end",
        calls_per_sample=calls,
        covariates=_covariates(samples, progress.known_reference_s),
    )


INTERVAL_PROBE = Probe(name=INTERVAL, metrics=(INTERVAL,), measure=measure_interval)


def _why_not(workload: Workload, budget: Budget, progress: ProbeState) -> str:
    if not workload.device.has_own_timeline():
        return "a call on a CPU ends when it returns: see latency"
    if progress.call_s * _LEAST_CALLS > budget.max_s:
        return f"a call takes {progress.call_s:.1f} s, two in a row more than the budget of {budget.max_s:g} s"
    return ""


def _samples(workload: Workload, calls: int, bound_s: float) -> Iterator[_Sample]:
    """One at least; no further one that is expected to end past the bound."""
    spent_s = last_s = 0.0
    for _ in range(_SAMPLES):
        if spent_s + last_s > bound_s:
            return
        sample = _sample(workload, calls)
        yield sample
        last_s = sample.host_s
        spent_s += last_s


def _sample(workload: Workload, calls: int) -> _Sample:
    before = workload.device.conditions()
    began = launched = time.perf_counter()

    def call() -> None:
        nonlocal launched
        workload.call()
        launched = time.perf_counter()

    call_s = interval_s(workload.device, call, calls)
    ended = time.perf_counter()
    return _Sample(
        call_s=call_s,
        host_s=ended - began,
        host_lead=host_lead(began, launched, ended),
        before=before,
        after=workload.device.conditions(),
    )


def _covariates(samples: tuple[_Sample, ...], reference_s: float | None) -> dict[str, tuple[float, ...]]:
    """Conditions that every sample has: one that went missing on the way is dropped as a whole. And the host's pace."""
    names = [name for name in samples[0].after if all(name in sample.after for sample in samples)]
    columns = {name: tuple(sample.after[name] for sample in samples) for name in names if name != REFERENCE}
    columns[HOST_LEAD] = tuple(sample.host_lead for sample in samples)
    readings = [[found[REFERENCE] for found in (s.before, s.after) if REFERENCE in found] for s in samples]
    if reference_s is None or any(len(pair) != 2 for pair in readings):  # noqa: PLR2004 - before and after
        return columns
    return {**columns, PACE: paces(readings, reference_s)}
