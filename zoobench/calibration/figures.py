"""One table of a calibration's figures: each is derived from one measurement, and judged from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from zoobench import metrics
from zoobench.calibration import derive, judges
from zoobench.records import Calibration, Finding, Measurement
from zoobench.units import format_quantity


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table. `unit` is how the derived value is printed; a headline figure stands in every report.

    One without a judge is only told: no value of it is good or bad in itself.
    """

    title: str
    metric: str
    unit: str
    value_of: Callable[[Measurement], float] = derive.typical
    judge: Callable[[Measurement], Iterable[Finding]] | None = None
    is_headline: bool = False

    def judged(self, measurement: Measurement) -> tuple[Finding, ...]:
        """What its judge says, if it has one."""
        return tuple(self.judge(measurement)) if self.judge else ()


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of one calibration as text, or why there is none, and what was found about it."""

    title: str
    text: str
    findings: tuple[Finding, ...] = ()
    is_good: bool = False
    is_headline: bool = False


FIGURES = (
    Figure(title="Processor time of others", metric="other_load", unit=metrics.RATIO, judge=judges.judge_other_load),
    Figure(title="Load of the last minute", metric="load_average", unit=metrics.COUNT),
    Figure(
        title="Processors at a fixed clock",
        metric="performance_governor",
        unit=metrics.RATIO,
        value_of=derive.mean,
        judge=judges.judge_governor,
    ),
    Figure(title="Threads a core", metric="threads_a_core", unit=metrics.COUNT, judge=judges.judge_cores),
    Figure(
        title="Processors allowed by the container",
        metric="allowed_share",
        unit=metrics.RATIO,
        judge=judges.judge_allowed_share,
    ),
    Figure(
        title="Smallest step of the clock",
        metric="timer_resolution",
        unit=metrics.SECONDS,
        judge=judges.judge_resolution,
    ),
    Figure(title="Cost of reading it", metric="timer_cost", unit=metrics.SECONDS, judge=judges.judge_timer_cost),
    Figure(
        title="Known duration, read wrong by",
        metric="known_time_error",
        unit=metrics.RATIO,
        judge=judges.judge_known_time,
    ),
    Figure(title="A call of nothing reads", metric="round_overhead", unit=metrics.SECONDS, judge=judges.judge_overhead),
    Figure(
        title="Known multiply-accumulates, counted wrong by",
        metric="known_macs_error",
        unit=metrics.RATIO,
        value_of=derive.furthest,
        judge=judges.judge_known_macs,
    ),
    Figure(title="Multiply-accumulates a second", metric="product_rate", unit=metrics.COUNT),
    Figure(
        title="Rate of each thread, of that of one alone",
        metric="thread_efficiency",
        unit=metrics.RATIO,
        judge=judges.judge_threads,
    ),
    Figure(
        title="Known allocation, measured wrong by",
        metric="known_bytes_error",
        unit=metrics.RATIO,
        value_of=derive.furthest,
        judge=judges.judge_known_bytes,
    ),
    Figure(
        title="Page faults a call, heap retained",
        metric="faults_retained",
        unit=metrics.COUNT,
        judge=judges.judge_retained,
    ),
    Figure(
        title="Page faults a call, system's heap",
        metric="faults_system",
        unit=metrics.COUNT,
        judge=judges.judge_system,
    ),
    Figure(
        title="Median pace behind the best",
        metric="pace",
        unit=metrics.RATIO,
        value_of=derive.pace_ratio,
        judge=judges.judge_pace,
        is_headline=True,
    ),
    Figure(
        title=f"Time slower than {derive.SLOW_RATIO:g} × the best",
        metric="pace",
        unit=metrics.RATIO,
        value_of=derive.slow_share,
        judge=judges.judge_slow_share,
    ),
    Figure(
        title="Drift of the pace", metric="pace", unit=metrics.RATIO, value_of=derive.drift, judge=judges.judge_drift
    ),
    Figure(
        title=f"Launching slower than {derive.SLOW_RATIO:g} × the best",
        metric="launch_pace",
        unit=metrics.RATIO,
        value_of=derive.slow_share,
        judge=judges.judge_launching,
    ),
    Figure(title="Time given to other machines", metric="steal", unit=metrics.RATIO, judge=judges.judge_steal),
    Figure(
        title="Noise floor: the same case twice",
        metric="repeated_latency",
        unit=metrics.RATIO,
        value_of=derive.noise_floor,
        judge=judges.judge_noise,
        is_headline=True,
    ),
    Figure(
        title="Spread between processes",
        metric="repeated_latency",
        unit=metrics.RATIO,
        value_of=derive.process_spread,
        judge=judges.judge_spread,
        is_headline=True,
    ),
)


def findings_of(measurements: Iterable[Measurement]) -> tuple[Finding, ...]:
    """What all judges say, in the order of the table."""
    by_metric = {measurement.metric: measurement for measurement in measurements}
    judged = (figure.judged(by_metric[figure.metric]) for figure in FIGURES if figure.metric in by_metric)
    return tuple(finding for findings in judged for finding in findings)


def read_figures(calibration: Calibration) -> tuple[Reading, ...]:
    """Every figure of which the calibration says anything, in the order of the table."""
    measured = {measurement.metric: measurement for measurement in calibration.measurements}
    missing = {unavailable.metric: unavailable.reason for unavailable in calibration.unavailable}
    return tuple(
        _read(figure, measured.get(figure.metric), missing.get(figure.metric, ""))
        for figure in FIGURES
        if figure.metric in measured or figure.metric in missing
    )


def _read(figure: Figure, measurement: Measurement | None, reason: str) -> Reading:
    if measurement is None:
        text = f"not available: {reason}"
        return Reading(title=figure.title, text=text, is_headline=figure.is_headline)
    findings = figure.judged(measurement)
    return Reading(
        title=figure.title,
        text=format_quantity(figure.value_of(measurement), figure.unit),
        findings=findings,
        is_good=figure.judge is not None and not findings,
        is_headline=figure.is_headline,
    )
