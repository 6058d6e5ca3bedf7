"""CUDA graphs: what is replayed is the call, and what cannot be captured leaves nothing behind."""

from __future__ import annotations

from typing import Any

import gpu_tasks
import msgspec
import pytest
import torch

from zoobench.cases import Case, Mode, Precision
from zoobench.devices import CudaDevice
from zoobench.measure.executor import ForkedWorkers, Task
from zoobench.measure.worker.workload import build_workload
from zoobench.records import Measurement

pytestmark = pytest.mark.gpu

GRAPH = "CUDA graph of one call"


def test_a_replay_gives_what_the_eager_call_gives(device: CudaDevice, case: Case) -> None:
    with device.settings(case):
        workload = build_workload(case, device)
        found: list[torch.Tensor] = []

        def call() -> None:
            with torch.no_grad():  # its outputs may be written to
                found.append(workload.module(workload.images))

        call()
        with device._captured(call) as graph:
            found[-1].zero_()
            graph.replay()
            device.wait()
            torch.testing.assert_close(found[-1], found[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("precision", [Precision.FP32, Precision.AMP_BF16])
def test_inference_and_a_whole_training_step_are_captured(
    device: CudaDevice, case: Case, mode: Mode, precision: Precision
) -> None:
    case = msgspec.structs.replace(case, mode=mode, precision=precision)
    with device.settings(case):
        workload = build_workload(case, device)
        answer = device.measure_device_time(workload.call)

    assert isinstance(answer, Measurement)
    assert answer.method.startswith(GRAPH)
    assert all(torch.isfinite(parameter).all() for parameter in workload.module.parameters())


def in_worker(task: str, *arguments: Any) -> Any:
    """What the task tells in a process of its own, where a failed capture is the only one."""
    told: list[Any] = []
    assert ForkedWorkers().run(Task(getattr(gpu_tasks, task), arguments), told.append, 60.0) is None
    return told[0]


def test_the_loss_scalers_question_keeps_a_step_from_being_captured(case: Case) -> None:
    """The device, if it is not told, finds out by itself and says why."""
    case = msgspec.structs.replace(case, mode=Mode.TRAIN, precision=Precision.AMP_FP16)

    answer, is_capturable = in_worker("capture_step", case)

    assert not is_capturable
    assert isinstance(answer, Measurement)
    assert "no CUDA graph: " in answer.method


def test_after_a_capture_that_failed_the_device_works_as_before() -> None:
    answer, is_on_its_stream, kept_ratio, allocated_bytes = in_worker("fail_a_capture")

    assert isinstance(answer, Measurement)
    assert "no CUDA graph: " in answer.method
    assert is_on_its_stream
    assert 0.4 < kept_ratio < 0.6, "random numbers are drawn as before"
    assert allocated_bytes == 64 * 2**20, "memory is allocated and counted as before"


def test_a_replay_takes_what_the_profiler_sees_of_its_kernels(device: CudaDevice, case: Case) -> None:
    case = msgspec.structs.replace(case, batch=64)
    with device.settings(case):
        workload = build_workload(case, device)
        replayed = device.measure_device_time(workload.call)
        profiled = device.measure_device_time(workload.call, is_capturable=False)

    assert isinstance(replayed, Measurement)
    assert isinstance(profiled, Measurement)
    assert min(replayed.samples) == pytest.approx(profiled.samples[0], rel=0.3)
