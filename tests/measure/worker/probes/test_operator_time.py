from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable

import msgspec
import pytest
import torch
from fakes import FakeAsyncDevice
from synthetic import make_case
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.modules import module as module_hooks
from torchvision.models.shufflenetv2 import channel_shuffle

from zoobench.cases import Budget, Compiler, Mode
from zoobench.devices import CpuDevice, ProfiledOperator
from zoobench.measure.worker.probes.operator_time import kind_of, measure_operator_time, quickest_call, time_by
from zoobench.measure.worker.probes.probe import ProbeState
from zoobench.measure.worker.workload import Inference, build_workload
from zoobench.records import Breakdown, LayerKind, Measurement, Unavailable

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


def measure(device: object = None, progress: ProbeState | None = None, **axes: object) -> list[object]:
    workload = build_workload(msgspec.structs.replace(CASE, **axes), device or CpuDevice())
    return list(measure_operator_time(workload, Budget(max_s=8.0), progress or ProbeState()))


def whole(results: Iterable[object], metric: str = "operator_time") -> Measurement:
    [found] = [part for part in results if isinstance(part, Measurement) and part.metric == metric]
    return found


def values(results: Iterable[object], by: str) -> dict[str, float]:
    [found] = [part for part in results if isinstance(part, Breakdown) and part.by == by]
    assert found.metric == "operator_time"
    return found.values


def test_the_time_of_lenet5_by_kind() -> None:
    progress = ProbeState()
    results = measure(progress=progress)
    times = values(results, "kind")
    assert set(times) == {"convolution", "pooling", "activation", "fully-connected", "other"}
    assert whole(results).samples == (sum(times.values()),)
    assert 0 < whole(results).samples[0] <= progress.in_calls_s
    assert list(times.values()) == sorted(times.values(), reverse=True)


def test_the_same_time_by_operator_and_by_module() -> None:
    results = measure()
    operators, layers = values(results, "operator"), values(results, "layer")
    assert {"conv2d", "linear"} <= set(operators)
    paths = {path for path, _ in build_workload(CASE, CpuDevice()).module.named_modules()}
    assert set(layers) <= paths
    for times in (operators, layers):
        assert list(times.values()) == sorted(times.values(), reverse=True)
        assert sum(times.values()) == pytest.approx(whole(results).samples[0], abs=1e-9 * (1 + len(times)))


class TwoSpeeds(nn.Module):
    """`slow` does a product, a thousand times the work of anything else here; `twice` is called before and after it."""

    def __init__(self) -> None:
        super().__init__()
        self.twice = nn.ReLU()
        self.slow = nn.Linear(1024, 1024, bias=False)
        self.inner = nn.Sequential(nn.Tanh())

    def forward(self, images: Tensor) -> Tensor:
        rows = self.twice(images.flatten(1)[:, :1].expand(256, 1024))
        return self.inner(self.twice(self.slow(rows))) + 1.0


def profile_of(module: nn.Module, **axes: object) -> list[object]:
    workload = build_workload(msgspec.structs.replace(CASE, **axes), CpuDevice())
    images = torch.rand(256, 1)
    call = Inference(module, images, contextlib.nullcontext)
    own = msgspec.structs.replace(workload, module=module, images=images, model_call=call)
    return list(measure_operator_time(own, Budget(), ProbeState(call_s=0.5)))


def test_a_module_has_the_time_of_its_own_operators_in_all_of_its_calls() -> None:
    module = TwoSpeeds()
    results = profile_of(module)
    layers, operators = values(results, "layer"), values(results, "operator")
    assert set(layers) == {"", "slow", "twice", "inner.0"}, "inner has no operator of its own"
    assert next(iter(layers)) == "slow"
    assert layers["slow"] == operators["linear"]
    assert layers["twice"] == operators["relu"], "both calls"
    assert layers["inner.0"] == operators["tanh"]
    own = {name for name in operators if name not in ("linear", "relu", "tanh")}
    assert layers[""] == pytest.approx(sum(operators[name] for name in own), abs=1e-8)
    assert {"add", "flatten", "expand"} <= own


def test_no_hook_stays_even_where_the_model_fails() -> None:
    class Failing(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            raise ValueError("no forward")

    profile_of(TwoSpeeds())
    with pytest.raises(ValueError, match="no forward"):
        profile_of(nn.Sequential(nn.ReLU(), Failing()))
    assert not module_hooks._global_forward_hooks
    assert not module_hooks._global_forward_pre_hooks
    assert not module_hooks._global_forward_hooks_always_called


def test_a_training_step_has_its_backward_kinds_too_and_no_modules() -> None:
    results, forward_alone = measure(mode=Mode.TRAIN), measure()
    assert values(results, "kind")["convolution"] > values(forward_alone, "kind")["convolution"]
    assert "convolution_backward" in values(results, "operator")
    assert not [part for part in results if isinstance(part, Breakdown) and part.by == "layer"]


def test_times_are_of_one_call_in_nanoseconds() -> None:
    relu = ProfiledOperator(name="relu", shapes=((3,),), values=(None,), time_s=0.5)
    add = ProfiledOperator(name="add", shapes=((3,), (3,)), values=(None, None), time_s=3.0000000021)
    view = ProfiledOperator(name="view", shapes=((3,),), values=(None,), time_s=4e-10)
    times = time_by(lambda operator: operator.name, (relu, add, view, relu, add), calls=2)
    assert times == {"add": 3.000000002, "relu": 0.5}


def test_the_profiler_s_overhead_is_over_the_latency() -> None:
    progress = ProbeState(call_s=0.25)
    overhead = whole(measure(progress=progress), "profiler_overhead")
    assert len(overhead.samples) == 5
    assert sum(overhead.samples) * 0.25 == pytest.approx(progress.in_calls_s)


def test_without_a_latency_there_is_no_overhead() -> None:
    [missing] = [part for part in measure() if isinstance(part, Unavailable)]
    assert (missing.metric, missing.reason) == ("profiler_overhead", "no call was timed without the profiler")


@pytest.mark.parametrize(
    ("axes", "call_s", "reason"),
    [
        ({}, 9.0, "a call takes 9.0 s, more than the budget of 8 s"),
        ({"compiler": Compiler.INDUCTOR}, 0.1, "a compiled model runs kernels of its own making"),
    ],
    ids=["long", "compiled"],
)
def test_what_cannot_be_profiled_says_why(axes: dict[str, object], call_s: float, reason: str) -> None:
    results = measure(progress=ProbeState(call_s=call_s), **axes)
    assert all(isinstance(result, Unavailable) and result.reason.startswith(reason) for result in results)
    assert [result.metric for result in results] == ["operator_time", "profiler_overhead"]


def _compiled_in_place() -> nn.Module:
    module = nn.ReLU()
    module.compile(backend="eager")
    return module


@pytest.mark.parametrize(
    "compiled", [lambda: torch.compile(nn.ReLU(), backend="eager"), _compiled_in_place], ids=["wrapped", "in place"]
)
def test_a_model_that_is_compiled_in_part_by_its_own_code_is_not_profiled(compiled: Callable[[], nn.Module]) -> None:
    results = profile_of(nn.Sequential(nn.Tanh(), compiled()))
    assert all(isinstance(result, Unavailable) and result.reason.startswith("a compiled") for result in results)


@pytest.mark.parametrize(("call_s", "calls"), [(0.1, 5), (2.0, 1)])
def test_a_long_call_is_profiled_once(monkeypatch: pytest.MonkeyPatch, call_s: float, calls: int) -> None:
    made: list[object] = []

    class Counting(CpuDevice):
        def profile_operators(self, call: Callable[[], object]) -> tuple[ProfiledOperator, ...]:
            call()
            return (ProfiledOperator(name="add", shapes=((), ()), values=(None, None), time_s=6.0),)

    progress = ProbeState(call_s=call_s)
    workload = build_workload(CASE, Counting())
    workload.module.register_forward_hook(lambda *_: made.append(1))
    results = list(measure_operator_time(workload, Budget(), progress))

    assert len(made) == calls
    assert values(results, "kind") == values(results, "operator") == {"add": 6.0 / calls}
    assert values(results, "layer") == {"": 6.0 / calls}


def test_on_a_device_of_its_own_time_is_its_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    device = FakeAsyncDevice()
    workload = msgspec.structs.replace(build_workload(CASE, CpuDevice()), device=device)
    with device.settings(CASE):
        results = list(measure_operator_time(workload, Budget(), ProbeState()))
    assert whole(results).samples == (values(results, "kind")["activation"],)


def _named(*names: str, time_s: float) -> list[ProfiledOperator]:
    return [ProfiledOperator(name=name, shapes=((),), values=(None,), time_s=time_s) for name in names]


def test_the_quickest_call_speaks_for_all() -> None:
    slow, quick = _named("conv2d", "relu", time_s=2.0), _named("conv2d", "relu", time_s=1.0)
    assert quickest_call([*slow, *quick, *slow], [4.5, 2.5, 4.25]) == (quick, 1)


@pytest.mark.parametrize("second", [("relu", "conv2d"), ("conv2d",), ("conv2d", "relu", "relu", "relu")])
def test_calls_that_differ_cannot_be_told_apart(second: tuple[str, ...]) -> None:
    operators = [*_named("conv2d", "relu", time_s=1.0), *_named(*second, time_s=1.0)]
    assert quickest_call(operators, [1.0, 2.0]) == (operators, 2)


def test_calls_without_operators_have_none() -> None:
    assert quickest_call([], [1.0, 2.0]) == ([], 2)
