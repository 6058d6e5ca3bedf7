from __future__ import annotations

import pytest
import torch
from torch import nn

from zoobench.zoo.architectures.mobilenet_v1 import mobilenet_v1


@pytest.mark.parametrize("image_size", [1, 32, 96, 128, 161])
def test_any_resolution_goes_forward_and_backward(image_size: int) -> None:
    model = mobilenet_v1(7, width_multiplier=0.25).eval()
    logits = model(torch.randn(2, 3, image_size, image_size))
    assert logits.shape == (2, 7)
    logits.square().sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


def test_last_maps_are_a_thirty_second_of_the_picture() -> None:
    # table 1: 7x7 below 224, so the last depthwise convolution cannot have the stride 2 it prints
    for image_size, side in {224: 7, 192: 6, 160: 5, 128: 4}.items():
        features = mobilenet_v1().to("meta").features
        assert features(torch.empty(1, 3, image_size, image_size, device="meta")).shape == (1, 1024, side, side)


@pytest.mark.parametrize("width_multiplier", [1.0, 0.75, 0.5, 0.25])
def test_multiplier_scales_every_width(width_multiplier: float) -> None:
    def widths(model: nn.Module) -> list[int]:
        return [layer.out_channels for layer in model.modules() if isinstance(layer, nn.Conv2d)]

    full, scaled = widths(mobilenet_v1()), widths(mobilenet_v1(width_multiplier=width_multiplier))
    assert scaled == [width * width_multiplier for width in full]


def test_blocks_are_depthwise_then_pointwise() -> None:
    convolutions = [layer for layer in mobilenet_v1().modules() if isinstance(layer, nn.Conv2d)]
    depthwise, pointwise = convolutions[1::2], convolutions[2::2]
    assert len(depthwise) == len(pointwise) == 13
    assert all(layer.groups == layer.in_channels == layer.out_channels for layer in depthwise)
    assert all(layer.kernel_size == (1, 1) and layer.groups == 1 for layer in pointwise)
