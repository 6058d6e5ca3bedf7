"""The capacity of one case: the search, and then the ordinary measurement at the batch that it found."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from zoobench.capacity.search import LARGEST_BATCH, halfway, largest_fitting
from zoobench.capacity.trials import (
    PEAK,
    Line,
    Trial,
    TrialFailedError,
    expected_edge,
    fit_line,
    judge_trial,
    most_bytes,
)
from zoobench.cases import Allocator, Budget, Case
from zoobench.errors import BadInputError, ZoobenchError
from zoobench.isolate import Task
from zoobench.parts import assemble
from zoobench.records import Breakdown, CaseRecord, Measurement, Unavailable
from zoobench.session import Lab, Recorder, Session
from zoobench.units import format_bytes, format_percent

TRY = "zoobench.capacity.attempt:try_batch"
FREE_MEMORY = "zoobench.capacity.attempt:tell_free_memory"
_FREE_MEMORY_LIMIT_S = 60.0

BUDGET = Budget(precision_target=0.05, max_rounds=200, min_s=0.5, max_s=15.0, max_warmup_s=1.0)
"""Of the measurement at the answer, whose single call may take seconds. Its time limit is each trial's too."""

KEPT_HEAP_RATIO = 3.0
"""What a process with a kept heap takes at most, over what its tensors need at once: freed pieces that no later tensor
fits into add up. Seen: 1.2 to 2.9 (lenet5, training at batch 16000: 3.0 GiB for 1.1); given back: 1.1."""

_BY_BATCH = "batch"

Result = Measurement | Unavailable
Watch = Callable[[Trial], None]


class Limit(NamedTuple):
    """Bytes that a call may take, and what the device could give when the search began."""

    size_bytes: int
    free_bytes: int
    method: str

    @property
    def measurement(self) -> Measurement:
        """The limit as it is recorded."""
        return Measurement(metric="memory_limit", samples=(float(self.size_bytes),), method=self.method)


def memory_limit(lab: Lab, device: str, asked_bytes: int | None) -> Limit:
    """The limit that was asked for, else all that the device can give.

    Raises: BadInputError if more is asked for than there is, ZoobenchError if the device cannot be asked.
    """
    told: list[object] = []
    failure = lab.executor.run(Task(FREE_MEMORY, (device,)), told.append, _FREE_MEMORY_LIMIT_S)
    free_bytes = next((part for part in told if isinstance(part, int)), None)
    if free_bytes is None:
        raise ZoobenchError(f"{device} does not tell its free memory: {failure.message if failure else 'no answer'}")
    if asked_bytes is None:
        return Limit(free_bytes, free_bytes, "what the device could give when the search began")
    if asked_bytes > free_bytes:
        most = format_bytes(free_bytes)
        raise BadInputError(f"memory limit {format_bytes(asked_bytes)} is more than the {most} that {device} can give")
    return Limit(asked_bytes, free_bytes, "as asked for")


def measure_capacity(
    lab: Lab,
    case: Case,
    limit: Limit,
    *,
    most: int = LARGEST_BATCH,
    budget: Budget = BUDGET,
    watch: Watch = lambda _: None,
) -> CaseRecord:
    """The largest batch of the case that fits the limit, with what the case measures there.

    The record is of the case at that batch; if not even one image fits, of one image, without a call. If a trial fails
    for another reason than memory, it is of the case in which it did, with that failure.
    """
    began_s, started_at = time.monotonic(), dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    oracle = _Oracle(lab, case, limit.size_bytes, budget, watch)
    try:
        batch = largest_fitting(oracle.fits, most=most, guess=oracle.guess)
    except TrialFailedError as error:
        parts: list[object] = [error.failure, *_unavailable(f"the search ended early: batch {error.batch} failed")]
        record = _unmeasured(_at(case, error.batch), budget, parts, started_at)
    else:
        record = _unmeasured(case, budget, [], started_at)
        if batch:
            record = _at_answer(lab, _with_safe_heap(_at(case, batch), oracle.trials, limit), budget)
        record = _with_results(record, _results(batch, oracle.trials))
    record = _with_results(record, [limit.measurement], _breakdowns(oracle.trials))
    return msgspec.structs.replace(record, started_at=started_at, duration_s=round(time.monotonic() - began_s, 3))


class _Oracle:
    """Tries batches, each in a process of its own, and keeps what was found."""

    def __init__(self, lab: Lab, case: Case, limit_bytes: int, budget: Budget, watch: Watch) -> None:
        self._lab = lab
        self._case = case
        self._limit_bytes = limit_bytes
        self._time_limit_s = budget.time_limit_s
        self._watch = watch
        self.trials: list[Trial] = []

    def fits(self, batch: int) -> bool:
        """Raises: TrialFailedError."""
        parts: list[object] = []
        task = Task(TRY, (_at(self._case, batch), self._limit_bytes, most_bytes(batch, self.trials)))
        failure = self._lab.executor.run(task, parts.append, self._time_limit_s)
        trial = judge_trial(batch, self._limit_bytes, parts, failure)
        self.trials.append(trial)
        self._watch(trial)
        return trial.fits

    def guess(self, fitting: int, too_large: int) -> int:
        """Memory is near enough a straight line over the batch to know where it meets the limit."""
        edge = expected_edge(self._limit_bytes, self.trials)
        return halfway(fitting, too_large) if edge is None else edge


def _at(case: Case, batch: int) -> Case:
    return msgspec.structs.replace(case, batch=batch)


def _with_safe_heap(case: Case, trials: list[Trial], limit: Limit) -> Case:
    """The case with its heap kept only where the machine has room for that, if its tensors are in the heap at all."""
    peak_bytes = next(trial.peak_bytes or 0 for trial in trials if trial.batch == case.batch)
    if case.device != "cpu" or KEPT_HEAP_RATIO * peak_bytes <= limit.free_bytes:
        return case
    return msgspec.structs.replace(case, allocator=Allocator.SYSTEM)


def _at_answer(lab: Lab, case: Case, budget: Budget) -> CaseRecord:
    """A session of its own: no other case's latency forecasts that this one's calls are too long to be tried."""
    return Session(lab, Recorder()).measure(case, budget, is_planned=True)


def _unmeasured(case: Case, budget: Budget, parts: list[object], started_at: str) -> CaseRecord:
    return assemble(case, budget, parts, started_at=started_at, duration_s=0.0, is_planned=True)


def _with_results(record: CaseRecord, results: list[Result], breakdowns: tuple[Breakdown, ...] = ()) -> CaseRecord:
    return msgspec.structs.replace(
        record,
        measurements=(*record.measurements, *(each for each in results if isinstance(each, Measurement))),
        unavailable=(*record.unavailable, *(each for each in results if isinstance(each, Unavailable))),
        breakdowns=(*record.breakdowns, *breakdowns),
    )


def _results(batch: int, trials: list[Trial]) -> list[Result]:
    if not batch:
        (first,) = trials
        latency = Unavailable(metric="latency", reason="not one image fits the memory limit")
        return [*_peak(first), latency, *_unavailable(f"not one image fits the memory limit: {first.describe()}")]
    method = f"doubling and bisection, {len(trials)} trials, each in a process of its own; {_edge(batch, trials)}"
    return [Measurement(metric="capacity", samples=(float(batch),), method=method), *_line(fit_line(trials))]


def _edge(batch: int, trials: list[Trial]) -> str:
    """What was found at the answer and at one more."""
    found = {trial.batch: trial.describe() for trial in trials}
    return f"{found[batch]}; {found.get(batch + 1, 'no larger one was asked for')}"


def _peak(trial: Trial) -> list[Result]:
    if trial.peak_bytes is None:
        return [Unavailable(metric=PEAK, reason=trial.reason)]
    return [Measurement(metric=PEAK, samples=(float(trial.peak_bytes),), method="watched call of the trial")]


def _line(line: Line | None) -> list[Result]:
    metrics = ("memory_slope", "memory_intercept")
    if line is None:
        reason = "a line takes two measured trials at batch 2 or more"
        return [Unavailable(metric=metric, reason=reason) for metric in metrics]
    method = (
        f"least squares through the {line.trials} measured trials from batch 2 up; "
        f"farthest off by {format_percent(line.worst_ratio, digits=2)}"
    )
    values = (line.slope_bytes, line.intercept_bytes)
    pairs = zip(metrics, values, strict=True)
    return [Measurement(metric=metric, samples=(value,), method=method) for metric, value in pairs]


def _unavailable(reason: str) -> list[Result]:
    return [Unavailable(metric=metric, reason=reason) for metric in ("capacity", "memory_slope", "memory_intercept")]


def _breakdowns(trials: list[Trial]) -> tuple[Breakdown, ...]:
    """All trials: the peak of each that has one, and 1 for each that fits, 0 for each that does not."""
    ordered = sorted(trials, key=lambda trial: trial.batch)
    peaks = {str(trial.batch): float(trial.peak_bytes) for trial in ordered if trial.peak_bytes is not None}
    without = [trial.describe() for trial in ordered if trial.peak_bytes is None]
    method = "; ".join(["a call of each batch, watched in a process of its own", *without])
    verdicts = {str(trial.batch): float(trial.fits) for trial in ordered}
    return (
        Breakdown(metric=PEAK, by=_BY_BATCH, values=peaks, method=method),
        Breakdown(metric="capacity", by=_BY_BATCH, values=verdicts, method="1 fits, 0 does not"),
    )
