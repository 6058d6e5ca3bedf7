"""Counts of torchvision's classification models against those published with its weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torchvision import models

from zoobench.counting import count_forward, count_state, count_training

HALF_THE_LAST_DECIMAL = 0.0005
"""`_ops` is printed in 10^9 MACs with three decimals; a count agrees if it rounds to that."""

OPTIONS: dict[str, dict[str, object]] = {
    "googlenet": {"init_weights": False, "aux_logits": False},
    "inception_v3": {"init_weights": False},
}
"""The published count of googlenet excludes its auxiliary heads; that of inception_v3 includes its one."""

MODELS = models.list_models(module=models)


def test_there_are_eighty() -> None:
    assert len(MODELS) >= 80


@pytest.mark.parametrize("name", MODELS)
def test_published_operations_and_parameters(name: str, build_without_values: Callable[..., nn.Module]) -> None:
    """At the crop size of each published weight; only vision transformers are built for that size."""
    for size, meta in published(name).items():
        options = OPTIONS.get(name, {}) | ({"image_size": size} if name.startswith("vit") else {})
        model = build_without_values(models.get_model_builder(name), **options)
        assert count_state(model).parameters == meta["num_params"]
        found = count_forward(model, torch.empty(1, 3, size, size, device="meta"))
        assert found.macs / 1e9 == pytest.approx(meta["_ops"], rel=0, abs=HALF_THE_LAST_DECIMAL)


def published(name: str) -> dict[int, dict[str, Any]]:
    """By crop size; weights of one crop size publish the same figures."""
    return {weights.transforms().crop_size[0]: weights.meta for weights in models.get_model_weights(name)}


@pytest.mark.parametrize(
    ("name", "options", "size", "macs"),
    [
        ("squeezenet1_0", {}, 224, 818_924_576),
        ("squeezenet1_0", {}, 227, 832_667_936),
        ("squeezenet1_1", {}, 224, 349_151_936),
        ("shufflenet_v2_x0_5", {}, 224, 40_476_448),
        ("shufflenet_v2_x1_0", {}, 224, 144_907_992),
        ("shufflenet_v2_x1_5", {}, 224, 295_759_392),
        ("shufflenet_v2_x2_0", {}, 224, 583_253_464),
        ("mobilenet_v2", {}, 224, 300_774_272),
        ("mobilenet_v2", {"width_mult": 1.4}, 224, 582_195_824),
    ],
)
def test_macs_derived_by_hand(
    name: str, options: dict[str, object], size: int, macs: int, build_without_values: Callable[..., nn.Module]
) -> None:
    """Computed layer by layer from the papers' tables: convolutions and classifier, without bias."""
    model = build_without_values(models.get_model_builder(name), **options)
    assert count_forward(model, torch.empty(1, 3, size, size, device="meta")).macs == macs


def test_activations_of_resnet18(build_without_values: Callable[..., nn.Module]) -> None:
    """Channels times area of every convolution's output, as in the paper (He et al., 2015); then the classes."""
    stem = 64 * 112**2
    stages = 4 * 64 * 56**2 + 5 * (128 * 28**2 + 256 * 14**2 + 512 * 7**2)
    model = build_without_values(models.resnet18)
    assert count_forward(model, torch.empty(1, 3, 224, 224, device="meta")).activations == stem + stages + 1000


@pytest.mark.parametrize("name", ["mobilenet_v2", "shufflenet_v2_x1_0", "resnext50_32x4d"])
def test_a_backward_pass_is_twice_the_forward_less_the_first_layer(
    name: str, build_without_values: Callable[..., nn.Module]
) -> None:
    """No gradient reaches the image. torch's counter, which ignores groups, counts up to ten times as much."""
    model = build_without_values(models.get_model_builder(name))
    images = torch.empty(2, 3, 224, 224, device="meta")
    first = next(module for module in model.modules() if isinstance(module, nn.Conv2d))
    stem = count_forward(first, images).macs
    forward = count_forward(model, images).macs
    assert count_training(model, images).macs - forward == 2 * forward - stem


def test_auxiliary_heads_are_counted_in_training_alone(build_without_values: Callable[..., nn.Module]) -> None:
    """GoogLeNet's two read 14×14 maps of 512 and 528 channels, and their gradients continue into the model."""
    with_heads, without = (
        build_without_values(models.googlenet, aux_logits=has_heads, init_weights=False) for has_heads in (True, False)
    )
    images = torch.empty(1, 3, 224, 224, device="meta")
    heads = sum(
        count_forward(head, torch.empty(1, channels, 14, 14, device="meta")).macs
        for head, channels in ((with_heads.aux1, 512), (with_heads.aux2, 528))
    )
    assert count_forward(with_heads, images).macs == count_forward(without, images).macs
    assert count_training(with_heads, images).macs == count_training(without, images).macs + 3 * heads
