"""Ranges of modules in a real profile."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from zoobench.devices import CpuDevice, module_scopes
from zoobench.devices.profiler import path_of_scope, scope_name


@pytest.mark.parametrize("path", ["", "features.0", "layer1.0.conv1"])
def test_a_range_is_named_after_its_module(path: str) -> None:
    assert path_of_scope(scope_name(path)) == path


def test_what_is_no_range_of_a_module_has_no_path() -> None:
    assert path_of_scope("aten::relu") is None


def test_operators_have_the_path_of_the_innermost_module() -> None:
    model = nn.Sequential(nn.Sequential(nn.ReLU()), nn.Flatten())
    images = torch.ones(2, 3, 4)
    with module_scopes(model):
        operators = CpuDevice().profile_operators(lambda: model(images) * 2)
    assert [(operator.name, operator.path) for operator in operators] == [
        ("relu", "0.0"),
        ("flatten", "1"),
        ("mul", ""),
    ]
    assert {inner.path for inner in operators[0].with_inner()} == {"0.0"}


def test_a_module_of_no_name_is_part_of_its_caller() -> None:
    hidden = nn.Tanh()

    class Holder(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return hidden(images)

    model, images = nn.Sequential(Holder()), torch.ones(2)
    with module_scopes(model):
        [operator] = CpuDevice().profile_operators(lambda: model(images))
    assert operator.path == "0"


def test_a_range_ends_where_its_module_raises() -> None:
    class Failing(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            raise ValueError

    class Catching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.failing = Failing()

        def forward(self, images: Tensor) -> Tensor:
            try:
                return self.failing(images)
            except ValueError:
                return images.relu()

    model = Catching()
    with module_scopes(model), profile(activities=[ProfilerActivity.CPU]) as profiler:
        model(torch.ones(2))
    [relu] = [event for event in profiler.events() if event.name == "aten::relu"]
    assert relu.cpu_parent.name == scope_name("")
