"""From samples to summaries: pure functions, no state, no torch."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import msgspec
import numpy as np

CONFIDENCE = 0.95


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What samples come to: the median, and an interval of it (None where the samples are too few for one)."""

    n: int
    median: float
    low: float | None
    high: float | None

    @property
    def half_width_ratio(self) -> float | None:
        """Half the interval's width, as a ratio of the median."""
        if self.low is None or self.high is None or self.median == 0:
            return None
        return (self.high - self.low) / 2 / abs(self.median)


def summarize(samples: Sequence[float], confidence: float = CONFIDENCE) -> Summary:
    """Median, and its distribution-free interval between two order statistics of the samples.

    The interval speaks of calls like these in this process; another process is another draw (method: several
    processes, or shuffled memory layouts, tell that spread).
    Raises: ValueError without samples.
    """
    if len(samples) == 0:
        raise ValueError("no samples, no summary")
    ordered = sorted(map(float, samples))  # a report summarises 10⁵ short tuples: numpy takes ten times as long
    n = len(ordered)
    rank = median_rank(n, confidence)
    return Summary(
        n=n,
        median=(ordered[(n - 1) // 2] + ordered[n // 2]) / 2,
        low=None if rank is None else ordered[rank],
        high=None if rank is None else ordered[n - 1 - rank],
    )


@functools.cache
def median_rank(n: int, confidence: float = CONFIDENCE) -> int | None:
    """The largest r for which the r-th smallest and r-th largest of n samples (from 0) hold the median.

    They do with probability 1 - 2 P(B ≤ r), B binomial (n, ½), at least `confidence`; None if no pair does
    (n < 6 at 95 %). David and Nagaraja, Order Statistics, 3rd edition, section 7.1.
    """
    tail = (1 - confidence) / 2
    probabilities = _binomial_half(n)
    inside = int(np.searchsorted(np.cumsum(probabilities), tail, side="right"))
    return inside - 1 if inside >= 1 else None


def _binomial_half(n: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """P(B = k) for k = 0 … n, B binomial (n, ½): logarithms, since 2⁻ⁿ underflows at n = 1075."""
    steps = np.arange(1, n + 1, dtype=np.float64)
    log_choose = np.concatenate(([0.0], np.cumsum(np.log(n + 1 - steps) - np.log(steps))))
    probabilities: np.ndarray[tuple[int], np.dtype[np.float64]] = np.exp(log_choose - n * np.log(2.0))
    return probabilities
