"""Time of a call and of its phases."""

from __future__ import annotations

import secrets
import statistics
from collections.abc import Iterable, Mapping, Sequence

from zoobench.cases import Budget, Compiler, Mode
from zoobench.measure.worker.layout import ShuffledLayout
from zoobench.measure.worker.probes.probe import Probe, ProbeState
from zoobench.measure.worker.rounds import CallPhase
from zoobench.measure.worker.side_effects import observe
from zoobench.measure.worker.timing_loop import Sampled, sample
from zoobench.measure.worker.workload import Workload
from zoobench.records import Finding, Measurement, MetricResult, Unavailable
from zoobench.stats import side_effects
from zoobench.stats.estimates import MIN_BLOCKS
from zoobench.stats.findings import judge_conditions, judge_latency, judge_warm_up
from zoobench.stats.interference import DISTURBED, marks, quietest_s

_RESOLUTION_DECIMALS = 9
"""Nanoseconds: finer digits are not measured, and a record is written with each digit."""

_PHASES = ("forward_latency", "backward_latency", "optimizer_latency")
_SEED_BITS = 32


def measure_latency(workload: Workload, budget: Budget, progress: ProbeState) -> Iterable[MetricResult | Finding]:
    """Sample calls within this process's share of the budget, in blocks under different memory layouts."""
    share = budget.share()
    phases = workload.model_call.phases
    seed = secrets.randbits(_SEED_BITS)  # another process is another draw
    layout = ShuffledLayout(workload.resting_tensors, workload.device.free_memory_bytes, seed=seed)
    before = observe(workload.module)
    sampled = sample(
        phases,
        workload.device,
        share,
        layout=layout,
        known_reference_s=progress.known_reference_s,
        allocated_bytes=workload.allocated_bytes,
        least_blocks=MIN_BLOCKS if budget.processes == 1 else 1,
    )
    after = observe(workload.module)
    progress.in_calls_s += sampled.in_calls_s
    progress.known_reference_s = quietest_s(progress.known_reference_s, sampled.reference_s)
    latency = _latency(workload, sampled, seed)
    progress.call_s = statistics.median(latency.samples)
    yield latency
    yield from _beginnings(workload, sampled)
    yield from _beside_latency(workload, sampled, latency)
    yield from _phase_latencies(workload, phases, sampled, latency)
    yield from judge_latency(workload.case, share, latency)
    yield from judge_conditions(workload.device.name, workload.device.why_no_conditions())
    yield from judge_warm_up(share, is_flat=sampled.is_warm)
    yield from side_effects.judge_drift(share, latency)
    yield from side_effects.judge_leak(sampled.kept_bytes, sampled.block_sizes)
    yield from side_effects.judge_attached(before, after)
    if not workload.device.has_own_timeline():
        yield from side_effects.judge_idleness(latency)
    if workload.case.compiler is Compiler.EAGER:  # a compiler has threads of its own
        yield from side_effects.judge_threads(before, after)


PROBE = Probe(
    name="latency",
    metrics=(
        "latency",
        "host_latency",
        *_PHASES,
        "first_call",
        "warm_up_calls",
        "warm_up_time",
        "compile_time",
        "build_time",
        "reference_time",
    ),
    measure=measure_latency,
)


def _latency(workload: Workload, sampled: Sampled, seed: int) -> Measurement:
    clock = "device events" if workload.device.has_own_timeline() else "host clock"
    layouts = f"layout shuffled between blocks by seed {seed}" if sampled.is_shuffled else "layout not shuffled"
    taken = f"{sampled.warm_up_calls} warm-up calls, {len(sampled.block_sizes)} blocks"
    method = f"{clock}, wait-call-wait, {taken}, {layouts}, stopped by {sampled.stop.value}"
    return _blocked("latency", [r.device_s for r in sampled.rounds], method, sampled, sampled.covariates)


def _beginnings(workload: Workload, sampled: Sampled) -> Iterable[MetricResult]:
    """What it took until times were steady."""
    yield _single("first_call", sampled.first_call_s, "host clock, waited for")
    yield _single("warm_up_calls", sampled.warm_up_calls, "until no downward trend is seen, or the budget's bound")
    yield _single("warm_up_time", sampled.warm_up_s, "host clock, the first call included")
    yield _single("build_time", workload.build_s, "host clock, weights initialised and placed")
    if workload.case.compiler is not Compiler.EAGER:
        steady_s = statistics.median(r.host_s for r in sampled.rounds)
        compile_s = max(0.0, sampled.first_call_s - steady_s)
        yield _single("compile_time", compile_s, "host clock, the first call less a steady one")


def _beside_latency(workload: Workload, sampled: Sampled, latency: Measurement) -> Iterable[MetricResult]:
    """The same calls by the host's clock, and the machine's pace when quiet."""
    if workload.device.has_own_timeline():
        host_s = [r.host_s for r in sampled.rounds]
        yield _blocked("host_latency", host_s, "host clock, wait-call-wait", sampled, _marks(latency))
    else:
        yield Unavailable(metric="host_latency", reason="on a CPU the host's clock is the clock: see latency")
    if sampled.reference_s is None:
        yield Unavailable(metric="reference_time", reason="the device tells no pace, or not round every call")
    else:
        method = "a fixed computation of the host's, on the case's threads; the best tenth of this case"
        yield _single("reference_time", sampled.reference_s, method)


def _phase_latencies(
    workload: Workload, phases: Sequence[CallPhase], sampled: Sampled, latency: Measurement
) -> Iterable[MetricResult]:
    if workload.case.mode is Mode.INFER:  # its one phase is the call
        return
    for index, phase in enumerate(phases):
        of_phase = [r.phases_s[index] for r in sampled.rounds]
        yield _blocked(phase.metric, of_phase, "as latency, between marks", sampled, _marks(latency))


def _marks(latency: Measurement) -> dict[str, tuple[float, ...]]:
    """Which of the rounds were disturbed, for other times of the same rounds."""
    found = marks(latency.samples, latency.covariates)
    return {DISTURBED: found} if any(found) else {}


def _blocked(
    metric: str,
    samples: Sequence[float],
    method: str,
    sampled: Sampled,
    covariates: Mapping[str, Sequence[float]],
) -> Measurement:
    return Measurement(
        metric=metric,
        samples=tuple(map(_rounded, samples)),
        method=method,
        covariates={name: tuple(map(_rounded, values)) for name, values in covariates.items()},
        block_sizes=sampled.block_sizes,
    )


def _single(metric: str, value: float, method: str) -> Measurement:
    return Measurement(metric=metric, samples=(_rounded(value),), method=method)


def _rounded(value: float) -> float:
    return round(value, _RESOLUTION_DECIMALS)
