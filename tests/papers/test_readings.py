from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision.models import ShuffleNetV2

from zoobench.cases import ImageSize, ModelRef
from zoobench.counting import count_forward
from zoobench.papers import readings
from zoobench.papers.found import Net
from zoobench.papers.readings import CountedNet, body_rows, bottleneck_rows
from zoobench.zoo.build import build_model

SQUARE = ImageSize(224, 224)
WIDTHS = {
    "x0_5": (24, 48, 96, 192, 1024),
    "x1_0": (24, 116, 232, 464, 1024),
    "x1_5": (24, 176, 352, 704, 1024),
    "x2_0": (24, 244, 488, 976, 2048),
}


class AuthorsUnit(nn.Module):
    """A unit of ShuffleNet v2 as its authors' code wires it; the shuffle moves channels only and is left out."""

    def __init__(self, inp: int, oup: int, stride: int) -> None:
        super().__init__()
        taken = inp if stride > 1 else oup // 2
        middle = oup // 2
        self.main = nn.Sequential(
            nn.Conv2d(taken, middle, 1, bias=False),
            nn.Conv2d(middle, middle, 3, stride, 1, groups=middle, bias=False),
            nn.Conv2d(middle, oup - taken, 1, bias=False),
        )
        self.shortcut = nn.Sequential(
            nn.Conv2d(taken, taken, 3, stride, 1, groups=taken, bias=False), nn.Conv2d(taken, taken, 1, bias=False)
        )
        self.stride, self.taken = stride, taken

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        if self.stride > 1:
            return torch.cat((self.shortcut(maps), self.main(maps)), 1)
        return torch.cat((maps[:, : self.taken], self.main(maps[:, self.taken :])), 1)


@pytest.mark.parametrize("name", WIDTHS)
def test_the_authors_shortcut_is_read_off_torchvisions_net(zoo, name) -> None:
    with torch.device("meta"):
        authors = ShuffleNetV2([4, 8, 4], [*WIDTHS[name]], inverted_residual=AuthorsUnit)
    counted = zoo[Net(ModelRef("torchvision", f"shufflenet_v2_{name}"), SQUARE)]
    images = torch.empty(1, 3, *SQUARE, device="meta")
    assert readings.macs_with_authors_shortcut(CountedNet(counted)) == count_forward(authors, images).macs


def test_a_separable_stem_is_read_off_a_dense_one(zoo) -> None:
    googlenet = ModelRef("papers", "googlenet_5x5")
    with torch.device("meta"):
        module = build_model(googlenet)
        dense = next(part for part in module.modules() if isinstance(part, nn.Conv2d))
        separable = nn.Sequential(nn.Conv2d(3, 24, 7, 2, 3, groups=3), nn.Conv2d(24, 64, 1))
    path = next(path for path, part in module.named_modules() if part is dense)
    module.set_submodule(path, separable)
    images = torch.empty(1, 3, *SQUARE, device="meta")
    found = readings.macs_with_separable_stem(CountedNet(zoo[Net(googlenet, SQUARE)]))
    assert found == count_forward(module, images).macs


def test_half_of_batch_norm_is_scales(zoo) -> None:
    inception = zoo[Net(ModelRef("torchvision", "inception_v3"), ImageSize(299, 299))]
    assert readings.parameters(CountedNet(inception)) == 23_834_568
    assert readings.parameters_without_scale(CountedNet(inception)) == 23_817_352, "Keras's trainable parameters"


def test_a_block_is_the_first_of_its_shape(zoo) -> None:
    counted = zoo[Net(ModelRef("zoobench", "mobilenet_v1_100"), SQUARE)]
    block = readings.block(CountedNet(counted, "14x14x512"))
    assert block.weights == 9 * 512 + 512 * 512
    assert block.macs == 14 * 14 * block.weights


def test_tables_of_layers_put_equal_pairs_in_one_row(zoo) -> None:
    rows = body_rows(zoo[Net(ModelRef("zoobench", "mobilenet_v1_100"), SQUARE)])
    assert len(rows) == 21
    assert rows[13:15] == ("5x Conv dw / s1 | 3x3x512 dw | 14x14x512", "5x Conv / s1 | 1x1x512x512 | 14x14x512")


def test_bottlenecks_are_grouped_by_width(zoo) -> None:
    rows = bottleneck_rows(zoo[Net(ModelRef("torchvision", "mobilenet_v2"), SQUARE)])
    assert rows == ("1,16,1,1", "6,24,2,2", "6,32,3,2", "6,64,4,2", "6,96,3,1", "6,160,3,2", "6,320,1,1")


def test_a_row_that_the_net_has_not_is_empty(zoo) -> None:
    counted = zoo[Net(ModelRef("zoobench", "mobilenet_v1_100"), SQUARE)]
    assert readings.body_row(CountedNet(counted, "22")) == ""
    assert readings.body_row(CountedNet(counted, "21")) == "FC / s1 | 1024x1000 | 1x1x1024"


def test_a_ratio_needs_a_baseline(zoo) -> None:
    counted = next(iter(zoo.values()))
    with pytest.raises(ValueError, match="compares two nets"):
        readings.size_reduction(CountedNet(counted))
