"""What trials found: a trial is one call at one batch, watched in a process of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from zoobench.isolate import was_killed
from zoobench.records import Failure, FailureKind, Measurement, Unavailable
from zoobench.units import format_bytes

PEAK = "peak_allocated"
TRIAL = "trial"
"""The step of a worker in which the call is made."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a batch fits. `peak_bytes` is what its call took, None if it did not get that far, for this `reason`."""

    batch: int
    fits: bool
    peak_bytes: int | None = None
    reason: str = ""

    def describe(self) -> str:
        """In a few words."""
        found = self.reason if self.peak_bytes is None else f"takes {format_bytes(self.peak_bytes)}"
        return f"batch {self.batch} {found}"


class TrialFailedError(Exception):
    """A trial that says nothing about memory: the model is broken, or no end was seen."""

    def __init__(self, batch: int, failure: Failure) -> None:
        super().__init__(failure.message)
        self.batch = batch
        self.failure = failure


def judge_trial(batch: int, limit_bytes: int, parts: Iterable[object], failure: Failure | None) -> Trial:
    """What a worker told, and how it ended, as a verdict.

    Raises: TrialFailedError for a failure that is not one of memory.
    """
    told = list(parts)
    failure = failure or next((part for part in told if isinstance(part, Failure)), None)
    if failure is not None:
        if not _is_of_memory(failure):
            raise TrialFailedError(batch, failure)
        return Trial(batch=batch, fits=False, reason=f"ended with {failure.kind}: {failure.message}")
    peak = next(part for part in told if isinstance(part, (Measurement, Unavailable)) and part.metric == PEAK)
    if isinstance(peak, Unavailable):
        return Trial(batch=batch, fits=False, reason=peak.reason)
    peak_bytes = int(peak.samples[0])
    return Trial(batch=batch, fits=peak_bytes <= limit_bytes, peak_bytes=peak_bytes)


def most_bytes(batch: int, trials: Iterable[Trial]) -> int | None:
    """What a batch needs at most, judging by smaller ones: in proportion, since weights are not needed twice.

    None if no smaller batch was measured.
    """
    bounds = [
        -(-trial.peak_bytes * batch // trial.batch) for trial in trials if trial.peak_bytes and trial.batch <= batch
    ]
    return min(bounds, default=None)


def expected_edge(limit_bytes: int, trials: Iterable[Trial]) -> int | None:
    """The last batch within the limit on the line through the two measured trials that came nearest to it.

    None without two, or where the larger batch does not take more.
    """
    measured = [(trial.batch, trial.peak_bytes) for trial in trials if trial.peak_bytes is not None]
    nearest = sorted(measured, key=lambda point: abs(point[1] - limit_bytes))[:2]
    if len(nearest) < 2:  # noqa: PLR2004 - a line has two points
        return None
    (low, low_bytes), (high, high_bytes) = sorted(nearest)
    if high_bytes <= low_bytes:
        return None
    return low + (limit_bytes - low_bytes) * (high - low) // (high_bytes - low_bytes)


class Line(NamedTuple):
    """Peak memory as a straight line over the batch: bytes a further image adds, and bytes at none.

    `worst_ratio` is the largest distance of a trial from it, as a ratio of the trial's bytes.
    """

    slope_bytes: float
    intercept_bytes: float
    worst_ratio: float
    trials: int


def fit_line(trials: Sequence[Trial]) -> Line | None:
    """Least squares through the measured trials from batch 2 up; None with fewer than two of them.

    A batch of one is left out: kernels treat it apart (a matrix product becomes one of a vector, another dimension
    is threaded over), so it does not lie on the line of the others.
    """
    points = [(trial.batch, trial.peak_bytes) for trial in trials if trial.batch > 1 and trial.peak_bytes is not None]
    if len(points) < 2:  # noqa: PLR2004 - a line has two points
        return None
    batches, peaks = np.array(points, dtype=np.float64).T
    slope, intercept = np.polyfit(batches, peaks, 1)
    worst = float(np.max(np.abs(slope * batches + intercept - peaks) / peaks))
    return Line(float(slope), float(intercept), worst, len(points))


def _is_of_memory(failure: Failure) -> bool:
    return failure.kind is FailureKind.OUT_OF_MEMORY or (was_killed(failure) and failure.where == TRIAL)
