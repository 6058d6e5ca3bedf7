from __future__ import annotations

import pytest
import torch
from torch import nn

from zoobench.zoo.architectures.mobilenet_v1 import mobilenet_v1, mobilenet_v1_conv, mobilenet_v1_shallow


@pytest.mark.parametrize("image_size", [1, 32, 96, 128, 161])
def test_any_resolution_goes_forward_and_backward(image_size: int) -> None:
    model = mobilenet_v1(7, width_multiplier=0.25).eval()
    logits = model(torch.randn(2, 3, image_size, image_size))
    assert logits.shape == (2, 7)
    logits.square().sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


def test_last_maps_are_a_thirty_second_of_the_image() -> None:
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


def test_full_convolutions_read_and_write_the_maps_of_the_separable_ones() -> None:
    images = torch.empty(1, 3, 224, 224, device="meta")
    separable, full = mobilenet_v1().to("meta").features, mobilenet_v1_conv().to("meta").features
    pointwise = [layer for layer in separable if isinstance(layer, nn.Conv2d) and layer.groups == 1]
    convolutions = [layer for layer in full if isinstance(layer, nn.Conv2d)]
    assert all(layer.kernel_size == (3, 3) and layer.groups == 1 for layer in convolutions)
    assert [layer.out_channels for layer in convolutions] == [layer.out_channels for layer in pointwise]
    assert full(images).shape == separable(images).shape


def test_shallow_model_lacks_five_blocks_of_512_channels_and_ends_with_the_same_maps() -> None:
    images = torch.empty(1, 3, 224, 224, device="meta")

    def pointwise_widths(model: nn.Module) -> list[int]:
        layers = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]
        return [layer.out_channels for layer in layers if layer.kernel_size == (1, 1)]

    deep, shallow = mobilenet_v1().to("meta"), mobilenet_v1_shallow().to("meta")
    assert pointwise_widths(shallow) == [64, 128, 128, 256, 256, 512, 1024, 1024]
    assert sorted([*pointwise_widths(shallow), *[512] * 5]) == sorted(pointwise_widths(deep))
    assert shallow.features(images).shape == deep.features(images).shape
