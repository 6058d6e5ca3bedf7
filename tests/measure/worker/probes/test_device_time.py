from __future__ import annotations

import msgspec
import pytest
from fakes import OPERATOR_S, FakeAsyncDevice
from synthetic import make_case
from torch import nn

from zoobench.cases import Budget, Mode, Precision
from zoobench.devices import Call, CpuDevice, Device
from zoobench.measure.worker.probes.probe import ProbeState
from zoobench.measure.worker.probes.throughput import measure_device_time
from zoobench.measure.worker.workload import Inference, Workload, build_workload
from zoobench.records import Measurement, Unavailable

CASE = make_case("lenet5", threads=1)


def measure(workload: Workload, progress: ProbeState) -> Measurement | Unavailable:
    [result] = measure_device_time(workload, Budget(), progress)
    assert not isinstance(result, str)
    return result  # type: ignore[return-value]


def subject_on(device: Device) -> Workload:
    return build_workload(CASE, device)


def test_it_is_the_sum_of_the_kernels_without_the_gaps() -> None:
    device = FakeAsyncDevice()
    with device.settings(CASE):
        workload = subject_on(device)
        progress = ProbeState()
        result = measure(workload, progress)

    assert isinstance(result, Measurement)
    kernels = result.samples[0] / OPERATOR_S
    assert kernels == operators_of(workload)
    assert progress.in_calls_s > 0


def test_the_call_that_the_device_is_given_does_not_wait() -> None:
    """A wait would break the capture of a graph."""
    device = FakeAsyncDevice()
    with device.settings(CASE):
        workload = subject_on(device)
        before = device.waits
        measure(workload, ProbeState())

    assert device.waits == before + 1, "the device's own, after the call"


@pytest.mark.parametrize(
    ("axes", "is_capturable"),
    [
        ({}, True),
        ({"precision": Precision.AMP_FP16}, True),
        ({"mode": Mode.TRAIN}, True),
        ({"mode": Mode.TRAIN, "precision": Precision.AMP_BF16}, True),
        ({"mode": Mode.TRAIN, "precision": Precision.AMP_FP16}, False),
    ],
)
def test_only_a_step_that_scales_its_loss_cannot_be_captured(axes: dict[str, object], *, is_capturable: bool) -> None:
    asked: list[bool] = []

    class Asked(FakeAsyncDevice):
        def measure_device_time(self, call: Call, *, is_capturable: bool = True) -> Measurement:
            asked.append(is_capturable)
            return Measurement(metric="device_time", samples=(1.0,), method="known")

    device = Asked()
    with device.settings(CASE):
        measure(build_workload(msgspec.structs.replace(CASE, **axes), device), ProbeState())

    assert asked == [is_capturable]


def test_no_call_is_made_where_one_takes_longer_than_the_budget() -> None:
    device = FakeAsyncDevice()
    [result] = measure_device_time(subject_on(device), Budget(max_s=8.0), ProbeState(call_s=8.5))

    reason = "a call takes 8.5 s, more than the budget of 8 s"
    assert result == Unavailable(metric="device_time", reason=reason)
    assert device.waits == 0


def operators_of(workload: Workload) -> int:
    """Leaves of the model: a squashing is three operators, flattening one."""
    leaves = [module for module in workload.module.modules() if not list(module.children())]
    squashings = 4 * 3
    return len([leaf for leaf in leaves if type(leaf).__name__ != "ScaledTanh"]) + squashings + len(["flatten"])


def test_a_cpu_makes_no_call_for_it() -> None:
    workload = subject_on(CpuDevice())
    calls: list[int] = []
    module = nn.Identity()
    module.register_forward_pre_hook(lambda *_: calls.append(1))
    progress = ProbeState()

    result = measure(
        Workload(
            case=CASE,
            device=CpuDevice(),
            module=module,
            images=workload.images,
            model_call=Inference(module, workload.images, nn.Module),  # type: ignore[arg-type]
            build_s=0.0,
        ),
        progress,
    )

    assert isinstance(result, Unavailable)
    assert (calls, progress.in_calls_s) == ([], 0.0)
