"""Time of a call and of its phases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from zoobench.cases import Budget, Mode
from zoobench.devices import Result
from zoobench.findings import judge_latency
from zoobench.probes.probe import Probe, Progress
from zoobench.records import Finding, Measurement, Unavailable
from zoobench.subject import Subject
from zoobench.timing.loop import Sampled, sample
from zoobench.timing.rounds import Phase, Round

_RESOLUTION_DECIMALS = 9
"""Nanoseconds: finer digits are not measured, and a record is written with each digit."""

_PHASES = ("forward_latency", "backward_latency", "optimizer_latency")


def measure_latency(subject: Subject, budget: Budget, progress: Progress) -> Iterable[Result | Finding]:
    """Sample calls within the budget."""
    phases = subject.model_call.phases
    sampled = sample(phases, subject.device, budget)
    progress.in_calls_s += sampled.in_calls_s
    progress.call_s = sampled.rounds[-1].host_s
    latency = _latency(subject, sampled)
    yield latency
    yield _measurement("first_call", [sampled.first_call_s], "host clock, waited for")
    yield _measurement("build_time", [subject.build_s], "host clock, weights initialised and placed")
    yield _host_latency(subject, sampled.rounds)
    yield from _phase_latencies(subject, phases, sampled.rounds)
    yield from judge_latency(subject.case, budget, latency)


PROBE = Probe(
    name="latency",
    metrics=("latency", "first_call", "build_time", "host_latency", *_PHASES),
    measure=measure_latency,
)


def _latency(subject: Subject, sampled: Sampled) -> Measurement:
    covariates = {
        name: tuple(_rounded(r.covariates[name]) for r in sampled.rounds) for name in sampled.rounds[0].covariates
    }
    clock = "device events" if subject.device.has_own_timeline() else "host clock"
    method = f"{clock}, wait-call-wait, {sampled.warm_up_rounds} warm-up calls, stopped by {sampled.stop.value}"
    samples = [r.device_s for r in sampled.rounds]
    return _measurement("latency", samples, method, covariates)


def _host_latency(subject: Subject, rounds: Sequence[Round]) -> Result:
    if not subject.device.has_own_timeline():
        return Unavailable(metric="host_latency", reason="on a CPU the host's clock is the clock: see latency")
    return _measurement("host_latency", [r.host_s for r in rounds], "host clock, wait-call-wait")


def _phase_latencies(subject: Subject, phases: Sequence[Phase], rounds: Sequence[Round]) -> Iterable[Result]:
    if subject.case.mode is Mode.INFER:  # its one phase is the call
        return
    for index, phase in enumerate(phases):
        yield _measurement(phase.metric, [r.phases_s[index] for r in rounds], "as latency, between marks")


def _measurement(
    metric: str, samples: Sequence[float], method: str, covariates: dict[str, tuple[float, ...]] | None = None
) -> Measurement:
    rounded = tuple(_rounded(sample) for sample in samples)
    return Measurement(metric=metric, samples=rounded, method=method, covariates=covariates or {})


def _rounded(value: float) -> float:
    return round(value, _RESOLUTION_DECIMALS)
