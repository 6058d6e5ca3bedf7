from __future__ import annotations

import torch
from torch import nn
from torchvision.models.squeezenet import Fire

from zoobench.zoo.architectures.variants import Bypass, squeezenet1_0_bypass, squeezenet1_0_conv10_pad1


def bypassed(*, is_complex: bool) -> dict[int, nn.Module]:
    """The shortcut of each fire module that has one, by its number in table 1, which begins at 2."""
    layers = [layer for layer in squeezenet1_0_bypass(is_complex=is_complex).features if holds_a_fire(layer)]
    return {number: layer.shortcut for number, layer in enumerate(layers, start=2) if isinstance(layer, Bypass)}


def holds_a_fire(layer: nn.Module) -> bool:
    return any(isinstance(part, Fire) for part in layer.modules())


def test_simple_bypasses_lie_around_fire_modules_3_5_7_and_9() -> None:
    shortcuts = bypassed(is_complex=False)
    assert list(shortcuts) == [3, 5, 7, 9]  # section 6
    assert all(isinstance(shortcut, nn.Identity) for shortcut in shortcuts.values())


def test_complex_bypasses_lie_around_the_remaining_ones() -> None:
    shortcuts = bypassed(is_complex=True)
    assert list(shortcuts) == [2, 3, 4, 5, 6, 7, 8, 9]
    convolved = {number: part for number, part in shortcuts.items() if isinstance(part, nn.Conv2d)}
    assert {number: (part.in_channels, part.out_channels) for number, part in convolved.items()} == {
        2: (96, 128),
        4: (128, 256),
        6: (256, 384),
        8: (384, 512),
    }


def test_bypass_adds_the_input_to_the_rectified_output() -> None:
    maps = torch.randn(1, 8, 5, 5)
    fire = Fire(8, 2, 4, 4)
    expected = maps + fire(maps)
    assert torch.equal(Bypass(fire)(maps), expected)
    assert expected.min() < 0  # nothing is rectified after the sum


def test_complex_bypass_adds_a_projection_of_the_input() -> None:
    maps = torch.randn(1, 6, 5, 5)
    fire = Fire(6, 2, 4, 4)
    bypass = Bypass(fire)
    projected = torch.einsum("oi,nihw->nohw", bypass.shortcut.weight[:, :, 0, 0], maps)
    assert torch.allclose(bypass(maps) - fire(maps), projected + bypass.shortcut.bias[:, None, None], atol=1e-6)


def test_padded_conv10_has_a_border_of_only_its_bias() -> None:
    model = squeezenet1_0_conv10_pad1(3).eval()
    features = model.features(torch.randn(1, 3, 227, 227))
    assert features.shape[-2:] == (13, 13)  # table 1
    maps = model.classifier[1](features)
    assert maps.shape[-2:] == (15, 15)
    assert torch.equal(maps[0, :, 0, 0], model.classifier[1].bias)
