"""Judges of a calibration: each takes one measurement and says what to change. Their texts are in `findings`.

A threshold is what would spoil the ±2 % at 95 % that a run asks for by default (`zoobench.cases.Budget`), unless its
own reason is given.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from zoobench.calibration import derive
from zoobench.findings import MANY_PAGE_FAULTS
from zoobench.records import Finding, Measurement, Severity
from zoobench.units import format_percent, format_seconds

ASKED_RATIO = 0.02
"""The precision that a run asks for."""

MOST_OTHER_LOAD = 0.05
"""A twentieth of all processors: of two, a tenth of one, which a call on both waits for."""

MOST_STEAL = 0.01
"""A hundredth of the time: half of the precision asked for, and it comes in bursts."""

COARSEST_STEP_S = 1e-6
"""A thousandth of a call of 1 ms, about the shortest of the listed zoo's pictures of 224 pixels."""

DEAREST_READING_S = 1e-6
"""A reading of a hardware counter from user space takes some 50 ns; one that asks the kernel takes more than this."""

LARGEST_TIME_ERROR = 0.01
"""A correct reading of 1 ms is high by what a round costs, about 0.1 %; by more, something is not waited for."""

LARGEST_OVERHEAD_S = 10e-6
"""A hundredth of a call of 1 ms."""

LEAST_THREAD_EFFICIENCY = 0.7
"""A matrix product fills its threads: on cores of their own they reach 0.9 and more, two on one core about 0.5."""

LARGEST_NOISE = ASKED_RATIO
LARGEST_SPREAD = ASKED_RATIO
"""Beyond it, the ±2 % of one process says nothing of the next. A quiet machine has 0.6 to 1.7 % (method, section 2)."""

LARGEST_PACE_RATIO = derive.SLOW_RATIO - 1
LARGEST_SLOW_SHARE = 0.25
"""A quarter of the time: the upper quartile is then of slow pieces, and the interval of a median reaches for them."""

LARGEST_DRIFT = ASKED_RATIO

Findings = Iterable[Finding]


def judge_other_load(measurement: Measurement) -> Findings:
    """Of `other_load`."""
    share = derive.typical(measurement)
    if share > MOST_OTHER_LOAD:
        yield _warning("other-load", share=format_percent(share))


def judge_governor(measurement: Measurement) -> Findings:
    """Of `performance_governor`: one sample a processor."""
    share = derive.mean(measurement)
    if share < 1:
        yield _warning("governor", share=format_percent(1 - share, digits=0))


def judge_cores(measurement: Measurement) -> Findings:
    """Of `threads_a_core`."""
    threads = derive.typical(measurement)
    if threads > 1:
        yield _note("smt-siblings", threads=f"{threads:g}")


def judge_allowed_share(measurement: Measurement) -> Findings:
    """Of `allowed_share`."""
    share = derive.typical(measurement)
    if share < 1:
        yield _warning("processor-quota", share=format_percent(share, digits=0))


def judge_resolution(measurement: Measurement) -> Findings:
    """Of `timer_resolution`."""
    step_s = derive.typical(measurement)
    if step_s > COARSEST_STEP_S:
        yield _warning("coarse-clock", step=format_seconds(step_s), shortest=format_seconds(step_s / ASKED_RATIO))


def judge_timer_cost(measurement: Measurement) -> Findings:
    """Of `timer_cost`."""
    cost_s = derive.typical(measurement)
    if cost_s > DEAREST_READING_S:
        yield _warning("slow-clock", cost=format_seconds(cost_s))


def judge_known_time(measurement: Measurement) -> Findings:
    """Of `known_time_error`."""
    error = derive.typical(measurement)
    if abs(error) > LARGEST_TIME_ERROR:
        yield _warning("wrong-time", error=_signed(error))


def judge_known_macs(measurement: Measurement) -> Findings:
    """Of `known_macs_error`, which is exactly 0 or wrong."""
    error = derive.furthest(measurement)
    if error:
        yield _warning("wrong-count", error=_signed(error))


def judge_known_bytes(measurement: Measurement) -> Findings:
    """Of `known_bytes_error`, which is exactly 0 or wrong."""
    error = derive.furthest(measurement)
    if error:
        yield _warning("wrong-memory", error=_signed(error))


def judge_overhead(measurement: Measurement) -> Findings:
    """Of `round_overhead`."""
    overhead_s = derive.typical(measurement)
    if overhead_s > LARGEST_OVERHEAD_S:
        shortest = format_seconds(overhead_s / LARGEST_TIME_ERROR)
        yield _warning("slow-rounds", overhead=format_seconds(overhead_s), shortest=shortest)


def judge_threads(measurement: Measurement) -> Findings:
    """Of `thread_efficiency`."""
    efficiency = derive.typical(measurement)
    if efficiency < LEAST_THREAD_EFFICIENCY:
        yield _warning("threads-in-vain", efficiency=format_percent(efficiency, digits=0))


def judge_retained(measurement: Measurement) -> Findings:
    """Of `faults_retained`."""
    faults = derive.typical(measurement)
    if faults > MANY_PAGE_FAULTS:
        yield _warning("heap-not-kept", faults=faults)


def judge_system(measurement: Measurement) -> Findings:
    """Of `faults_system`: nothing to change, since it is not the default, but to be known."""
    faults = derive.typical(measurement)
    if faults > MANY_PAGE_FAULTS:
        yield _note("system-heap", faults=faults)


def judge_pace(measurement: Measurement) -> Findings:
    """Of `pace`, by its median."""
    ratio = derive.pace_ratio(measurement)
    if ratio > LARGEST_PACE_RATIO:
        yield _warning("slow-pace", ratio=format_percent(ratio))


def judge_slow_share(measurement: Measurement) -> Findings:
    """Of `pace`, by its slow pieces."""
    share = derive.slow_share(measurement)
    if share > LARGEST_SLOW_SHARE:
        yield _warning("slow-spells", share=format_percent(share, digits=0))


def judge_launching(measurement: Measurement) -> Findings:
    """Of `launch_pace`, by its slow pieces."""
    share = derive.slow_share(measurement)
    if share > LARGEST_SLOW_SHARE:
        ratio = format_percent(derive.slowest_tenth(measurement), digits=0)
        yield _warning("slow-launching", share=format_percent(share, digits=0), ratio=ratio)


def judge_drift(measurement: Measurement) -> Findings:
    """Of `pace`, by its thirds."""
    ratio = derive.drift(measurement)
    if abs(ratio) > LARGEST_DRIFT:
        yield _warning("drifting", ratio=format_percent(abs(ratio)), way="slower" if ratio > 0 else "faster")


def judge_steal(measurement: Measurement) -> Findings:
    """Of `steal`."""
    share = derive.typical(measurement)
    if share > MOST_STEAL:
        yield _warning("steal", share=format_percent(share))


def judge_noise(measurement: Measurement) -> Findings:
    """Of `repeated_latency`, by pairs of processes."""
    floor = derive.noise_floor(measurement)
    if not math.isnan(floor) and floor > LARGEST_NOISE:
        largest = max(derive.noise_ratios(measurement))
        yield _warning("noise-floor", floor=format_percent(floor), largest=format_percent(largest))


def judge_spread(measurement: Measurement) -> Findings:
    """Of `repeated_latency`, by all processes."""
    spread = derive.process_spread(measurement)
    if not math.isnan(spread) and spread > LARGEST_SPREAD:
        processes = len(derive.block_medians(measurement))
        yield _warning("process-spread", spread=format_percent(spread), processes=processes)


def _warning(code: str, **values: float | str) -> Finding:
    return Finding(code=code, severity=Severity.WARNING, values=values)


def _note(code: str, **values: float | str) -> Finding:
    return Finding(code=code, severity=Severity.NOTE, values=values)


def _signed(ratio: float) -> str:
    return f"{'+' if ratio > 0 else ''}{format_percent(ratio)}"
