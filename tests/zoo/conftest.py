from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from zoobench.zoo.build import build_model

RANDOM_FILLS = (Tensor.normal_, Tensor.uniform_, Tensor.erfinv_)

ValuelessModel = Callable[..., nn.Module]


class WithoutInitialisation(TorchFunctionMode):
    """Leaves the memory of weights as the allocator gave it: building a large model then costs almost nothing."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        options = kwargs or {}
        if func in RANDOM_FILLS or getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else options["tensor"]
        return func(*args, **options)


@pytest.fixture
def build_valueless() -> ValuelessModel:
    """Builds a model as users do, but on the meta device and in evaluation mode: shapes, no values."""

    def build(name: str, **options: Any) -> nn.Module:
        with WithoutInitialisation():
            return build_model(name, **options).to("meta").eval()

    return build


def count_macs(module: nn.Module, images: Tensor) -> int:
    """Multiply-accumulates of convolutions and matrix products, by torch's counter, which counts two for each."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(images)
    assert counter.get_total_flops() % 2 == 0
    return counter.get_total_flops() // 2


@pytest.fixture(name="count_macs")
def count_macs_fixture() -> Callable[[nn.Module, Tensor], int]:
    return count_macs
