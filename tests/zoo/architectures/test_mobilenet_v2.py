from __future__ import annotations

import pytest
import torch
import torchvision

from zoobench.zoo.architectures.variants import mobilenet_v2


def test_at_width_one_it_is_torchvisions_model() -> None:
    shapes = [tensor.shape for tensor in torchvision.models.mobilenet_v2().state_dict().values()]
    assert [tensor.shape for tensor in mobilenet_v2(width_multiplier=1.0).state_dict().values()] == shapes


@pytest.mark.parametrize(("width_multiplier", "last"), [(1.4, 1792), (0.75, 1280), (0.15, 1280)])
def test_last_convolution_widens_but_never_narrows(width_multiplier: float, last: int) -> None:
    with torch.device("meta"):
        model = mobilenet_v2(5, width_multiplier=width_multiplier)
    assert model.classifier[1].weight.shape == (5, last)
