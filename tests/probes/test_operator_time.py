from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
import torch
from fakes import FakeAsyncDevice
from synthetic import make_case
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torchvision.models.shufflenetv2 import channel_shuffle

from zoobench.cases import Budget, Compiler, Mode
from zoobench.devices import CpuDevice, ProfiledOperator
from zoobench.kinds import LayerKind
from zoobench.probes.operator_time import kind_of, measure_operator_time, time_by_kind
from zoobench.probes.probe import Progress
from zoobench.records import Breakdown, Measurement, Unavailable
from zoobench.subject import build_subject

CASE = make_case("lenet5", batch=4, threads=1)
MAPS = (2, 8, 6, 6)


def kinds(function: Callable[[Tensor], object], *shape: int) -> list[LayerKind]:
    """Of the operators that took part, by the real profiler; `other` left out, views are among it."""
    images = torch.ones(shape)
    with torch.inference_mode():
        operators = CpuDevice().profile_operators(lambda: function(images))
    return [kind for kind in map(kind_of, operators) if kind is not LayerKind.OTHER]


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        pytest.param(nn.Conv2d(8, 4, 3), LayerKind.CONVOLUTION, id="dense"),
        pytest.param(nn.Conv2d(8, 4, 1), LayerKind.POINTWISE, id="pointwise"),
        pytest.param(nn.Conv2d(8, 4, 1, groups=2), LayerKind.GROUPED_POINTWISE, id="grouped pointwise"),
        pytest.param(nn.Conv2d(8, 16, 3, groups=8), LayerKind.DEPTHWISE, id="depthwise"),
        pytest.param(nn.Conv2d(8, 4, 3, groups=2), LayerKind.GROUPED, id="grouped"),
        pytest.param(nn.Linear(6, 3), LayerKind.FULLY_CONNECTED, id="linear"),
        pytest.param(nn.BatchNorm2d(8).eval(), LayerKind.NORMALISATION, id="batch norm"),
        pytest.param(nn.ReLU6(), LayerKind.ACTIVATION, id="relu6"),
        pytest.param(nn.ReLU(inplace=True), LayerKind.ACTIVATION, id="relu in place"),
        pytest.param(nn.Hardswish(), LayerKind.ACTIVATION, id="hardswish"),
        pytest.param(nn.Hardsigmoid(), LayerKind.ACTIVATION, id="hardsigmoid"),
        pytest.param(nn.SiLU(), LayerKind.ACTIVATION, id="silu"),
        pytest.param(nn.MaxPool2d(2), LayerKind.POOLING, id="max pool"),
        pytest.param(nn.AdaptiveAvgPool2d(1), LayerKind.POOLING, id="global pool"),
        pytest.param(nn.AdaptiveAvgPool2d(3), LayerKind.POOLING, id="adaptive pool"),
        pytest.param(lambda x: x.mean((2, 3)), LayerKind.POOLING, id="mean over space"),
        pytest.param(lambda x: channel_shuffle(x, 4), LayerKind.CHANNEL_SHUFFLE, id="shuffle of torchvision"),
        pytest.param(nn.ChannelShuffle(4), LayerKind.CHANNEL_SHUFFLE, id="shuffle of torch"),
        pytest.param(lambda x: x + x, LayerKind.ADD, id="add"),
        pytest.param(lambda x: torch.cat([x, x]), LayerKind.CONCAT, id="concat"),
        pytest.param(lambda x: F.scaled_dot_product_attention(x, x, x), LayerKind.ATTENTION, id="attention"),
    ],
)
def test_what_the_profiler_tells_is_of_the_kind_that_a_trace_says(
    function: Callable[[Tensor], object], kind: LayerKind
) -> None:
    assert kinds(function, *MAPS) == [kind]


def measure(device: object = None, progress: Progress | None = None, **axes: object) -> list[object]:
    subject = build_subject(msgspec.structs.replace(CASE, **axes), device or CpuDevice())
    return list(measure_operator_time(subject, Budget(max_s=8.0), progress or Progress()))


def test_the_time_of_lenet5_by_kind() -> None:
    progress = Progress()
    total, breakdown = measure(progress=progress)
    assert isinstance(total, Measurement)
    assert isinstance(breakdown, Breakdown)
    assert (breakdown.metric, breakdown.by) == ("operator_time", "kind")
    assert set(breakdown.values) == {"convolution", "pooling", "activation", "fully-connected", "other"}
    assert total.samples == (sum(breakdown.values.values()),)
    assert 0 < total.samples[0] <= progress.in_calls_s / 3
    assert list(breakdown.values.values()) == sorted(breakdown.values.values(), reverse=True)


def test_a_training_step_has_its_backward_kinds_too() -> None:
    _, breakdown = measure(mode=Mode.TRAIN)
    assert isinstance(breakdown, Breakdown)
    forward_alone = measure()[1]
    assert isinstance(forward_alone, Breakdown)
    assert breakdown.values["convolution"] > forward_alone.values["convolution"]


def test_times_are_of_one_call() -> None:
    relu = ProfiledOperator(name="relu", shapes=((3,),), values=(None,), time_s=0.5)
    add = ProfiledOperator(name="add", shapes=((3,), (3,)), values=(None, None), time_s=3.0)
    assert time_by_kind((relu, add, relu, add), calls=2) == {"add": 3.0, "activation": 0.5}


@pytest.mark.parametrize(
    ("axes", "call_s", "reason"),
    [
        ({}, 9.0, "a call takes 9.0 s, more than the budget of 8 s"),
        ({"compiler": Compiler.INDUCTOR}, 0.1, "a compiled model runs kernels of its own making"),
    ],
    ids=["long", "compiled"],
)
def test_what_cannot_be_profiled_says_why(axes: dict[str, object], call_s: float, reason: str) -> None:
    [result] = measure(progress=Progress(call_s=call_s), **axes)
    assert isinstance(result, Unavailable)
    assert result.reason.startswith(reason)


@pytest.mark.parametrize(("call_s", "calls"), [(0.1, 3), (2.0, 1)])
def test_a_long_call_is_profiled_once(monkeypatch: pytest.MonkeyPatch, call_s: float, calls: int) -> None:
    made: list[object] = []

    class Counting(CpuDevice):
        def profile_operators(self, call: Callable[[], object]) -> tuple[ProfiledOperator, ...]:
            call()
            return (ProfiledOperator(name="add", shapes=((), ()), values=(None, None), time_s=6.0),)

    progress = Progress(call_s=call_s)
    subject = build_subject(CASE, Counting())
    subject.module.register_forward_hook(lambda *_: made.append(1))
    _, breakdown = measure_operator_time(subject, Budget(), progress)

    assert len(made) == calls
    assert isinstance(breakdown, Breakdown)
    assert breakdown.values == {"add": 6.0 / calls}


def test_on_a_device_of_its_own_time_is_its_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    device = FakeAsyncDevice()
    subject = msgspec.structs.replace(build_subject(CASE, CpuDevice()), device=device)
    total, breakdown = measure_operator_time(subject, Budget(), Progress())
    assert isinstance(total, Measurement)
    assert isinstance(breakdown, Breakdown)
    assert total.samples == (breakdown.values["activation"],)
