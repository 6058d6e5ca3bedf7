from __future__ import annotations

import torch
from torch import Tensor, nn

from zoobench.zoo.architectures.alexnet_2012 import alexnet_2012


def responses_by_definition(maps: Tensor) -> Tensor:
    """Section 3.3, equation for b: each map is divided by the powered sum over itself and two maps on each side."""
    k, n, alpha, beta = 2.0, 5, 1e-4, 0.75
    out = torch.empty_like(maps)
    for channel in range(maps.shape[1]):
        near = maps[:, max(0, channel - n // 2) : channel + n // 2 + 1]
        out[:, channel] = maps[:, channel] / (k + alpha * (near**2).sum(dim=1)) ** beta
    return out


def test_response_normalisation_is_the_papers() -> None:
    (first, _) = (layer for layer in alexnet_2012(2).features if isinstance(layer, nn.LocalResponseNorm))
    maps = 30 * torch.randn(2, 7, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(first(maps), responses_by_definition(maps), rtol=1e-12)


def test_halves_do_not_see_each_other_in_the_second_convolution() -> None:
    convolutions = [layer for layer in alexnet_2012(2).features if isinstance(layer, nn.Conv2d)]
    maps = torch.randn(1, 96, 9, 9, generator=torch.Generator().manual_seed(0))
    changed = torch.cat((maps[:, :48], torch.zeros(1, 48, 9, 9)), dim=1)
    difference = (convolutions[1](maps) - convolutions[1](changed)).abs().amax(dim=(0, 2, 3))
    assert difference[:128].max() == 0
    assert difference[128:].min() > 0
    assert [layer.groups for layer in convolutions] == [1, 2, 1, 2, 2]


def test_maps_have_the_sides_of_figure_2() -> None:
    images = torch.empty(1, 3, 227, 227, device="meta")
    sides = []
    for layer in alexnet_2012(2).to("meta").features:
        images = layer(images)
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            sides.append(images.shape[-1])
    assert sides == [55, 27, 27, 13, 13, 13, 13, 6]


def test_pooling_windows_overlap() -> None:
    pools = [layer for layer in alexnet_2012(2).features if isinstance(layer, nn.MaxPool2d)]
    assert [(pool.kernel_size, pool.stride) for pool in pools] == [(3, 2)] * 3
