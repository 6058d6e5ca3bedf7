"""From the raw samples of a calibration to its figures: pure functions."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from zoobench.records import Measurement
from zoobench.summaries import split

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
