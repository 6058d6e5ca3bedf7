from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torchvision.models.shufflenetv2 import channel_shuffle

from zoobench.counting import By, divide, trace_pass
from zoobench.records import LayerKind


class Applied(nn.Module):
    def __init__(self, function: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> object:
        return self.function(x)


def kinds(function: Callable[[Tensor], object], *shape: int) -> set[str]:
    """Of all that was written."""
    trace = trace_pass(Applied(function), torch.empty(shape, device="meta"))
    return {group.name for group in divide(trace, By.KIND)}


MAPS = (2, 8, 6, 6)


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        pytest.param(nn.Conv2d(8, 4, 3), LayerKind.CONVOLUTION, id="dense"),
        pytest.param(nn.Conv2d(8, 4, 1), LayerKind.POINTWISE, id="pointwise"),
        pytest.param(nn.Conv2d(8, 4, 1, groups=2), LayerKind.GROUPED_POINTWISE, id="grouped pointwise"),
        pytest.param(nn.Conv2d(8, 16, 3, groups=8), LayerKind.DEPTHWISE, id="depthwise"),
        pytest.param(nn.Conv2d(8, 4, 3, groups=2), LayerKind.GROUPED, id="grouped"),
        pytest.param(nn.ConvTranspose2d(8, 4, 3), LayerKind.CONVOLUTION, id="transposed"),
        pytest.param(nn.Linear(6, 3), LayerKind.FULLY_CONNECTED, id="linear"),
        pytest.param(lambda x: x @ x, LayerKind.ATTENTION, id="product of two results"),
        pytest.param(nn.BatchNorm2d(8), LayerKind.NORMALISATION, id="batch norm"),
        pytest.param(nn.LayerNorm(6), LayerKind.NORMALISATION, id="layer norm"),
        pytest.param(nn.GroupNorm(2, 8), LayerKind.NORMALISATION, id="group norm"),
        *(
            pytest.param(activation(), LayerKind.ACTIVATION, id=activation.__name__)
            for activation in (nn.ReLU, nn.ReLU6, nn.Hardswish, nn.Hardsigmoid, nn.SiLU, nn.GELU, nn.Sigmoid, nn.Tanh)
        ),
        pytest.param(nn.ReLU(inplace=True), LayerKind.ACTIVATION, id="in place"),
        pytest.param(lambda x: x.softmax(1), LayerKind.ACTIVATION, id="softmax"),
        pytest.param(nn.MaxPool2d(2), LayerKind.POOLING, id="max pool"),
        pytest.param(nn.AvgPool2d(2), LayerKind.POOLING, id="average pool"),
        pytest.param(nn.AdaptiveAvgPool2d(1), LayerKind.POOLING, id="global pool"),
        pytest.param(nn.AdaptiveAvgPool2d(3), LayerKind.POOLING, id="adaptive pool"),
        pytest.param(lambda x: x.mean((2, 3)), LayerKind.POOLING, id="mean over space"),
        pytest.param(lambda x: x.mean((-1, -2)), LayerKind.POOLING, id="mean over space from the end"),
        pytest.param(lambda x: x.mean(1), LayerKind.OTHER, id="mean over channels"),
        pytest.param(lambda x: channel_shuffle(x, 4), LayerKind.CHANNEL_SHUFFLE, id="shuffle of torchvision"),
        pytest.param(nn.ChannelShuffle(4), LayerKind.CHANNEL_SHUFFLE, id="shuffle of torch"),
        pytest.param(lambda x: x + x, LayerKind.ADD, id="add"),
        pytest.param(lambda x: x.add_(x), LayerKind.ADD, id="add in place"),
        pytest.param(lambda x: torch.cat([x, x]), LayerKind.CONCAT, id="concat"),
        pytest.param(lambda x: x.clone(), LayerKind.OTHER, id="copy"),
        pytest.param(lambda x: x * 2, LayerKind.OTHER, id="multiplication"),
    ],
)
def test_each_operator_is_of_its_kind(function: Callable[[Tensor], object], kind: LayerKind) -> None:
    assert kinds(function, *MAPS) == {kind}


def test_a_depthwise_convolution_of_one_channel_is_dense() -> None:
    assert kinds(nn.Conv2d(1, 4, 3), 1, 1, 6, 6) == {LayerKind.CONVOLUTION}


def test_attention_is_whole() -> None:
    assert kinds(lambda x: F.scaled_dot_product_attention(x, x, x), *MAPS) >= {LayerKind.ATTENTION}


@pytest.mark.parametrize(
    ("layer", "kind"),
    [
        (nn.Conv2d(8, 8, 3, groups=8), LayerKind.DEPTHWISE),
        (nn.Conv2d(8, 16, 1, groups=4), LayerKind.GROUPED_POINTWISE),
        (nn.Conv2d(8, 4, 1), LayerKind.POINTWISE),
    ],
    ids=["depthwise", "grouped pointwise", "pointwise"],
)
def test_the_backward_of_a_convolution_is_of_its_kind(layer: nn.Module, kind: LayerKind) -> None:
    trace = trace_pass(layer, torch.empty(MAPS, device="meta"), is_training=True)
    backward = [call for call in trace.operators if call.is_backward and call.work.cost]
    assert [call.work.kind for call in backward] == [kind]
