from __future__ import annotations

import torch
from torch import nn

from zoobench.zoo.architectures.xception import XceptionBlock, xception


def test_maps_have_the_sides_of_figure_5() -> None:
    model = xception(2).to("meta").eval()
    images = torch.empty(1, 3, 299, 299, device="meta")
    entry = model.entry_flow(images)
    assert entry.shape == (1, 728, 19, 19)
    assert model.middle_flow(entry).shape == (1, 728, 19, 19)
    assert model.exit_flow[0](entry).shape == (1, 1024, 10, 10)
    assert model.exit_flow(entry).shape == (1, 2048, 1, 1)


def test_there_are_thirty_six_convolutions_in_fourteen_modules() -> None:
    # section 3: "36 convolutional layers ... structured into 14 modules"; a separable convolution counts as one,
    # the projections of the residual connections do not
    model = xception(2)
    blocks = [part for part in model.modules() if isinstance(part, XceptionBlock)]
    projections = sum(isinstance(part.shortcut, nn.Sequential) for part in blocks)
    convolutions = [part for part in model.modules() if isinstance(part, nn.Conv2d)]
    depthwise = [part for part in convolutions if part.groups > 1]
    assert len(convolutions) - len(depthwise) - projections == 36
    assert len(blocks) + len(["the first two convolutions", "the last two"]) == 14


def test_nothing_lies_between_depthwise_and_pointwise() -> None:
    for part in xception(2).modules():
        layers = list(part.children()) if isinstance(part, nn.Sequential) else []
        for place, layer in enumerate(layers):
            if isinstance(layer, nn.Conv2d) and layer.groups > 1:
                assert isinstance(layers[place + 1], nn.Conv2d)
                assert isinstance(layers[place + 2], nn.BatchNorm2d)


def test_block_adds_its_own_input_not_its_rectified_one() -> None:
    block = XceptionBlock((4, 4), is_halving=False).eval()
    nn.init.zeros_(block.branch[2].weight)
    maps = torch.randn(1, 4, 5, 5)
    assert torch.equal(block(maps.clone()), maps)
