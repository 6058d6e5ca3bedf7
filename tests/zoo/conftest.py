from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from zoobench.zoo.build import build_model

ValuelessModel = Callable[[str], nn.Module]


@pytest.fixture(autouse=True)
def _same_weights_every_time() -> Iterator[None]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Use one thread: two on two busy cores wait for each other, six times slower for images this small."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def no_initialisation() -> Iterator[None]:
    """Leave weights uninitialised, so that building a large model takes almost no time."""
    with skipped_initialisation():
        yield


@pytest.fixture(scope="session")
def build_valueless() -> ValuelessModel:
    """Build a model once, as users do, and move it to the meta device.

    Some models of torchvision cannot be built on the meta device.
    """

    @functools.cache
    def build(name: str) -> nn.Module:
        with skipped_initialisation():
            return build_model(name).to("meta").eval()

    return build


@contextmanager
def skipped_initialisation() -> Iterator[None]:
    def leave(tensor: Tensor, *_: object, **__: object) -> Tensor:
        return tensor

    with pytest.MonkeyPatch.context() as patch:
        for name in dir(nn.init):
            if name.endswith("_") and not name.startswith("_"):
                patch.setattr(nn.init, name, leave)
        yield


def count_macs(module: nn.Module, images: Tensor) -> int:
    """Multiply-accumulates of convolutions and matrix products, by torch's counter, which counts two for each."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(images)
    assert counter.get_total_flops() % 2 == 0
    return counter.get_total_flops() // 2


@pytest.fixture(name="count_macs")
def count_macs_fixture() -> Callable[[nn.Module, Tensor], int]:
    return count_macs
