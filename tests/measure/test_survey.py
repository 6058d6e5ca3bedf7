from __future__ import annotations

from pathlib import Path

from fakes import EmittingExecutor
from synthetic import make_case

from zoobench.cases import DeviceFacts, Precision
from zoobench.measure import tasks
from zoobench.measure.executor import Task
from zoobench.measure.machine import find_ceilings
from zoobench.measure.session import Machine
from zoobench.records import Ceiling, Environment, Failure, FailureKind
from zoobench.records.machine import CEILINGS_FILE, keys_of

ENVIRONMENT = Environment(
    host={"processor": "Test CPU"},
    software={"torch": "2.14.1"},
    settings={},
    commit={},
    devices=(DeviceFacts(name="cpu", is_available=True, model="Test CPU"),),
)
FP32, AMP = (make_case("lenet5", precision=precision) for precision in (Precision.FP32, Precision.AMP_BF16))
PRODUCT = Ceiling(
    device="cpu", kind="matrix-product", threads=2, rate=2e11, samples=(2e11,), method="told", precision="fp32"
)
HALF = Ceiling(
    device="cpu", kind="matrix-product", threads=2, rate=4e11, samples=(4e11,), method="told", precision="bf16"
)
COPY = Ceiling(device="cpu", kind="copy", threads=2, rate=1e10, samples=(1e10,), method="told")


def lab_of(executor: EmittingExecutor) -> Machine:
    return Machine(executor=executor, environment=ENVIRONMENT)


def test_ceilings_of_the_cases_are_measured_once_and_attached(tmp_path: Path) -> None:
    executor = EmittingExecutor(PRODUCT, COPY)
    machine, notes = find_ceilings(lab_of(executor), [FP32, make_case("resnet18", batch=8)], tmp_path)
    assert machine.environment.ceilings == (PRODUCT, COPY)
    assert notes == ()
    product, copy = keys_of(FP32)
    assert executor.tasks == [Task(tasks.measure_ceilings, (((product, FP32), (copy, FP32)),))]


def test_what_the_cache_knows_is_not_measured_again(tmp_path: Path) -> None:
    find_ceilings(lab_of(EmittingExecutor(PRODUCT, COPY)), [FP32], tmp_path)
    silent = EmittingExecutor()
    machine, notes = find_ceilings(lab_of(silent), [FP32], tmp_path)
    assert (machine.environment.ceilings, notes, silent.tasks) == ((PRODUCT, COPY), (), [])

    executor = EmittingExecutor(HALF)
    machine, notes = find_ceilings(lab_of(executor), [FP32, AMP], tmp_path)
    assert machine.environment.ceilings == (PRODUCT, COPY, HALF)
    assert executor.tasks == [Task(tasks.measure_ceilings, (((keys_of(AMP)[0], AMP),),))]


def test_without_cases_nothing_is_measured(tmp_path: Path) -> None:
    executor = EmittingExecutor()
    machine, notes = find_ceilings(lab_of(executor), [], tmp_path)
    assert (machine.environment, notes, executor.tasks) == (ENVIRONMENT, (), [])


def test_a_corrupt_cache_is_said_and_measured_again(tmp_path: Path) -> None:
    (tmp_path / CEILINGS_FILE).write_text("{", encoding="utf-8")
    machine, [note] = find_ceilings(lab_of(EmittingExecutor(PRODUCT, COPY)), [FP32], tmp_path)
    assert machine.environment.ceilings == (PRODUCT, COPY)
    assert note.endswith("ceilings are measured again")


def test_what_cannot_be_measured_is_a_note_and_the_rest_is_kept(tmp_path: Path) -> None:
    refused = Failure(kind=FailureKind.ERROR, message="no such kernel", where="matrix-product fp32")
    machine, notes = find_ceilings(lab_of(EmittingExecutor(refused, COPY)), [FP32], tmp_path)
    assert machine.environment.ceilings == (COPY,)
    assert notes == ("no ceiling of matrix-product fp32: no such kernel",)


def test_a_worker_that_dies_is_a_note_and_what_it_told_is_kept(tmp_path: Path) -> None:
    died = Failure(kind=FailureKind.CRASH, message="the worker was killed by SIGKILL", where="start")
    machine, notes = find_ceilings(lab_of(EmittingExecutor(PRODUCT, failure=died)), [FP32], tmp_path)
    assert machine.environment.ceilings == (PRODUCT,)
    assert notes == ("not every ceiling was measured: the worker was killed by SIGKILL",)
    again = EmittingExecutor(COPY)
    assert find_ceilings(lab_of(again), [FP32], tmp_path).machine.environment.ceilings == (PRODUCT, COPY)


def test_where_nothing_was_measured_nothing_is_kept(tmp_path: Path) -> None:
    find_ceilings(lab_of(EmittingExecutor()), [FP32], tmp_path)
    assert not (tmp_path / CEILINGS_FILE).exists()
