from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from zoobench.cases import catalogue
from zoobench.compare.worker.prepared_case import recalibrate_batch_norm
from zoobench.zoo.build import build_model
from zoobench.zoo.inputs import example_images


def pictures(name: str, size: int) -> Tensor:
    entry = catalogue.find(name)
    return torch.randn(2, entry.channels, size, size, generator=torch.Generator().manual_seed(0))


def difference(module: nn.Module, images: Tensor) -> float:
    """Of the outputs for two pictures, over the largest value."""
    with torch.inference_mode():
        first, second = module(images)
    return float((first - second).abs().max() / torch.maximum(first.abs().max(), second.abs().max()))


@pytest.mark.parametrize(("name", "size"), [("mobilenet_v1_025", 96), ("shufflenet_v2_x0_5", 96), ("vit_b_16", 224)])
def test_outputs_that_said_nothing_depend_on_the_pictures(name: str, size: int) -> None:
    torch.manual_seed(0)
    module, images = build_model(name).eval(), pictures(name, size)
    before = difference(module, images)
    recalibrate_batch_norm(module, images[:1])
    assert not before > 1e-3  # NaN where all is zero
    assert difference(module, images) > 0.1


def test_it_is_the_same_every_time() -> None:
    torch.manual_seed(0)
    module = build_model("mobilenet_v1_025")
    other = copy.deepcopy(module)
    images = pictures("mobilenet_v1_025", 64)
    recalibrate_batch_norm(module, images)
    recalibrate_batch_norm(other, images)
    for one, another in zip(module.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(one, another)


def test_norms_are_as_they_were_but_for_their_statistics() -> None:
    norm = nn.BatchNorm2d(3, momentum=0.25)
    module = nn.Sequential(norm, nn.BatchNorm2d(3, track_running_stats=False), nn.Dropout(0.5)).train()
    images = 5 + 2 * torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    recalibrate_batch_norm(module, images)
    assert norm.momentum == 0.25
    assert not any(part.training for part in module.modules())
    assert norm.running_mean is not None
    assert torch.allclose(norm.running_mean, torch.full((3,), 5.0), atol=0.1)


def test_one_picture_is_enough_where_it_shrinks_to_a_pixel() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(4), nn.Flatten())
    images = example_images(catalogue.find("mobilenet_v2"), batch=1, resolution=catalogue.ImageSize(16, 16))
    recalibrate_batch_norm(module, images)
    assert torch.isfinite(module(images)).all()


def test_only_matrices_of_zeros_are_filled() -> None:
    layer = nn.Linear(3, 2)
    nn.init.zeros_(layer.bias)
    kept = layer.weight.clone()
    zeros = nn.Linear(2, 2)
    nn.init.zeros_(zeros.weight)
    recalibrate_batch_norm(nn.Sequential(layer, zeros), torch.ones(2, 3))
    assert torch.equal(layer.weight, kept)
    assert not layer.bias.any()
    assert 0 < zeros.weight.abs().max() < 0.2
