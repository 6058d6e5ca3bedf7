from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from zoobench.zoo.build import build_model

ValuelessModel = Callable[..., nn.Module]


@pytest.fixture(autouse=True)
def _same_weights_every_time() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture
def no_initialisation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights stay as the allocator gave them: building a large model then costs almost nothing."""

    def leave(tensor: Tensor, *_: object, **__: object) -> Tensor:
        return tensor

    for name in dir(nn.init):
        if name.endswith("_") and not name.startswith("_"):
            monkeypatch.setattr(nn.init, name, leave)


@pytest.fixture
def build_valueless(no_initialisation: None) -> ValuelessModel:
    """Builds a model as users do, but without values: on the meta device once it is built.

    Under the meta device itself some models of torchvision cannot be built.
    """

    def build(name: str, **options: Any) -> nn.Module:
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
