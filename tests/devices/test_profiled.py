"""Records of the real profiler of real operators."""

from __future__ import annotations

import time

import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, record_function

from zoobench.devices import CpuDevice, ProfiledOperator
from zoobench.devices.profiler import profile_operators


@pytest.fixture
def device() -> CpuDevice:
    return CpuDevice()


def test_operators_come_in_order_with_what_they_made(device: CpuDevice) -> None:
    layer, images = nn.Conv2d(4, 6, 3, groups=2), torch.ones(2, 4, 8, 8)
    with torch.inference_mode():
        convolution, activation = device.profile_operators(lambda: torch.relu(layer(images)))

    assert (convolution.name, activation.name) == ("conv2d", "relu")
    assert convolution.shapes[:3] == ((2, 4, 8, 8), (6, 2, 3, 3), (6,))
    assert convolution.values[6] == 2
    assert "convolution" in [inner.name for inner in convolution.with_inner()]


def test_an_operator_s_time_includes_those_inside_and_all_fit_in_the_call(device: CpuDevice) -> None:
    images = torch.ones(8, 64, 56, 56)
    took: list[float] = []

    def call() -> None:
        began = time.perf_counter()
        nn.functional.avg_pool2d(images, 3).mean((2, 3))
        took.append(time.perf_counter() - began)

    operators = device.profile_operators(call)

    assert [operator.name for operator in operators] == ["avg_pool2d", "mean"]
    assert 0 < sum(operator.time_s for operator in operators) <= took[0]
    for operator in operators:
        assert sum(inner.time_s for inner in operator.inner) <= operator.time_s


def test_what_stands_between_operators_is_none_of_them(device: CpuDevice) -> None:
    weight = torch.ones(3, requires_grad=True)

    def call() -> None:
        with record_function("mine"):
            (weight * 2).sum().backward()

    names = [operator.name for operator in device.profile_operators(call)]

    assert names[:2] == ["mul", "sum"]
    assert not any("Backward" in name or name == "mine" for name in names)
    assert names.count("mul") == 2, "once forward, once in autograd's node"


def test_a_list_of_tensors_has_no_one_shape() -> None:
    tensors = [torch.ones(2, 3)] * 2
    operators = profile_operators(
        lambda: torch.cat(tensors, 1), [ProfilerActivity.CPU], lambda event: event.cpu_time_total
    )
    assert operators[0].shapes[0] == ()


def test_inner_operators_come_after_their_outer_ones() -> None:
    def part(name: str, *inner: ProfiledOperator) -> ProfiledOperator:
        return ProfiledOperator(name=name, shapes=(), values=(), time_s=0.0, inner=inner)

    tree = part("a", part("b", part("c")), part("d"))
    assert [operator.name for operator in tree.with_inner()] == ["a", "b", "c", "d"]
