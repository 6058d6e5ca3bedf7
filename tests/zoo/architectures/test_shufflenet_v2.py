from __future__ import annotations

import torch
import torchvision
from torch import nn
from torchvision.ops import SqueezeExcitation

from zoobench.zoo.architectures.variants import shufflenet_v2_x2_0_se


def test_without_the_excitations_it_is_torchvisions_model() -> None:
    model = shufflenet_v2_x2_0_se(3).eval()
    theirs = torchvision.models.shufflenet_v2_x2_0(num_classes=3).eval()
    excitations = [part for part in model.modules() if isinstance(part, SqueezeExcitation)]
    assert [part.fc1.in_channels for part in excitations] == [244] * 4 + [488] * 8 + [976] * 4
    assert all(part.fc1.out_channels * 2 == part.fc1.in_channels for part in excitations)

    def leave(_: nn.Module, inputs: tuple[torch.Tensor], __: torch.Tensor) -> torch.Tensor:
        return inputs[0]

    for part in excitations:
        part.register_forward_hook(leave)
    kept = [tensor for name, tensor in model.state_dict().items() if ".fc1." not in name and ".fc2." not in name]
    theirs.load_state_dict(dict(zip(theirs.state_dict(), kept, strict=True)))
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.allclose(model(images), theirs(images), atol=1e-5)


def test_a_unit_is_rescaled_channel_by_channel_between_nought_and_one() -> None:
    unit = shufflenet_v2_x2_0_se(3).eval().stage2[1]
    maps = torch.rand(1, 244, 6, 6)
    with torch.no_grad():
        plain, rescaled = unit[0](maps), unit(maps)
    factors = (rescaled / plain.clamp(min=1e-9))[0].flatten(1).amax(dim=1)
    assert torch.allclose(rescaled, factors[:, None, None] * plain, atol=1e-6)
    assert factors[plain[0].amax(dim=(1, 2)) > 0].min() > 0
    assert factors.max() < 1
