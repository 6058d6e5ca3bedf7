"""Judges of a calibration: each takes one measurement and says what to change. Their texts are in `findings`.

A threshold is what would spoil the ±2 % at 95 % that a run asks for by default (`zoobench.cases.Budget`), unless its
own reason is given.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence

import msgspec

from zoobench.cases import format_percent, format_quantity, format_seconds
from zoobench.records import Calibration, Finding, Measurement, Severity, metrics
from zoobench.stats.findings import MANY_PAGE_FAULTS
from zoobench.stats.summaries import split

# From the raw samples of a calibration to its figures: pure functions.


SLOW_RATIO = 1.05
"""A piece of work is slow if it takes this many times the best: more than the ±2 % that a run asks for, twice over."""


def typical(measurement: Measurement) -> float:
    """The median of all samples."""
    return statistics.median(measurement.samples)


def mean(measurement: Measurement) -> float:
    """Of all samples: of 0 and 1, the share of 1."""
    return statistics.fmean(measurement.samples)


def furthest(measurement: Measurement) -> float:
    """The sample furthest from 0, of what should be 0 exactly."""
    return max(measurement.samples, key=abs)


def block_medians(measurement: Measurement) -> tuple[float, ...]:
    """The median of each block; in `repeated_latency` a block is a process."""
    sizes = measurement.block_sizes or (len(measurement.samples),)
    return tuple(map(statistics.median, split(measurement.samples, sizes)))


def noise_ratios(measurement: Measurement) -> tuple[float, ...]:
    """How far two processes that measured the same case are apart, |a - b| over their mean; a pair is used once."""
    medians = block_medians(measurement)
    pairs = zip(medians[::2], medians[1::2], strict=False)
    return tuple(abs(first - second) / ((first + second) / 2) for first, second in pairs)


def noise_floor(measurement: Measurement) -> float:
    """The median of `noise_ratios`: half of such pairs are further apart. NaN for a single process."""
    ratios = noise_ratios(measurement)
    return statistics.median(ratios) if ratios else math.nan


def process_spread(measurement: Measurement) -> float:
    """Coefficient of variation of the processes' medians, with n - 1 (Bessel). NaN for a single process."""
    medians = block_medians(measurement)
    return statistics.stdev(medians) / statistics.fmean(medians) if len(medians) > 1 else math.nan


def pace_ratio(measurement: Measurement) -> float:
    """How much longer the median piece of work takes than the best, less 1."""
    return typical(measurement) / min(measurement.samples) - 1


def slow_share(measurement: Measurement) -> float:
    """Share of the time that went into pieces slower than `SLOW_RATIO` times the best."""
    limit = SLOW_RATIO * min(measurement.samples)
    return sum(sample for sample in measurement.samples if sample > limit) / sum(measurement.samples)


def slowest_tenth(measurement: Measurement) -> float:
    """How much longer than the best a tenth of the pieces take at least, less 1."""
    ranked = sorted(measurement.samples)
    return ranked[-math.ceil(len(ranked) / 10)] / ranked[0] - 1


def drift(measurement: Measurement) -> float:
    """How much longer the median piece of the last third takes than that of the first third, less 1."""
    first, last = _outer_thirds(measurement.samples)
    return statistics.median(last) / statistics.median(first) - 1


def _outer_thirds(samples: Sequence[float]) -> tuple[Sequence[float], Sequence[float]]:
    third = max(1, len(samples) // 3)
    return samples[:third], samples[-third:]


ASKED_RATIO = 0.02
"""The precision that a run asks for."""

MOST_OTHER_LOAD = 0.05
"""A twentieth of all processors: of two, a tenth of one, which a call on both waits for."""

MOST_STEAL = 0.01
"""A hundredth of the time: half of the precision asked for, and it comes in bursts."""

COARSEST_STEP_S = 1e-6
"""A thousandth of a call of 1 ms, about the shortest of the listed zoo's images of 224 pixels."""

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

LARGEST_PACE_RATIO = SLOW_RATIO - 1
LARGEST_SLOW_SHARE = 0.25
"""A quarter of the time: the upper quartile is then of slow pieces, and the interval of a median reaches for them."""

LARGEST_DRIFT = ASKED_RATIO

Findings = Iterable[Finding]


def judge_other_load(measurement: Measurement) -> Findings:
    """Of `other_load`."""
    share = typical(measurement)
    if share > MOST_OTHER_LOAD:
        yield _warning("other-load", share=format_percent(share))


def judge_governor(measurement: Measurement) -> Findings:
    """Of `performance_governor`: one sample a processor."""
    share = mean(measurement)
    if share < 1:
        yield _warning("governor", share=format_percent(1 - share, digits=0))


def judge_cores(measurement: Measurement) -> Findings:
    """Of `threads_a_core`."""
    threads = typical(measurement)
    if threads > 1:
        yield _note("smt-siblings", threads=f"{threads:g}")


def judge_allowed_share(measurement: Measurement) -> Findings:
    """Of `allowed_share`."""
    share = typical(measurement)
    if share < 1:
        yield _warning("processor-quota", share=format_percent(share, digits=0))


def judge_resolution(measurement: Measurement) -> Findings:
    """Of `timer_resolution`."""
    step_s = typical(measurement)
    if step_s > COARSEST_STEP_S:
        yield _warning("coarse-clock", step=format_seconds(step_s), shortest=format_seconds(step_s / ASKED_RATIO))


def judge_timer_cost(measurement: Measurement) -> Findings:
    """Of `timer_cost`."""
    cost_s = typical(measurement)
    if cost_s > DEAREST_READING_S:
        yield _warning("slow-clock", cost=format_seconds(cost_s))


def judge_known_time(measurement: Measurement) -> Findings:
    """Of `known_time_error`."""
    error = typical(measurement)
    if abs(error) > LARGEST_TIME_ERROR:
        yield _warning("wrong-time", error=_signed(error))


def judge_known_macs(measurement: Measurement) -> Findings:
    """Of `known_macs_error`, which is exactly 0 or wrong."""
    error = furthest(measurement)
    if error:
        yield _warning("wrong-count", error=_signed(error))


def judge_known_bytes(measurement: Measurement) -> Findings:
    """Of `known_bytes_error`, which is exactly 0 or wrong."""
    error = furthest(measurement)
    if error:
        yield _warning("wrong-memory", error=_signed(error))


def judge_overhead(measurement: Measurement) -> Findings:
    """Of `round_overhead`."""
    overhead_s = typical(measurement)
    if overhead_s > LARGEST_OVERHEAD_S:
        shortest = format_seconds(overhead_s / LARGEST_TIME_ERROR)
        yield _warning("slow-rounds", overhead=format_seconds(overhead_s), shortest=shortest)


def judge_threads(measurement: Measurement) -> Findings:
    """Of `thread_efficiency`."""
    efficiency = typical(measurement)
    if efficiency < LEAST_THREAD_EFFICIENCY:
        yield _warning("threads-in-vain", efficiency=format_percent(efficiency, digits=0))


def judge_retained(measurement: Measurement) -> Findings:
    """Of `faults_retained`."""
    faults = typical(measurement)
    if faults > MANY_PAGE_FAULTS:
        yield _warning("heap-not-kept", faults=faults)


def judge_system(measurement: Measurement) -> Findings:
    """Of `faults_system`: nothing to change, since it is not the default, but to be known."""
    faults = typical(measurement)
    if faults > MANY_PAGE_FAULTS:
        yield _note("system-heap", faults=faults)


def judge_pace(measurement: Measurement) -> Findings:
    """Of `pace`, by its median."""
    ratio = pace_ratio(measurement)
    if ratio > LARGEST_PACE_RATIO:
        yield _warning("slow-pace", ratio=format_percent(ratio))


def judge_slow_share(measurement: Measurement) -> Findings:
    """Of `pace`, by its slow pieces."""
    share = slow_share(measurement)
    if share > LARGEST_SLOW_SHARE:
        yield _warning("slow-spells", share=format_percent(share, digits=0))


def judge_launching(measurement: Measurement) -> Findings:
    """Of `launch_pace`, by its slow pieces."""
    share = slow_share(measurement)
    if share > LARGEST_SLOW_SHARE:
        ratio = format_percent(slowest_tenth(measurement), digits=0)
        yield _warning("slow-launching", share=format_percent(share, digits=0), ratio=ratio)


def judge_drift(measurement: Measurement) -> Findings:
    """Of `pace`, by its thirds."""
    ratio = drift(measurement)
    if abs(ratio) > LARGEST_DRIFT:
        yield _warning("drifting", ratio=format_percent(abs(ratio)), way="slower" if ratio > 0 else "faster")


def judge_steal(measurement: Measurement) -> Findings:
    """Of `steal`."""
    share = typical(measurement)
    if share > MOST_STEAL:
        yield _warning("steal", share=format_percent(share))


def judge_noise(measurement: Measurement) -> Findings:
    """Of `repeated_latency`, by pairs of processes."""
    floor = noise_floor(measurement)
    if not math.isnan(floor) and floor > LARGEST_NOISE:
        largest = max(noise_ratios(measurement))
        yield _warning("noise-floor", floor=format_percent(floor), largest=format_percent(largest))


def judge_spread(measurement: Measurement) -> Findings:
    """Of `repeated_latency`, by all processes."""
    spread = process_spread(measurement)
    if not math.isnan(spread) and spread > LARGEST_SPREAD:
        processes = len(block_medians(measurement))
        yield _warning("process-spread", spread=format_percent(spread), processes=processes)


def _warning(code: str, **values: float | str) -> Finding:
    return Finding(code=code, severity=Severity.WARNING, values=values)


def _note(code: str, **values: float | str) -> Finding:
    return Finding(code=code, severity=Severity.NOTE, values=values)


def _signed(ratio: float) -> str:
    return f"{'+' if ratio > 0 else ''}{format_percent(ratio)}"


# One table of a calibration's figures: each is derived from one measurement, and judged from it.


class CalibrationFigure(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table. `unit` is how the derived value is printed; a headline figure stands in every report.

    One without a judge is only shown: no value of it is good or bad in itself.
    """

    title: str
    metric: str
    unit: str
    value_of: Callable[[Measurement], float] = typical
    judge: Callable[[Measurement], Iterable[Finding]] | None = None
    is_headline: bool = False

    def judged(self, measurement: Measurement) -> tuple[Finding, ...]:
        """What its judge says, if it has one."""
        return tuple(self.judge(measurement)) if self.judge else ()


class CalibrationReading(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of one calibration as text, or why there is none, and what was found about it."""

    title: str
    text: str
    findings: tuple[Finding, ...] = ()
    is_good: bool = False
    is_headline: bool = False


FIGURES = (
    CalibrationFigure(
        title="Processor time of others", metric="other_load", unit=metrics.RATIO, judge=judge_other_load
    ),
    CalibrationFigure(title="Load of the last minute", metric="load_average", unit=metrics.COUNT),
    CalibrationFigure(
        title="Processors at a fixed clock",
        metric="performance_governor",
        unit=metrics.RATIO,
        value_of=mean,
        judge=judge_governor,
    ),
    CalibrationFigure(title="Threads a core", metric="threads_a_core", unit=metrics.COUNT, judge=judge_cores),
    CalibrationFigure(
        title="Processors allowed by the container",
        metric="allowed_share",
        unit=metrics.RATIO,
        judge=judge_allowed_share,
    ),
    CalibrationFigure(
        title="Smallest step of the clock",
        metric="timer_resolution",
        unit=metrics.SECONDS,
        judge=judge_resolution,
    ),
    CalibrationFigure(title="Cost of reading it", metric="timer_cost", unit=metrics.SECONDS, judge=judge_timer_cost),
    CalibrationFigure(
        title="Known duration, read wrong by",
        metric="known_time_error",
        unit=metrics.RATIO,
        judge=judge_known_time,
    ),
    CalibrationFigure(
        title="A call of nothing reads", metric="round_overhead", unit=metrics.SECONDS, judge=judge_overhead
    ),
    CalibrationFigure(
        title="Known multiply-accumulates, counted wrong by",
        metric="known_macs_error",
        unit=metrics.RATIO,
        value_of=furthest,
        judge=judge_known_macs,
    ),
    CalibrationFigure(title="Multiply-accumulates a second", metric="product_rate", unit=metrics.COUNT),
    CalibrationFigure(
        title="Rate of each thread, of that of one alone",
        metric="thread_efficiency",
        unit=metrics.RATIO,
        judge=judge_threads,
    ),
    CalibrationFigure(
        title="Known allocation, measured wrong by",
        metric="known_bytes_error",
        unit=metrics.RATIO,
        value_of=furthest,
        judge=judge_known_bytes,
    ),
    CalibrationFigure(
        title="Page faults a call, heap retained",
        metric="faults_retained",
        unit=metrics.COUNT,
        judge=judge_retained,
    ),
    CalibrationFigure(
        title="Page faults a call, system's heap",
        metric="faults_system",
        unit=metrics.COUNT,
        judge=judge_system,
    ),
    CalibrationFigure(
        title="Median pace behind the best",
        metric="pace",
        unit=metrics.RATIO,
        value_of=pace_ratio,
        judge=judge_pace,
        is_headline=True,
    ),
    CalibrationFigure(
        title=f"Time slower than {SLOW_RATIO:g} × the best",
        metric="pace",
        unit=metrics.RATIO,
        value_of=slow_share,
        judge=judge_slow_share,
    ),
    CalibrationFigure(title="Drift of the pace", metric="pace", unit=metrics.RATIO, value_of=drift, judge=judge_drift),
    CalibrationFigure(
        title=f"Launching slower than {SLOW_RATIO:g} × the best",
        metric="launch_pace",
        unit=metrics.RATIO,
        value_of=slow_share,
        judge=judge_launching,
    ),
    CalibrationFigure(title="Time given to other machines", metric="steal", unit=metrics.RATIO, judge=judge_steal),
    CalibrationFigure(
        title="Noise floor: the same case twice",
        metric="repeated_latency",
        unit=metrics.RATIO,
        value_of=noise_floor,
        judge=judge_noise,
        is_headline=True,
    ),
    CalibrationFigure(
        title="Spread between processes",
        metric="repeated_latency",
        unit=metrics.RATIO,
        value_of=process_spread,
        judge=judge_spread,
        is_headline=True,
    ),
)


def findings_of(measurements: Iterable[Measurement]) -> tuple[Finding, ...]:
    """What all judges say, in the order of the table."""
    by_metric = {measurement.metric: measurement for measurement in measurements}
    judged = (figure.judged(by_metric[figure.metric]) for figure in FIGURES if figure.metric in by_metric)
    return tuple(finding for findings in judged for finding in findings)


def read_figures(calibration: Calibration) -> tuple[CalibrationReading, ...]:
    """Every figure of which the calibration says anything, in the order of the table."""
    measured = {measurement.metric: measurement for measurement in calibration.measurements}
    missing = {unavailable.metric: unavailable.reason for unavailable in calibration.unavailable}
    return tuple(
        _read(figure, measured.get(figure.metric), missing.get(figure.metric, ""))
        for figure in FIGURES
        if figure.metric in measured or figure.metric in missing
    )


def _read(figure: CalibrationFigure, measurement: Measurement | None, reason: str) -> CalibrationReading:
    if measurement is None:
        text = f"not available: {reason}"
        return CalibrationReading(title=figure.title, text=text, is_headline=figure.is_headline)
    findings = figure.judged(measurement)
    return CalibrationReading(
        title=figure.title,
        text=format_quantity(figure.value_of(measurement), figure.unit),
        findings=findings,
        is_good=figure.judge is not None and not findings,
        is_headline=figure.is_headline,
    )
