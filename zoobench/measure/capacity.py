"""The capacity of one case: the search, and then the ordinary measurement at the batch that it found."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from zoobench.cases import Allocator, BadInputError, Budget, Case, ZoobenchError, format_bytes, format_percent
from zoobench.measure import tasks
from zoobench.measure.executor import Task, was_killed
from zoobench.measure.messages import PEAK, TRIAL, WorkerResults, assemble
from zoobench.measure.replication import run_task
from zoobench.measure.session import Machine, Recorder, Session
from zoobench.records import Breakdown, CaseRecord, Failure, FailureKind, Measurement, MetricResult, Unavailable

# The search itself: whole numbers and an oracle, nothing else.


Fits = Callable[[int], bool]
"""Whether a batch fits. The answer is expensive: no batch is tried twice."""

Guess = Callable[[int, int], int]
"""Where to divide what lies between a batch that fits and a larger one that does not."""

LARGEST_BATCH = 2**16
"""Where a search ends that has met no limit, if nobody says otherwise."""

GUESSES = 4
"""So many divisions are where the guess says, those after them in the middle: a bad guess costs no more than these."""


def halfway(fitting: int, too_large: int) -> int:
    """The middle: what is best without an idea of the answer."""
    return (fitting + too_large) // 2


def largest_fitting(fits: Fits, *, most: int, guess: Guess = halfway) -> int:
    """The largest batch that fits, by doubling and then bisection: 0 if one image does not, `most` if that many do.

    Of the answer it is known by asking that it fits, and of one more, unless the answer is `most`, that it does not.
    For an answer n it asks at most 2 log₂(n) + 2 times, and `GUESSES` times more if every guess is bad; if the first
    one is right, only twice after doubling.

    Memory need not grow with every image: a kernel may take another algorithm at another batch. Where some batch fits
    although a smaller one does not, the answer is still such an edge (n fits, n + 1 does not), the one that the search
    comes to; what fits beyond it is not looked for, since a user who needs it there cannot rely on it.
    """
    fitting, batch = 0, 1
    while fits(batch):
        fitting = batch
        if batch == most:
            return most
        batch = min(2 * batch, most)
    return _divide(fits, fitting, batch, guess)


def _divide(fits: Fits, fitting: int, too_large: int, guess: Guess) -> int:
    guesses_left = GUESSES
    while too_large - fitting > 1:
        where = guess(fitting, too_large) if guesses_left > 0 else halfway(fitting, too_large)
        guesses_left -= 1
        batch = min(max(where, fitting + 1), too_large - 1)
        if fits(batch):
            fitting = batch
        else:
            too_large = batch
    return fitting


# What trials found: a trial is one call at one batch, watched in a process of its own.


class CapacityTrial(msgspec.Struct, frozen=True, kw_only=True):
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


def judge_trial(batch: int, limit_bytes: int, results: WorkerResults) -> CapacityTrial:
    """The verdict on what a worker sent, and on how it ended.

    Raises: TrialFailedError for a failure that is not one of memory.
    """
    if results.failures:
        failure = results.failures[-1]
        if not _is_of_memory(failure):
            raise TrialFailedError(batch, failure)
        return CapacityTrial(batch=batch, fits=False, reason=f"ended with {failure.kind}: {failure.message}")
    peak = results.measurement(PEAK)
    if peak is None:
        reason = next(each.reason for each in results.unavailable if each.metric == PEAK)
        return CapacityTrial(batch=batch, fits=False, reason=reason)
    peak_bytes = int(peak.samples[0])
    return CapacityTrial(batch=batch, fits=peak_bytes <= limit_bytes, peak_bytes=peak_bytes)


def most_bytes(batch: int, trials: Iterable[CapacityTrial]) -> int | None:
    """What a batch needs at most, judging by smaller ones: in proportion, since weights are not needed twice.

    None if no smaller batch was measured.
    """
    bounds = [
        -(-trial.peak_bytes * batch // trial.batch) for trial in trials if trial.peak_bytes and trial.batch <= batch
    ]
    return min(bounds, default=None)


def expected_edge(limit_bytes: int, trials: Iterable[CapacityTrial]) -> int | None:
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


class MemoryLine(NamedTuple):
    """Peak memory as a straight line over the batch: bytes a further image adds, and bytes at none.

    `worst_ratio` is the largest distance of a trial from it, as a ratio of the trial's bytes.
    """

    slope_bytes: float
    intercept_bytes: float
    worst_ratio: float
    trials: int


def fit_line(trials: Sequence[CapacityTrial]) -> MemoryLine | None:
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
    return MemoryLine(float(slope), float(intercept), worst, len(points))


def _is_of_memory(failure: Failure) -> bool:
    return failure.kind is FailureKind.OUT_OF_MEMORY or (was_killed(failure) and failure.where == TRIAL)


_FREE_MEMORY_LIMIT_S = 60.0

BUDGET = Budget(precision_target=0.05, max_rounds=200, min_s=0.5, max_s=15.0, max_warmup_s=1.0)
"""Of the measurement at the answer, whose single call may take seconds. Its time limit is each trial's too."""

KEPT_HEAP_RATIO = 3.0
"""What a process with a kept heap takes at most, over what its tensors need at once: freed pieces that no later tensor
fits into add up. Seen: 1.2 to 2.9 (lenet5, training at batch 16000: 3.0 GiB for 1.1); given back: 1.1."""

_BY_BATCH = "batch"

Watch = Callable[[CapacityTrial], None]


class Limit(NamedTuple):
    """Bytes that a call may take, and what the device could give when the search began."""

    size_bytes: int
    free_bytes: int
    method: str

    @property
    def measurement(self) -> Measurement:
        """The limit as it is recorded."""
        return Measurement(metric="memory_limit", samples=(float(self.size_bytes),), method=self.method)


def memory_limit(machine: Machine, device: str, asked_bytes: int | None) -> Limit:
    """The limit that was asked for, else all that the device can give.

    Raises: BadInputError if more is asked for than there is, ZoobenchError if the device cannot be asked.
    """
    results = run_task(machine.executor, Task(tasks.emit_free_memory, (device,)), _FREE_MEMORY_LIMIT_S)
    free_bytes = results.free_memory_bytes
    if free_bytes is None:
        reason = results.failures[-1].message if results.failures else "no answer"
        raise ZoobenchError(f"{device} does not report its free memory: {reason}")
    if asked_bytes is None:
        return Limit(free_bytes, free_bytes, "what the device could give when the search began")
    if asked_bytes > free_bytes:
        most = format_bytes(free_bytes)
        raise BadInputError(f"memory limit {format_bytes(asked_bytes)} is more than the {most} that {device} can give")
    return Limit(asked_bytes, free_bytes, "as asked for")


def measure_capacity(
    machine: Machine,
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
    oracle = _Oracle(machine, case, limit.size_bytes, budget, watch)
    try:
        batch = largest_fitting(oracle.fits, most=most, guess=oracle.guess)
    except TrialFailedError as error:
        lost = _unavailable(f"the search ended early: batch {error.batch} failed")
        results = WorkerResults.of((error.failure, *lost))
        record = _unmeasured(_at(case, error.batch), budget, results, started_at)
    else:
        record = _unmeasured(case, budget, WorkerResults(), started_at)
        if batch:
            record = _at_answer(machine, _with_safe_heap(_at(case, batch), oracle.trials, limit), budget)
        record = _with_results(record, _results(batch, oracle.trials))
    record = _with_results(record, [limit.measurement], _breakdowns(oracle.trials))
    return msgspec.structs.replace(record, started_at=started_at, duration_s=round(time.monotonic() - began_s, 3))


class _Oracle:
    """Tries batches, each in a process of its own, and keeps what was found."""

    def __init__(self, machine: Machine, case: Case, limit_bytes: int, budget: Budget, watch: Watch) -> None:
        self._machine = machine
        self._case = case
        self._limit_bytes = limit_bytes
        self._time_limit_s = budget.time_limit_s
        self._watch = watch
        self.trials: list[CapacityTrial] = []

    def fits(self, batch: int) -> bool:
        """Raises: TrialFailedError."""
        task = Task(tasks.try_batch, (_at(self._case, batch), self._limit_bytes, most_bytes(batch, self.trials)))
        trial = judge_trial(batch, self._limit_bytes, run_task(self._machine.executor, task, self._time_limit_s))
        self.trials.append(trial)
        self._watch(trial)
        return trial.fits

    def guess(self, fitting: int, too_large: int) -> int:
        """Memory is near enough a straight line over the batch to know where it meets the limit."""
        edge = expected_edge(self._limit_bytes, self.trials)
        return halfway(fitting, too_large) if edge is None else edge


def _at(case: Case, batch: int) -> Case:
    return msgspec.structs.replace(case, batch=batch)


def _with_safe_heap(case: Case, trials: list[CapacityTrial], limit: Limit) -> Case:
    """The case with its heap kept only where the machine has room for that, if its tensors are in the heap at all."""
    peak_bytes = next(trial.peak_bytes or 0 for trial in trials if trial.batch == case.batch)
    if case.device != "cpu" or KEPT_HEAP_RATIO * peak_bytes <= limit.free_bytes:
        return case
    return msgspec.structs.replace(case, allocator=Allocator.SYSTEM)


def _at_answer(machine: Machine, case: Case, budget: Budget) -> CaseRecord:
    """A session of its own: no other case's latency forecasts that this one's calls are too long to be tried."""
    return Session(machine, Recorder()).measure(case, budget, is_planned=True)


def _unmeasured(case: Case, budget: Budget, results: WorkerResults, started_at: str) -> CaseRecord:
    return assemble(case, budget, results, started_at=started_at, duration_s=0.0, is_planned=True)


def _with_results(
    record: CaseRecord, results: list[MetricResult], breakdowns: tuple[Breakdown, ...] = ()
) -> CaseRecord:
    return msgspec.structs.replace(
        record,
        measurements=(*record.measurements, *(each for each in results if isinstance(each, Measurement))),
        unavailable=(*record.unavailable, *(each for each in results if isinstance(each, Unavailable))),
        breakdowns=(*record.breakdowns, *breakdowns),
    )


def _results(batch: int, trials: list[CapacityTrial]) -> list[MetricResult]:
    if not batch:
        (first,) = trials
        latency = Unavailable(metric="latency", reason="not one image fits the memory limit")
        return [*_peak(first), latency, *_unavailable(f"not one image fits the memory limit: {first.describe()}")]
    method = f"doubling and bisection, {len(trials)} trials, each in a process of its own; {_edge(batch, trials)}"
    return [Measurement(metric="capacity", samples=(float(batch),), method=method), *_line(fit_line(trials))]


def _edge(batch: int, trials: list[CapacityTrial]) -> str:
    """What was found at the answer and at one more."""
    found = {trial.batch: trial.describe() for trial in trials}
    return f"{found[batch]}; {found.get(batch + 1, 'no larger one was asked for')}"


def _peak(trial: CapacityTrial) -> list[MetricResult]:
    if trial.peak_bytes is None:
        return [Unavailable(metric=PEAK, reason=trial.reason)]
    return [Measurement(metric=PEAK, samples=(float(trial.peak_bytes),), method="watched call of the trial")]


def _line(line: MemoryLine | None) -> list[MetricResult]:
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


def _unavailable(reason: str) -> list[MetricResult]:
    return [Unavailable(metric=metric, reason=reason) for metric in ("capacity", "memory_slope", "memory_intercept")]


def _breakdowns(trials: list[CapacityTrial]) -> tuple[Breakdown, ...]:
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
