from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fakes import EmittingExecutor, make_small_device, register
from synthetic import make_calibration, make_case

from zoobench.cases import (
    COUNT_ONLY,
    BadInputError,
    Budget,
    Case,
    DeviceFacts,
    Mode,
    ModelRef,
    Precision,
    StoreError,
    UnknownNameError,
    ZoobenchError,
)
from zoobench.measure import tasks
from zoobench.measure.executor import ForkedWorkers, InProcess, Task
from zoobench.measure.messages import InCalls, KnownFacts, Step
from zoobench.measure.session import Machine, Recorder, Session, check_case, open_machine, resume_run, start_run
from zoobench.records import (
    Breakdown,
    CaseRecord,
    Environment,
    Failure,
    FailureKind,
    Layer,
    Measurement,
    Unavailable,
    store,
)
from zoobench.records.machine import calibration_facts, write_calibration
from zoobench.records.metrics import METRICS, MODEL_METRICS, Exactness
from zoobench.stats.summaries import process_medians

BUDGET = Budget(min_rounds=2, max_rounds=2, max_warmup_s=0.0, max_s=8.0, time_limit_s=42.0)
CASE = make_case("lenet5", threads=1)
FACTS = tuple(Measurement(metric=metric, samples=(7.0,), method="counted") for metric in MODEL_METRICS)
ENVIRONMENT = Environment(
    host={"processor": "Test CPU"},
    software={"torch": "2.14.1", "torchvision": "0.29.1"},
    settings={"instruction_set": "AVX512"},
    commit={},
    devices=(
        DeviceFacts(name="cpu", is_available=True, model="Test CPU", precisions=("fp32", "bf16")),
        DeviceFacts(name="cuda", is_available=False, reason="torch finds no CUDA GPU"),
    ),
)


def latency(seconds: float) -> Measurement:
    return Measurement(metric="latency", samples=(seconds,), method="told")


def session_of(executor: EmittingExecutor, recorder: Recorder | None = None) -> Session:
    return Session(Machine(executor=executor, environment=ENVIRONMENT), recorder or Recorder(), executor.clock)


def case(**axes: Any) -> Case:
    return msgspec.structs.replace(CASE, **axes)


# The lab


def test_a_lab_finds_out_where_it_is_by_a_task() -> None:
    executor = EmittingExecutor(ENVIRONMENT)

    machine = open_machine(executor, device="auto")

    assert machine.environment == ENVIRONMENT
    assert executor.tasks == [Task(tasks.collect_environment, (str(Path.cwd()), ()))]


def test_a_device_with_an_index_is_asked_about() -> None:
    executor = EmittingExecutor(ENVIRONMENT)

    open_machine(executor, device="cuda:1")

    assert executor.tasks[0].arguments[1] == ("cuda:1",)


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (Failure(kind=FailureKind.CRASH, message="the worker was killed by SIGSEGV", where="start"), "SIGSEGV"),
        (None, "it sent nothing"),
    ],
)
def test_a_worker_that_cannot_describe_the_machine_ends_the_run(failure: Failure | None, reason: str) -> None:
    with pytest.raises(ZoobenchError, match=f"the first worker could not describe this machine: .*{reason}"):
        open_machine(EmittingExecutor(failure=failure), device="auto")


def test_a_lab_takes_a_gpu_where_there_is_one() -> None:
    gpu = DeviceFacts(name="cuda", is_available=True)
    with_gpu = msgspec.structs.replace(ENVIRONMENT, devices=(ENVIRONMENT.devices[0], gpu))
    without = msgspec.structs.replace(ENVIRONMENT, devices=ENVIRONMENT.devices[:1])

    labs = [Machine(executor=EmittingExecutor(), environment=each) for each in (with_gpu, ENVIRONMENT, without)]

    assert [machine.preferred_device() for machine in labs] == ["cuda", "cpu", "cpu"]


def test_a_lab_gives_the_facts_of_its_devices() -> None:
    machine = Machine(executor=EmittingExecutor(), environment=ENVIRONMENT)

    assert machine.device("cpu") is ENVIRONMENT.devices[0]
    with pytest.raises(BadInputError, match="device 'cuda' is not available here: torch finds no CUDA GPU"):
        machine.device("cuda")
    with pytest.raises(BadInputError, match="device 'cuda:0' is not available here: torch finds no CUDA GPU"):
        machine.device("cuda:0")
    with pytest.raises(BadInputError, match="unknown device 'tpu': known are cpu, cuda"):
        machine.device("tpu")


@pytest.mark.parametrize("has_cuda", [True, False])
def test_the_preferred_device_is_a_gpu_where_there_is_one(*, has_cuda: bool) -> None:
    cuda = DeviceFacts(name="cuda", is_available=has_cuda)
    environment = msgspec.structs.replace(ENVIRONMENT, devices=(ENVIRONMENT.devices[0], cuda))

    machine = Machine(executor=EmittingExecutor(), environment=environment)

    assert machine.preferred_device() == ("cuda" if has_cuda else "cpu")


def test_a_lab_is_calibrated_by_what_lies_beside_its_runs(tmp_path: Path) -> None:
    machine = Machine(executor=EmittingExecutor(), environment=ENVIRONMENT)
    assert machine.calibrated(tmp_path) == (machine, ())

    made = make_calibration(facts=calibration_facts(ENVIRONMENT))
    write_calibration(made, tmp_path)
    calibrated, notes = machine.calibrated(tmp_path)

    assert (calibrated.environment.calibration, calibrated.executor, notes) == (made, machine.executor, ())


def test_a_case_must_suit_its_device_and_its_model() -> None:
    cpu = ENVIRONMENT.devices[0]

    check_case(CASE, cpu)
    with pytest.raises(BadInputError, match="Test CPU has no precision tf32: it has fp32, bf16"):
        check_case(case(precision=Precision.TF32), cpu)
    with pytest.raises(BadInputError, match="image size 8 is too small for lenet5"):
        check_case(case(image_size=8), cpu)


# Cases


def test_a_case_is_a_task_with_its_budget_and_its_limit() -> None:
    executor = EmittingExecutor(latency(0.5), InCalls(1.25), takes_s=2.0)

    record = session_of(executor).measure(CASE, BUDGET)

    assert executor.tasks == [Task(tasks.measure_case, (CASE, BUDGET, KnownFacts()))]
    assert executor.limits_s == [42.0]
    assert (record.case, record.budget) == (CASE, BUDGET)
    assert (record.duration_s, record.in_calls_s) == (2.0, 1.25)
    assert record.measurements == (latency(0.5),)
    assert record.failure is None


def test_a_failure_of_the_worker_keeps_what_it_told() -> None:
    died = Failure(kind=FailureKind.CRASH, message="the worker was killed by SIGKILL", where="memory")
    executor = EmittingExecutor(Step("latency"), latency(0.5), Step("memory"), failure=died)

    record = session_of(executor).measure(CASE, BUDGET)

    assert record.failure == died
    assert record.measurements == (latency(0.5),)


def test_a_failure_that_the_case_tells_is_recorded() -> None:
    told = Failure(kind=FailureKind.OUT_OF_MEMORY, message="OutOfMemoryError: no", where="latency")

    record = session_of(EmittingExecutor(told)).measure(CASE, BUDGET)

    assert record.failure == told


def test_facts_of_a_model_are_counted_once() -> None:
    executor = EmittingExecutor(*FACTS, latency(0.5))
    session = session_of(executor)
    session.measure(CASE, BUDGET)
    executor.parts = (latency(0.75),)

    second = session.measure(case(mode=Mode.TRAIN), BUDGET)

    assert executor.tasks[1].arguments[2] == KnownFacts(metrics=frozenset(MODEL_METRICS))
    assert second.measurements == (*FACTS, latency(0.75))


@pytest.mark.parametrize("axes", [{"image_size": 64}, {"model": ModelRef("torchvision", "resnet18")}], ids=str)
def test_facts_of_another_size_or_model_are_counted_anew(axes: dict[str, Any]) -> None:
    executor = EmittingExecutor(*FACTS)
    session = session_of(executor)
    session.measure(CASE, BUDGET)

    session.measure(case(**axes), BUDGET)

    assert executor.tasks[1].arguments[2] == KnownFacts()


def test_a_fact_that_is_unavailable_is_known_too() -> None:
    facts = (*FACTS[:-1], Unavailable(metric=MODEL_METRICS[-1], reason="uncountable"))
    executor = EmittingExecutor(*facts)
    session = session_of(executor)
    session.measure(CASE, BUDGET)
    executor.parts = ()

    assert session.measure(case(batch=2), BUDGET).unavailable == facts[-1:]


def test_what_was_only_counted_is_timed_later_and_keeps_what_counting_told() -> None:
    layer = Layer("c1", "Conv2d", "convolution", 1, 1, 1, 1, (1,), (1,))
    breakdown = Breakdown(metric="macs", by="kind", values={"convolution": 1.0}, method="counted")
    audit = Measurement(metric="fvcore_macs", samples=(2.0,), method="fvcore")
    executor = EmittingExecutor(*FACTS, audit, breakdown, layer)
    session = session_of(executor)
    counted = session.measure(CASE, COUNT_ONLY)
    assert session.finished(CASE, COUNT_ONLY) == counted
    assert session.finished(CASE, BUDGET) is None
    executor.parts = (latency(0.5),)

    timed = session.measure(CASE, BUDGET)

    assert timed.measurements == (*FACTS, audit, latency(0.5))
    assert (timed.breakdowns, timed.layers) == ((breakdown,), (layer,))
    assert session.finished(CASE, COUNT_ONLY) is not None


def test_half_of_the_facts_are_not_enough() -> None:
    executor = EmittingExecutor(*FACTS[:2], failure=Failure(kind=FailureKind.CRASH, message="died", where="size"))
    session = session_of(executor)
    session.measure(CASE, BUDGET)

    session.measure(case(batch=2), BUDGET)

    assert executor.tasks[1].arguments[2] == KnownFacts()


def reference(seconds: float) -> Measurement:
    return Measurement(metric="reference_time", samples=(seconds,), method="told")


def test_the_quietest_pace_that_was_seen_is_left_to_later_cases_on_as_many_threads() -> None:
    executor = EmittingExecutor(reference(0.5))
    session = session_of(executor)
    for batch, seconds in enumerate((0.5, 0.25, 0.75), start=1):
        executor.parts = (reference(seconds),)
        session.measure(case(batch=batch), BUDGET)

    session.measure(case(threads=CASE.threads + 1), BUDGET)
    session.measure(case(mode=Mode.TRAIN), BUDGET)

    assert [task.arguments[2].reference_s for task in executor.tasks] == [None, 0.5, 0.25, None, 0.25]


def test_a_pace_of_long_ago_is_forgotten() -> None:
    executor = EmittingExecutor(reference(0.25))
    session = session_of(executor)
    session.measure(case(batch=1), BUDGET)
    executor.parts = (reference(0.5),)
    for batch in range(2, 23):
        session.measure(case(batch=batch), BUDGET)

    assert [task.arguments[2].reference_s for task in executor.tasks[-2:]] == [0.25, 0.5]


def test_a_resumed_session_knows_the_pace_of_its_records() -> None:
    executor = EmittingExecutor()
    first = session_of(EmittingExecutor(reference(0.5))).measure(CASE, BUDGET)

    session_of(executor, Recorder(finished=[first])).measure(case(batch=2), BUDGET)

    assert executor.tasks[0].arguments[2].reference_s == 0.5


def test_a_case_that_is_forecast_to_be_too_dear_starts_no_worker() -> None:
    """A call of 3 s at batch 1 is 24 s at batch 8, more than the 8 s of the budget."""
    executor = EmittingExecutor(*FACTS, latency(3.0))
    session = session_of(executor)
    session.measure(CASE, BUDGET)

    record = session.measure(case(batch=8), BUDGET)

    assert len(executor.tasks) == 1
    assert record.failure is not None
    assert (record.failure.kind, record.failure.where) == (FailureKind.OVER_BUDGET, "forecast")
    assert "a call is forecast to take 24.0 s, the budget is 8.00 s" in record.failure.message
    assert record.measurements == FACTS, "what is known of the model stays known"
    assert session.finished(CASE, BUDGET) is not None
    assert session.finished(record.case, BUDGET) is None, (
        "what was not begun is still to be measured, with a larger budget"
    )


def test_a_dear_case_of_one_model_says_nothing_of_another() -> None:
    executor = EmittingExecutor(latency(3.0))
    session = session_of(executor)
    session.measure(CASE, BUDGET)

    record = session.measure(case(batch=8, model=ModelRef("torchvision", "resnet18")), BUDGET)

    assert record.failure is None


def test_time_inside_calls_is_told_as_a_share_of_all_time() -> None:
    executor = EmittingExecutor(InCalls(1.5), takes_s=2.0)
    session = session_of(executor)
    assert session.in_calls_ratio() == 0.0

    session.measure(CASE, BUDGET)
    session.measure(case(batch=2), BUDGET)

    assert session.in_calls_ratio() == 0.75
    executor.clock.advance(2.0)
    assert session.in_calls_ratio() == 0.5


def test_each_record_is_on_the_disk_before_the_next_case(tmp_path: Path) -> None:
    executor = EmittingExecutor(latency(0.5))
    machine = Machine(executor=executor, environment=ENVIRONMENT)
    with start_run(tmp_path, machine, label="test", command=("pytest", "suites")) as writer:
        session = session_of(executor, Recorder(writer))
        first = session.measure(CASE, BUDGET)
        on_disk = store.load_run(tmp_path, writer.run.run_id)

    assert on_disk.records == (first,)
    assert on_disk.run.environment == ENVIRONMENT
    assert (on_disk.run.label, on_disk.run.command) == ("test", ("pytest", "suites"))


def test_a_disk_that_takes_no_more_is_an_error_of_the_run() -> None:
    class FullDisk:
        def append(self, record: CaseRecord) -> None:
            raise StoreError("cannot write cases.jsonl: No space left on device")

    with pytest.raises(StoreError, match="No space left"):
        session_of(EmittingExecutor(), Recorder(FullDisk())).measure(CASE, BUDGET)  # type: ignore[arg-type]


# Resuming


@pytest.fixture
def begun(tmp_path: Path) -> str:
    """The id of a run with one finished case."""
    executor = EmittingExecutor(*FACTS, latency(3.0))
    with start_run(
        tmp_path, Machine(executor=executor, environment=ENVIRONMENT), label="begun", command=("pytest",)
    ) as writer:
        session_of(executor, Recorder(writer)).measure(CASE, BUDGET)
    return writer.run.run_id


def test_a_resumed_session_knows_what_is_finished_and_what_that_tells(tmp_path: Path, begun: str) -> None:
    executor = EmittingExecutor(latency(3.0))
    writer, stored = resume_run(tmp_path, begun, Machine(executor=executor, environment=ENVIRONMENT))
    with writer:
        session = session_of(executor, Recorder(writer, stored.records))

        assert session.finished(CASE, BUDGET) == stored.records[0]
        assert session.finished(case(batch=2), BUDGET) is None
        session.measure(case(batch=2), BUDGET)
        dear = session.measure(case(batch=8), BUDGET)

    assert executor.tasks[0].arguments[2] == KnownFacts(metrics=frozenset(MODEL_METRICS))
    assert dear.failure is not None
    assert [record.case.batch for record in store.load_run(tmp_path, begun).records] == [1, 2, 8]
    assert session.in_calls_ratio() == 0.0, "another session's time is not this one's"


@pytest.mark.parametrize(
    ("group", "fact"),
    [("software", "torch"), ("software", "torchvision"), ("host", "processor"), ("settings", "instruction_set")],
)
def test_another_machine_or_torch_cannot_go_on_with_a_run(tmp_path: Path, begun: str, group: str, fact: str) -> None:
    elsewhere = msgspec.structs.replace(ENVIRONMENT, **{group: {**getattr(ENVIRONMENT, group), fact: "other"}})
    before = getattr(ENVIRONMENT, group)[fact]

    with pytest.raises(BadInputError, match=f"was measured with {fact} '{before}', here it is 'other': start a new"):
        resume_run(tmp_path, begun, Machine(executor=EmittingExecutor(), environment=elsewhere))

    writer, _ = resume_run(tmp_path, begun, Machine(executor=EmittingExecutor(), environment=ENVIRONMENT))
    writer.close()


def test_facts_that_do_not_matter_may_differ(tmp_path: Path, begun: str) -> None:
    later = msgspec.structs.replace(ENVIRONMENT, host={**ENVIRONMENT.host, "load_before": "7.00"})

    writer, stored = resume_run(tmp_path, begun, Machine(executor=EmittingExecutor(), environment=later))

    writer.close()
    assert len(stored.records) == 1


def test_an_unknown_run_cannot_be_resumed(tmp_path: Path, begun: str) -> None:
    with pytest.raises(UnknownNameError, match="unknown run"):
        resume_run(
            tmp_path, begun.replace("begun", "other"), Machine(executor=EmittingExecutor(), environment=ENVIRONMENT)
        )


# With the real runner


@pytest.fixture(scope="module")
def real_lab() -> Machine:
    return open_machine(InProcess(), device="auto")


@pytest.fixture
def factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], ModelRef]:
    def write(name: str, body: str) -> ModelRef:
        source = f"from torch import nn\n\ndef make():\n    {body}\n"
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        return ModelRef("import", f"{name}:make")

    return write


def test_a_real_case_has_all_its_parts_and_the_next_one_its_facts(real_lab: Machine) -> None:
    session = Session(real_lab, Recorder())

    first, second = session.measure(CASE, BUDGET), session.measure(case(batch=2), BUDGET)

    assert first.failure is None
    assert {m.metric for m in first.measurements} >= {*MODEL_METRICS, "latency", "peak_allocated", "process_memory"}
    assert [m for m in second.measurements if m.metric in MODEL_METRICS] == [
        m for m in first.measurements if m.metric in MODEL_METRICS
    ]
    assert 0 < session.in_calls_ratio() < 1


def test_a_real_factory_that_raises_is_a_record_and_the_session_goes_on(
    real_lab: Machine, factory: Callable[[str, str], ModelRef]
) -> None:
    session = Session(real_lab, Recorder())
    broken = factory("session_broken_factory", "raise ValueError('no width 7')")

    record = session.measure(case(model=broken), BUDGET)

    assert record.failure is not None
    assert (record.failure.kind, record.failure.where) == (FailureKind.BUILD, "build")
    assert "ValueError: no width 7" in record.failure.message
    assert session.measure(CASE, BUDGET).failure is None


def test_a_real_model_that_fails_in_training_keeps_its_counts(
    real_lab: Machine, factory: Callable[[str, str], ModelRef]
) -> None:
    headless = factory("session_headless_factory", "return nn.Conv2d(3, 4, 3)")

    record = Session(real_lab, Recorder()).measure(case(model=headless, mode=Mode.TRAIN), BUDGET)

    assert record.failure is not None
    assert record.failure.kind is FailureKind.ERROR
    parameters = record.measurement("parameters")
    assert parameters is not None
    assert parameters.samples == (112.0,)


def test_running_out_of_memory_changes_nothing_in_the_next_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With real workers: a case, one that runs out of memory in its call, the first case again."""
    register(tmp_path, make_small_device, name="small")
    monkeypatch.syspath_prepend(tmp_path)
    machine = Machine(executor=ForkedWorkers(), environment=ENVIRONMENT)

    def measure(**axes: Any) -> CaseRecord:
        """In a session of its own, so that nothing is known beforehand."""
        return Session(machine, Recorder()).measure(case(**axes), BUDGET)

    before, doomed, after = measure(), measure(device="small"), measure()

    assert doomed.failure is not None
    assert (doomed.failure.kind, doomed.failure.where) == (FailureKind.OUT_OF_MEMORY, "latency")
    assert "CUDA out of memory" in doomed.failure.message
    assert (before.failure, after.failure) == (None, None)
    assert exact_results(before) == exact_results(after)
    assert {"macs", "peak_allocated", "predicted_peak"} <= exact_results(before).keys()


def exact_results(record: CaseRecord) -> dict[str, tuple[float, ...]]:
    """What is the same every time on a CPU: all that is counted, and what the allocator hands out."""
    exact = {metric.key for metric in METRICS if metric.comparison is Exactness.EXACT}
    exact |= {"peak_allocated", "peak_above_weights"}
    return {each.metric: each.samples for each in record.measurements if each.metric in exact}


def test_a_real_case_in_three_processes() -> None:
    """They are fresh: each draws the layouts of its blocks by a seed of its own."""
    machine = Machine(executor=ForkedWorkers(), environment=ENVIRONMENT)
    budget = Budget(min_rounds=6, max_rounds=60, min_s=0.0, max_s=6.0, max_warmup_s=0.3, processes=3)

    record = Session(machine, Recorder()).measure(CASE, budget)

    assert (record.failure, record.budget) == (None, budget)
    timed = record.measurement("latency")
    assert timed is not None
    assert len(timed.process_sizes) == 3
    assert all(6 <= size <= 20 for size in timed.process_sizes)
    assert timed.method.startswith("3 processes: host clock, wait-call-wait, ")
    assert len(set(re.findall(r"\d+", timed.method.partition("by seed ")[2]))) == 3
    assert len(process_medians(timed)) in (2, 3)
    starts = record.measurement("first_call")
    assert starts is not None
    assert (len(starts.samples), starts.process_sizes) == (3, (1, 1, 1))
    once = {"macs", "parameters", "peak_allocated", "predicted_peak"}
    assert {each.metric: len(each.samples) for each in record.measurements if each.metric in once} == dict.fromkeys(
        once, 1
    )
    assert "too-few-processes" not in {finding.code for finding in record.findings}
