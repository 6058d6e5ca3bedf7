from __future__ import annotations

import msgspec
import pytest
from fakes import EmittingExecutor
from synthetic import make_case, measurement

from zoobench.cases import Budget
from zoobench.measure import tasks
from zoobench.measure.doctor import measure_replicates
from zoobench.measure.executor import ForkedWorkers, InProcess, Task
from zoobench.measure.messages import QUICK, Emit, InCalls, Step
from zoobench.measure.replication import ONLY_LATENCY
from zoobench.measure.worker.probes import all_probes
from zoobench.records import Failure, FailureKind, Measurement, Unavailable
from zoobench.stats.calibration import block_medians

CASE = make_case("lenet5", threads=1)
EFFORT = msgspec.structs.replace(QUICK, processes=4, case_s=0.5)
KILLED = Failure(kind=FailureKind.CRASH, message="the worker was killed by SIGKILL", where="latency")


class InTurn(EmittingExecutor):
    """Tells one of these lists of parts after the other; a failure among them is how that worker ended."""

    def __init__(self, *turns: tuple[object, ...]) -> None:
        super().__init__()
        self._turns = iter(turns)

    def run(self, task: Task, emit: Emit, time_limit_s: float) -> Failure | None:
        self.parts = next(self._turns)
        died = next((part for part in self.parts if part is KILLED), None)
        self.parts = tuple(part for part in self.parts if part is not KILLED)
        super().run(task, emit, time_limit_s)
        return died


def latency(*seconds: float) -> Measurement:
    return measurement("latency", *seconds)


def test_each_process_is_a_block() -> None:
    executor = InTurn((Step("latency"), latency(1.0, 1.5, 2.0), InCalls(4.5)), *(((latency(2.0)),),) * 3)

    result = measure_replicates(executor, CASE, EFFORT)

    assert isinstance(result, Measurement)
    assert result.samples == (1.0, 1.5, 2.0, 2.0, 2.0, 2.0)
    assert result.block_sizes == (3, 1, 1, 1)
    assert block_medians(result) == (1.5, 2.0, 2.0, 2.0)
    assert f"{CASE.id}, 4 of 4 fresh processes" in result.method


def test_every_process_measures_the_same_case_as_a_run_would() -> None:
    executor = InTurn(*((latency(1.0),),) * 4)

    measure_replicates(executor, CASE, EFFORT)

    [task] = {task.function: task for task in executor.tasks}.values()
    case, budget, known = task.arguments
    assert (task.function, case, known.metrics) == (tasks.measure_case, CASE, ONLY_LATENCY)
    assert (budget.max_s, budget.precision_target) == (0.5, 0.0)


def test_only_the_probe_of_latency_runs() -> None:
    assert [probe.name for probe in all_probes() if probe.is_wanted(Budget(), ONLY_LATENCY)] == ["latency"]


def test_a_process_that_died_is_left_out_and_said() -> None:
    executor = InTurn((latency(1.0),), (latency(9.0), KILLED), (latency(2.0),), (latency(3.0),))

    result = measure_replicates(executor, CASE, EFFORT)

    assert isinstance(result, Measurement)
    assert block_medians(result) == (1.0, 2.0, 3.0)
    assert "3 of 4 fresh processes" in result.method


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        (((latency(1.0),), (KILLED,), (KILLED,), (KILLED,)), KILLED.message),
        (((Failure(kind=FailureKind.BUILD, message="no such model", where="build"),),) * 4, "no such model"),
        (((),) * 4, "the workers sent no latency"),
    ],
)
def test_fewer_than_two_are_no_comparison(turns: tuple[tuple[object, ...], ...], reason: str) -> None:
    result = measure_replicates(InTurn(*turns), CASE, EFFORT)

    assert result == Unavailable(metric="repeated_latency", reason=reason)


def test_a_real_case_in_this_process() -> None:
    effort = msgspec.structs.replace(EFFORT, processes=2, case_s=0.1)

    result = measure_replicates(InProcess(), CASE, effort)

    assert isinstance(result, Measurement)
    assert len(result.block_sizes) == 2


def test_real_processes_are_fresh_ones() -> None:
    effort = msgspec.structs.replace(EFFORT, processes=2, case_s=0.1)

    result = measure_replicates(ForkedWorkers(), CASE, effort)

    assert isinstance(result, Measurement)
    assert len(block_medians(result)) == 2
