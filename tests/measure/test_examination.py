from __future__ import annotations

import datetime as dt

import doctor_tasks
import msgspec
import pytest
from fakes import EmittingExecutor
from synthetic import TROUBLED, make_case, measurement

from zoobench.cases import BadInputError, Case, DeviceFacts
from zoobench.measure import doctor, tasks
from zoobench.measure import executor as isolate
from zoobench.measure.doctor import CHECKS, Check, CheckResult, WorkerCheck, examine
from zoobench.measure.executor import Executor, ForkedWorkers, Task
from zoobench.measure.messages import FULL, QUICK, Effort, MachineFacts, example_case
from zoobench.measure.session import Machine
from zoobench.records import Environment, Failure, FailureKind, Unavailable

CASE = make_case("lenet5", threads=1)
SHORT = Effort(load_s=0.05, product_s=0.0, paging_s=0.0, pace_s=0.0, processes=2, case_s=0.1)
ENVIRONMENT = Environment(
    host={"processor": "Test CPU", "usable_threads": "1"},
    software={"torch": "2.14.1"},
    settings={"instruction_set": "AVX512"},
    commit={},
    devices=(DeviceFacts(name="cpu", is_available=True, model="Test CPU", precisions=("fp32",)),),
)


def machine(executor: Executor) -> Machine:
    return Machine(executor=executor, environment=ENVIRONMENT)


def quietly(number: int, total: int, title: str) -> None:
    """As nobody listens."""


class Told(msgspec.Struct, frozen=True):
    """A check that finds this."""

    title: str
    found: CheckResult

    def run(self, executor: Executor, case: Case, effort: Effort) -> CheckResult:
        return self.found


# Put together


def test_a_calibration_is_what_its_checks_found() -> None:
    lacking = Unavailable(metric="steal", reason="no /proc")
    checks: tuple[Check, ...] = (
        Told("all", CheckResult(measurements=TROUBLED, facts={"clocksource": "tsc"})),
        Told("none", CheckResult(unavailable=(lacking,))),
    )

    made = examine(machine(EmittingExecutor()), CASE, SHORT, quietly, checks)

    assert made.measurements == TROUBLED
    assert made.unavailable == (lacking,)
    assert len(made.findings) == 20
    assert made.facts["processor"] == "Test CPU"
    assert (made.facts["device"], made.facts["clocksource"]) == ("cpu", "tsc")
    assert dt.datetime.fromisoformat(made.made_at).tzinfo is not None


def test_each_check_is_announced_before_it_is_made() -> None:
    heard: list[object] = []

    class Listening(Told, frozen=True):
        def run(self, executor: Executor, case: Case, effort: Effort) -> CheckResult:
            heard.append("made")
            return self.found

    checks = (Listening("clock", CheckResult()), Listening("load", CheckResult()))
    examine(machine(EmittingExecutor()), CASE, SHORT, lambda *words: heard.append(words), checks)

    assert heard == [(1, 2, "clock"), "made", (2, 2, "load"), "made"]


def test_a_device_that_is_not_here_is_refused_before_anything_is_made() -> None:
    executor = EmittingExecutor()

    with pytest.raises(BadInputError, match="unknown device 'cuda': known are cpu"):
        examine(machine(executor), example_case("cuda"), SHORT, quietly)

    assert executor.tasks == []


def test_a_check_is_a_task_on_the_device() -> None:
    executor = EmittingExecutor(measurement("pace", 1.0), MachineFacts({"turbo": "1"}))

    found = WorkerCheck("pace", tasks.examine_steadiness, ("pace", "steal")).run(executor, CASE, SHORT)

    assert executor.tasks == [Task(tasks.examine_steadiness, ("cpu", SHORT))]
    assert found.measurements == (measurement("pace", 1.0),)
    assert found.unavailable == (Unavailable(metric="steal", reason="the check did not say"),)
    assert found.facts == {"turbo": "1"}


def test_a_quick_examination_is_a_shorter_one() -> None:
    assert all(getattr(QUICK, name) < getattr(FULL, name) for name in Effort.__struct_fields__)
    assert QUICK.processes >= 5, "a spread of fewer is no spread"
    assert QUICK.processes % 2 == FULL.processes % 2 == 0, "a process without a partner is lost to the noise floor"


# What goes wrong in a worker


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        ("be_killed", "the worker was killed by SIGKILL, which the kernel also does when memory runs out"),
        (
            "fail",
            "the worker exited with code 1 before it was done (ArithmeticError: the clock stood still)",
        ),
        ("say_nothing", "the check did not say"),
    ],
)
def test_a_check_that_goes_wrong_is_unavailable_and_the_others_go_on(function: str, reason: str) -> None:
    checks = (
        WorkerCheck("bad", getattr(doctor_tasks, function), ("pace", "steal")),
        Told("good", CheckResult(measurements=TROUBLED[:1])),
    )

    made = examine(machine(ForkedWorkers()), CASE, SHORT, quietly, checks)

    lost = {unavailable.metric: unavailable.reason for unavailable in made.unavailable}
    assert lost["steal"] == reason
    assert ("pace" in lost) is (function != "be_killed"), "what was told before stays"
    assert TROUBLED[0] in made.measurements


def test_a_check_without_an_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "TIME_LIMIT_S", 0.5)

    made = examine(machine(ForkedWorkers()), CASE, SHORT, quietly, (WorkerCheck("bad", doctor_tasks.hang, ("pace",)),))

    assert made.unavailable == (Unavailable(metric="pace", reason="no end within 0.5 s"),)


def test_workers_that_cannot_start_leave_every_metric_with_a_reason() -> None:
    dead = Failure(kind=FailureKind.CRASH, message="no worker could be started: no memory", where=isolate.START)

    made = examine(machine(EmittingExecutor(failure=dead)), CASE, SHORT, quietly)

    assert made.measurements == ()
    assert {unavailable.reason for unavailable in made.unavailable} == {dead.message}


# With real workers


def test_a_real_examination_says_something_of_every_metric() -> None:
    made = examine(machine(ForkedWorkers()), CASE, SHORT, quietly)

    told = [part.metric for part in made.measurements] + [part.metric for part in made.unavailable]
    wanted = [metric for check in CHECKS for metric in getattr(check, "metrics", ("repeated_latency",))]
    assert sorted(told) == sorted(wanted)
    assert {"known_time_error", "known_macs_error", "known_bytes_error", "pace", "repeated_latency"} <= {
        part.metric for part in made.measurements
    }
    assert not {"wrong-count", "wrong-memory"} & {finding.code for finding in made.findings}
    assert made.facts["is_virtual"] in ("true", "false", "unknown")
