from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoobench.measure.capacity import CapacityTrial, TrialFailedError, expected_edge, fit_line, judge_trial, most_bytes
from zoobench.measure.messages import PEAK, TRIAL, Step, WorkerResults
from zoobench.records import Failure, FailureKind, Measurement, Unavailable

LIMIT = 1000

KILLED = "the worker was killed by SIGKILL, which the kernel also does when memory runs out"


def peak(size_bytes: float) -> Measurement:
    return Measurement(metric=PEAK, samples=(size_bytes,), method="told")


def failure(kind: FailureKind, message: str = "no", where: str = TRIAL) -> Failure:
    return Failure(kind=kind, message=message, where=where)


def trials_of(slope: int, intercept: int, batches: list[int]) -> list[CapacityTrial]:
    return [CapacityTrial(batch=batch, fits=True, peak_bytes=slope * batch + intercept) for batch in batches]


@pytest.mark.parametrize(("size_bytes", "fits"), [(999, True), (1000, True), (1001, False)])
def test_what_takes_no_more_than_the_limit_fits(size_bytes: int, *, fits: bool) -> None:
    trial = judge_trial(3, LIMIT, WorkerResults.of([Step(TRIAL), peak(size_bytes)]))
    assert trial == CapacityTrial(batch=3, fits=fits, peak_bytes=size_bytes)


def test_what_could_not_be_tried_does_not_fit_and_says_why() -> None:
    trial = judge_trial(3, LIMIT, WorkerResults.of([Unavailable(metric=PEAK, reason="was not tried: too large")]))
    assert (trial.fits, trial.peak_bytes, trial.describe()) == (False, None, "batch 3 was not tried: too large")


def test_running_out_of_memory_is_told_by_the_worker() -> None:
    trial = judge_trial(3, LIMIT, WorkerResults.of([failure(FailureKind.OUT_OF_MEMORY, "MemoryError")]))
    assert (trial.fits, trial.describe()) == (False, "batch 3 ended with out-of-memory: MemoryError")


def test_a_worker_killed_in_its_call_ran_out_of_memory() -> None:
    trial = judge_trial(3, LIMIT, WorkerResults.of([Step(TRIAL), failure(FailureKind.CRASH, KILLED)]))
    assert not trial.fits
    assert KILLED in trial.reason


@pytest.mark.parametrize(
    "ending",
    [
        failure(FailureKind.CRASH, "the worker was killed by SIGSEGV"),
        failure(FailureKind.CRASH, KILLED, where="build"),
        failure(FailureKind.TIMEOUT),
        failure(FailureKind.ERROR, "mat1 and mat2 shapes cannot be multiplied"),
    ],
    ids=lambda ending: f"{ending.kind} {ending.where}",
)
def test_other_failures_say_nothing_about_memory(ending: Failure) -> None:
    with pytest.raises(TrialFailedError) as caught:
        judge_trial(3, LIMIT, WorkerResults.of([ending]))
    assert (caught.value.batch, caught.value.failure) == (3, ending)


def test_a_failure_that_was_told_counts_as_one_that_ended_the_worker() -> None:
    with pytest.raises(TrialFailedError):
        judge_trial(3, LIMIT, WorkerResults.of([peak(1.0), failure(FailureKind.ERROR)]))


lines = st.tuples(st.integers(1, 10**8), st.integers(0, 10**10))


@given(lines, st.integers(1, 500), st.integers(1, 500))
def test_a_smaller_batch_bounds_a_larger_one(line: tuple[int, int], smaller: int, more: int) -> None:
    slope, intercept = line
    bound = most_bytes(smaller + more, trials_of(slope, intercept, [smaller]))
    assert bound is not None
    assert bound >= slope * (smaller + more) + intercept


def test_the_tightest_bound_is_taken_and_larger_batches_give_none() -> None:
    trials = trials_of(10, 100, [1, 4, 16])
    assert most_bytes(8, trials) == 2 * 140
    assert most_bytes(16, trials) == 260
    assert most_bytes(8, trials_of(10, 100, [16])) is None
    assert most_bytes(8, [CapacityTrial(batch=2, fits=False)]) is None


@given(lines, st.sets(st.integers(1, 5000), min_size=2), st.integers(1, 10**6))
def test_on_a_line_the_edge_is_exact(line: tuple[int, int], batches: set[int], answer: int) -> None:
    slope, intercept = line
    limit = slope * answer + intercept
    trials = trials_of(slope, intercept, sorted(batches))
    assert expected_edge(limit, trials) == answer
    assert expected_edge(limit + slope - 1, trials) == answer
    assert expected_edge(limit - 1, trials) == answer - 1


def test_the_edge_is_judged_by_what_came_nearest_to_the_limit() -> None:
    """A peak that changes its place is steeper after it."""
    trials = [CapacityTrial(batch=b, fits=True, peak_bytes=p) for b, p in ((1, 500), (2, 501), (8, 800), (16, 1600))]
    assert expected_edge(1200, trials) == 12


def test_there_is_no_edge_without_a_line() -> None:
    assert expected_edge(LIMIT, trials_of(1, 0, [3])) is None
    assert expected_edge(LIMIT, [*trials_of(1, 0, [3]), CapacityTrial(batch=6, fits=False)]) is None
    assert expected_edge(LIMIT, trials_of(0, 7, [1, 2])) is None


@given(lines, st.sets(st.integers(2, 5000), min_size=2))
def test_a_line_is_found_again_whatever_a_batch_of_one_takes(line: tuple[int, int], batches: set[int]) -> None:
    slope, intercept = line
    trials = [CapacityTrial(batch=1, fits=True, peak_bytes=10**11), *trials_of(slope, intercept, sorted(batches))]
    found = fit_line(trials)
    assert found is not None
    scale = slope * max(batches) + intercept
    assert found.slope_bytes == pytest.approx(slope, abs=1e-6 * scale)
    assert found.intercept_bytes == pytest.approx(intercept, abs=1e-6 * scale)
    assert found.worst_ratio < 1e-6
    assert found.trials == len(batches)


def test_the_distance_of_the_worst_trial_is_told() -> None:
    peaks = {2: 100, 4: 130, 6: 100}
    found = fit_line([CapacityTrial(batch=batch, fits=True, peak_bytes=size) for batch, size in peaks.items()])
    assert found is not None
    assert (found.slope_bytes, found.intercept_bytes) == (pytest.approx(0.0, abs=1e-9), pytest.approx(110.0))
    assert found.worst_ratio == pytest.approx(20 / 130)


def test_one_point_is_no_line() -> None:
    assert fit_line(trials_of(1, 1, [1, 2])) is None
    assert fit_line([]) is None
