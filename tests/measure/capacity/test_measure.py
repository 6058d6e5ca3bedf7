from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fakes import EmittingExecutor
from synthetic import make_case

from zoobench.cases import Allocator, BadInputError, Budget, Mode, ModelRef, ZoobenchError
from zoobench.measure import tasks
from zoobench.measure.capacity import CapacityTrial, Limit, measure_capacity, memory_limit
from zoobench.measure.executor import ForkedWorkers, Task
from zoobench.measure.messages import PEAK, TRIAL, Emit, FreeMemory, Step
from zoobench.measure.session import Machine
from zoobench.records import CaseRecord, Environment, Failure, FailureKind, Measurement, Unavailable

CASE = make_case("lenet5", threads=1)
ENVIRONMENT = Environment(host={}, software={}, settings={}, commit={})


def limit(size_bytes: int, free_bytes: int = 2**40) -> Limit:
    return Limit(size_bytes, free_bytes, "as asked for")


class Zoo:
    """An executor in which a call of n images takes `peak(n)` bytes, or ends with the failure that it gives."""

    def __init__(self, peak: Callable[[int], Any]) -> None:
        self.peak = peak
        self.tasks: list[Task] = []
        self.limits_s: list[float] = []

    def run(self, task: Task, emit: Emit, time_limit_s: float) -> Failure | None:
        self.tasks.append(task)
        self.limits_s.append(time_limit_s)
        if task.function is tasks.measure_case:
            emit(Measurement(metric="latency", samples=(0.5,) * 7, method="told"))
            return None
        assert task.function is tasks.try_batch
        emit(Step(TRIAL))
        found = self.peak(task.arguments[0].batch)
        if isinstance(found, Failure):
            return found
        reason = found if isinstance(found, str) else ""
        part = Unavailable(metric=PEAK, reason=reason) if reason else measured(PEAK, found)
        emit(part)
        return None

    def tried(self) -> list[int]:
        return [task.arguments[0].batch for task in self.tasks if task.function is tasks.try_batch]


def measured(metric: str, value: float) -> Measurement:
    return Measurement(metric=metric, samples=(float(value),), method="told")


def search(zoo: Zoo, limit_bytes: int, **more: Any) -> CaseRecord:
    return measure_capacity(Machine(executor=zoo, environment=ENVIRONMENT), CASE, limit(limit_bytes), **more)


def value(record: CaseRecord, metric: str) -> float:
    found = record.measurement(metric)
    assert found is not None, metric
    return found.samples[0]


def reason(record: CaseRecord, metric: str) -> str:
    (found,) = (each.reason for each in record.unavailable if each.metric == metric)
    return found


def by_batch(record: CaseRecord, metric: str) -> dict[str, float]:
    (found,) = (each.values for each in record.breakdowns if (each.metric, each.by) == (metric, "batch"))
    return found


def affine(batch: int) -> int:
    return 100 + 10 * batch


def test_the_record_is_of_the_case_at_the_largest_batch_with_its_line_and_latency() -> None:
    zoo = Zoo(affine)

    record = search(zoo, 475)

    assert record.case == msgspec.structs.replace(CASE, batch=37)
    assert zoo.tried() == [1, 2, 4, 8, 16, 32, 64, 37, 38]
    assert (value(record, "capacity"), value(record, "memory_limit")) == (37, 475)
    assert value(record, "memory_slope") == pytest.approx(10)
    assert value(record, "memory_intercept") == pytest.approx(100)
    assert value(record, "latency") == 0.5
    assert record.is_planned
    assert record.failure is None


def test_all_trials_are_kept_with_what_they_took_and_whether_they_fit() -> None:
    record = search(Zoo(affine), 475)

    batches = ["1", "2", "4", "8", "16", "32", "37", "38", "64"]
    assert by_batch(record, PEAK) == {batch: float(affine(int(batch))) for batch in batches}
    assert by_batch(record, "capacity") == {batch: float(int(batch) <= 37) for batch in batches}


def test_the_answer_and_one_more_are_in_the_method() -> None:
    capacity = search(Zoo(affine), 475).measurement("capacity")
    assert capacity is not None
    assert capacity.method == (
        "doubling and bisection, 9 trials, each in a process of its own; batch 37 takes 470 B; batch 38 takes 480 B"
    )


def test_where_the_search_ends_without_a_limit_it_says_so() -> None:
    zoo = Zoo(affine)

    record = search(zoo, 10**9, most=6)

    assert (record.case.batch, value(record, "capacity")) == (6, 6)
    assert zoo.tried() == [1, 2, 4, 6]
    assert "no larger one was asked for" in record.measurement("capacity").method  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "ending",
    [
        Failure(kind=FailureKind.OUT_OF_MEMORY, message="CUDA out of memory", where=TRIAL),
        Failure(kind=FailureKind.CRASH, message="the worker was killed by SIGKILL, which …", where=TRIAL),
    ],
    ids=lambda ending: ending.kind.value,
)
def test_a_worker_that_dies_of_memory_does_not_fit_and_its_failure_is_kept(ending: Failure) -> None:
    record = search(Zoo(lambda batch: ending if batch > 5 else affine(batch)), 10**6)

    assert value(record, "capacity") == 5
    assert by_batch(record, PEAK).keys() == {"1", "2", "4", "5"}
    assert by_batch(record, "capacity")["6"] == 0.0
    assert ending.message in record.measurement("capacity").method  # type: ignore[union-attr]
    assert any(ending.message in each.method for each in record.breakdowns)


def test_a_batch_that_was_not_safe_to_try_is_said_not_to_have_been_tried() -> None:
    unsafe = "was not tried: it is predicted to need 30 GiB, the machine has 20 GiB free"
    record = search(Zoo(lambda batch: unsafe if batch > 5 else affine(batch)), 10**6)

    assert value(record, "capacity") == 5
    assert record.measurement("capacity").method.endswith(f"batch 6 {unsafe}")  # type: ignore[union-attr]


def test_what_is_known_of_smaller_batches_goes_to_the_worker() -> None:
    zoo = Zoo(affine)
    search(zoo, 475)
    arguments = {task.arguments[0].batch: task.arguments[1:] for task in zoo.tasks if task.function is tasks.try_batch}
    assert arguments[1] == (475, None)
    assert arguments[2] == (475, 220)
    assert arguments[37] == (475, -(-420 * 37 // 32))


def test_if_not_one_image_fits_nothing_is_timed_and_the_reason_is_one_line() -> None:
    weights = "was not tried: the weights alone need 13.4 MiB, the limit is 10.0 MiB"
    zoo = Zoo(lambda _: weights)

    record = search(zoo, 10 * 2**20)

    assert zoo.tried() == [1]
    assert len(zoo.tasks) == 1
    assert record.failure is None
    assert reason(record, "capacity") == f"not one image fits the memory limit: batch 1 {weights}"
    assert {each.metric for each in record.unavailable} == {
        "capacity", "memory_slope", "memory_intercept", "latency", PEAK
    }  # fmt: skip
    assert value(record, "memory_limit") == 10 * 2**20


def test_what_one_image_takes_is_kept_where_it_does_not_fit() -> None:
    record = search(Zoo(affine), 50)
    assert value(record, PEAK) == 110
    assert reason(record, "capacity") == "not one image fits the memory limit: batch 1 takes 110 B"


@pytest.mark.parametrize("kind", [FailureKind.ERROR, FailureKind.TIMEOUT, FailureKind.BUILD])
def test_a_trial_that_fails_otherwise_is_the_case_s_failure_and_keeps_the_trials(kind: FailureKind) -> None:
    ending = Failure(kind=kind, message="no", where=TRIAL)

    record = search(Zoo(lambda batch: ending if batch == 4 else affine(batch)), 10**6)

    assert (record.case.batch, record.failure) == (4, ending)
    assert record.measurement("capacity") is None
    assert reason(record, "capacity") == "the search ended early: batch 4 failed"
    assert by_batch(record, PEAK) == {"1": 110.0, "2": 120.0}


def test_memory_that_is_not_monotone_gives_an_edge() -> None:
    """At 5 images a kernel takes a lean algorithm and at 4 a hungry one: doubling meets 4 first."""
    record = search(Zoo(lambda batch: 999 if batch == 4 else affine(batch)), 500)
    assert value(record, "capacity") == 3
    assert by_batch(record, "capacity")["4"] == 0.0


def test_every_trial_has_the_budget_s_time_and_is_watched() -> None:
    zoo = Zoo(affine)
    seen: list[CapacityTrial] = []
    search(zoo, 135, budget=Budget(time_limit_s=7.0), watch=seen.append)
    assert set(zoo.limits_s) == {7.0}
    assert [trial.batch for trial in seen] == [1, 2, 4, 3]
    assert [trial.fits for trial in seen] == [True, True, False, True]


def test_without_two_trials_of_several_images_there_is_no_line() -> None:
    record = search(Zoo(affine), 115)
    assert value(record, "capacity") == 1
    assert reason(record, "memory_slope") == "a line takes two measured trials at batch 2 or more"


# The limit


def lab_telling(*parts: Any, **more: Any) -> Machine:
    return Machine(executor=EmittingExecutor(*parts, **more), environment=ENVIRONMENT)


def test_without_a_limit_all_that_the_device_can_give_is_it() -> None:
    machine = lab_telling(FreeMemory(1000))
    found = memory_limit(machine, "cpu", None)
    assert (found.size_bytes, found.free_bytes) == (1000, 1000)
    assert machine.executor.tasks == [Task(tasks.emit_free_memory, ("cpu",))]  # type: ignore[attr-defined]


def test_the_limit_asked_for_is_taken_up_to_what_there_is() -> None:
    found = memory_limit(lab_telling(FreeMemory(1000)), "cpu", 999)
    assert found == Limit(999, 1000, "as asked for")
    assert found.measurement.samples == (999.0,)
    with pytest.raises(BadInputError, match="memory limit 1001 B is more than the 1000 B that cpu can give"):
        memory_limit(lab_telling(FreeMemory(1000)), "cpu", 1001)


@pytest.mark.parametrize(
    ("free_bytes", "device", "allocator"),
    [
        (3 * 470, "cpu", Allocator.RETAINED),
        (3 * 470 - 1, "cpu", Allocator.SYSTEM),
        (475, "cpu", Allocator.SYSTEM),
        (475, "cuda", Allocator.RETAINED),
    ],
)
def test_a_heap_is_kept_only_where_there_is_room_for_its_pieces(
    free_bytes: int, device: str, allocator: Allocator
) -> None:
    zoo = Zoo(affine)
    case = msgspec.structs.replace(CASE, device=device)

    record = measure_capacity(Machine(executor=zoo, environment=ENVIRONMENT), case, limit(475, free_bytes))

    assert record.case == msgspec.structs.replace(case, batch=37, allocator=allocator)
    assert {task.arguments[0].allocator for task in zoo.tasks if task.function is tasks.try_batch} == {
        Allocator.RETAINED
    }


def test_a_device_that_does_not_tell_is_an_error() -> None:
    lost = Failure(kind=FailureKind.CRASH, message="the worker was killed by SIGSEGV", where="start")
    with pytest.raises(ZoobenchError, match="cuda does not report its free memory: the worker was killed by SIGSEGV"):
        memory_limit(lab_telling(failure=lost), "cuda", None)


# With real workers

TWO_ROUNDS = Budget(min_rounds=2, max_rounds=2, min_s=0.0, max_warmup_s=0.0, max_s=30.0, time_limit_s=120.0)


@pytest.fixture(scope="module")
def real_lab() -> Machine:
    return Machine(executor=ForkedWorkers(), environment=ENVIRONMENT)


@pytest.mark.parametrize("mode", Mode)
def test_real_trials_find_the_batch_at_which_the_real_peak_meets_the_limit(real_lab: Machine, mode: Mode) -> None:
    case = msgspec.structs.replace(CASE, mode=mode)

    record = measure_capacity(real_lab, case, limit(3 * 2**20), budget=TWO_ROUNDS)

    peaks = {int(batch): size for batch, size in by_batch(record, PEAK).items()}
    batch = record.case.batch
    assert record.failure is None
    assert peaks[batch] <= 3 * 2**20 < peaks[batch + 1]
    assert value(record, PEAK) == peaks[batch], "measured after timing, in another process: the same bytes"
    assert value(record, "predicted_peak") == pytest.approx(peaks[batch], rel=0.02)
    per_image = value(record, "memory_slope")
    assert peaks[batch + 1] - peaks[batch] == pytest.approx(per_image, rel=0.1)


def test_a_real_worker_killed_in_its_call_does_not_fit(
    real_lab: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the kernel does it: only calls of more than three images are killed."""
    source = (
        "import os, signal\nfrom torch import nn\n\n"
        "class Doomed(nn.Linear):\n"
        "    def forward(self, images):\n"
        "        if len(images) > 3 and images.device.type == 'cpu' and type(images).__name__ == 'Tensor':\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return super().forward(images.mean((2, 3)))\n\n"
        "def make():\n    return Doomed(3, 10)\n"
    )
    (tmp_path / "doomed.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    case = msgspec.structs.replace(CASE, model=ModelRef("import", "doomed:make"))

    record = measure_capacity(real_lab, case, limit(2**30), budget=TWO_ROUNDS)

    assert value(record, "capacity") == 3
    assert "batch 4 ended with crash: the worker was killed by SIGKILL" in record.measurement("capacity").method  # type: ignore[union-attr]
