"""Variants of the papers' tables against a table of their layers, summed by hand, and against printed figures."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from zoobench.cases import Matrix, catalogue
from zoobench.counting import count_forward
from zoobench.zoo.architectures import VARIANTS
from zoobench.zoo.build import build_model

Build = Callable[[str], nn.Module]

BIAS, NORMALISED = 1, 2
"""Parameters for each output channel beside the weights: a bias, or batch normalisation's scale and shift."""


class Layer(NamedTuple):
    """A convolution, or with `side` 1 a matrix product, that writes maps of side x side pixels."""

    side: int
    channels_in: int
    channels_out: int
    kernel: int = 1
    groups: int = 1
    beside: int = NORMALISED

    @property
    def weights(self) -> int:
        return self.kernel**2 * self.channels_in // self.groups * self.channels_out

    @property
    def macs(self) -> int:
        return self.weights * self.side**2

    @property
    def parameters(self) -> int:
        return self.weights + self.beside * self.channels_out


def classifier(channels: int) -> Layer:
    return Layer(1, channels, 1000, beside=BIAS)


def depthwise(side: int, channels: int) -> Layer:
    return Layer(side, channels, channels, kernel=3, groups=channels)


def excitation(channels: int, hidden: int) -> tuple[Layer, Layer]:
    return Layer(1, channels, hidden, beside=BIAS), Layer(1, hidden, channels, beside=BIAS)


def mobilenet_v1(*, is_separable: bool, repeats: int) -> Iterator[Layer]:
    """arXiv:1704.04861, table 1."""
    yield Layer(112, 3, 32, kernel=3)
    widths = [32, 64, 128, 128, 256, 256, 512, *[512] * repeats, 1024, 1024]
    sides = [112, 56, 56, 28, 28, 14, *[14] * repeats, 7, 7]
    sides_in = [112, 112, 56, 56, 28, 28, *[14] * repeats, 14, 7]
    for (before, width), side, side_in in zip(itertools.pairwise(widths), sides, sides_in, strict=True):
        assert side_in in (side, 2 * side)
        yield from [depthwise(side, before), Layer(side, before, width)] if is_separable else []
        yield from [] if is_separable else [Layer(side, before, width, kernel=3)]
    yield classifier(1024)


def mobilenet_v2(resolution: int, widths: tuple[int, ...], last: int) -> Iterator[Layer]:
    """arXiv:1801.04381, table 2: `widths` of the first convolution and the seven rows of bottlenecks."""
    channels, side = widths[0], resolution // 2
    yield Layer(side, 3, channels, kernel=3)
    rows = zip((1, 6, 6, 6, 6, 6, 6), widths[1:], (1, 2, 3, 4, 3, 3, 1), (1, 2, 2, 2, 1, 2, 1), strict=True)
    for expansion, width, repeats, stride in rows:
        for place in range(repeats):
            hidden = expansion * channels
            yield from [Layer(side, channels, hidden)] if expansion > 1 else []
            side = side // stride if place == 0 else side
            yield from (depthwise(side, hidden), Layer(side, hidden, width))
            channels = width
    yield from (Layer(side, channels, last), classifier(last))


def shufflenet_v1(stem: int, widths: tuple[int, ...], repeats: tuple[int, ...], squeeze: int | None) -> Iterator[Layer]:
    """arXiv:1707.01083, table 1 and figure 2, with three groups."""
    yield Layer(112, 3, stem, kernel=3)
    before = stem
    for stage, (width, units, side) in enumerate(zip(widths, repeats, (28, 14, 7), strict=True)):
        for unit in range(units):
            is_first = unit == 0
            groups = 1 if stage == 0 and is_first else 3
            yield Layer(2 * side if is_first else side, before, width // 4, groups=groups)
            yield depthwise(side, width // 4)
            yield Layer(side, width // 4, width - before if is_first else width, groups=3)
            yield from excitation(width, width // squeeze) if squeeze is not None else ()
            before = width
    yield classifier(before)


def shufflenet_v2_x2_0_se() -> Iterator[Layer]:
    """arXiv:1807.11164, table 5 and figure 3, and an excitation of half the width after each unit."""
    yield Layer(112, 3, 24, kernel=3)
    before = 24
    for width, units, side in ((244, 4, 28), (488, 8, 14), (976, 4, 7)):
        half = width // 2
        yield from (depthwise(side, before), Layer(side, before, half))
        yield from (Layer(2 * side, before, half), depthwise(side, half), Layer(side, half, half))
        for _ in range(units - 1):
            yield from (Layer(side, half, half), depthwise(side, half), Layer(side, half, half))
        for _ in range(units):
            yield from excitation(width, width // 2)
        before = width
    yield from (Layer(7, 976, 2048), classifier(2048))


FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))
"""arXiv:1602.07360, table 1: channels of the squeeze and of each expand convolution of fire2 to fire9."""


def squeezenet(*, sides: tuple[int, int, int, int], side_of_conv10: int, is_complex: bool) -> Iterator[Layer]:
    """`sides` of the maps of conv1, and after each of the three pools."""
    yield Layer(sides[0], 3, 96, kernel=7, beside=BIAS)
    before = 96
    for (squeezed, expanded), side in zip(FIRES, [sides[1]] * 3 + [sides[2]] * 4 + [sides[3]], strict=True):
        yield Layer(side, before, squeezed, beside=BIAS)
        yield Layer(side, squeezed, expanded, beside=BIAS)
        yield Layer(side, squeezed, expanded, kernel=3, beside=BIAS)
        yield from [Layer(side, before, 2 * expanded, beside=BIAS)] if is_complex and before != 2 * expanded else []
        before = 2 * expanded
    yield Layer(side_of_conv10, before, 1000, beside=BIAS)


INCEPTIONS = (
    (28, 64, 96, 128, 16, 32, 32),
    (28, 128, 128, 192, 32, 96, 64),
    (14, 192, 96, 208, 16, 48, 64),
    (14, 160, 112, 224, 24, 64, 64),
    (14, 128, 128, 256, 24, 64, 64),
    (14, 112, 144, 288, 32, 64, 64),
    (14, 256, 160, 320, 32, 128, 128),
    (7, 256, 160, 320, 32, 128, 128),
    (7, 384, 192, 384, 48, 128, 128),
)
"""arXiv:1409.4842, table 1: side of the maps, #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj."""


def googlenet_5x5() -> Iterator[Layer]:
    yield from (Layer(112, 3, 64, kernel=7), Layer(56, 64, 64), Layer(56, 64, 192, kernel=3))
    before = 192
    for side, one, reduced_3, three, reduced_5, five, pooled in INCEPTIONS:
        yield Layer(side, before, one)
        yield from (Layer(side, before, reduced_3), Layer(side, reduced_3, three, kernel=3))
        yield from (Layer(side, before, reduced_5), Layer(side, reduced_5, five, kernel=5))
        yield Layer(side, before, pooled)
        before = one + three + five + pooled
    yield classifier(before)


AT_224 = (109, 54, 27, 13)
AT_227 = (111, 55, 27, 13)
LAYERS: dict[str, Iterable[Layer]] = {
    "googlenet_5x5": googlenet_5x5(),
    "squeezenet1_0_conv10_pad1": squeezenet(sides=AT_227, side_of_conv10=15, is_complex=False),
    "squeezenet1_0_simple_bypass": squeezenet(sides=AT_224, side_of_conv10=13, is_complex=False),
    "squeezenet1_0_complex_bypass": squeezenet(sides=AT_224, side_of_conv10=13, is_complex=True),
    "mobilenet_v1_conv": mobilenet_v1(is_separable=False, repeats=5),
    "mobilenet_v1_shallow": mobilenet_v1(is_separable=True, repeats=0),
    "mobilenet_v2_140": mobilenet_v2(224, (48, 24, 32, 48, 88, 136, 224, 448), 1792),
    "mobilenet_v2_075": mobilenet_v2(192, (24, 16, 24, 24, 48, 72, 120, 240), 1280),
    "mobilenet_v2_060": mobilenet_v2(224, (24, 16, 16, 24, 40, 56, 96, 192), 1280),
    "mobilenet_v2_040": mobilenet_v2(160, (16, 8, 16, 16, 24, 40, 64, 128), 1280),
    "mobilenet_v2_015": mobilenet_v2(224, (8, 8, 8, 8, 16, 16, 24, 48), 1280),
    "shufflenet_v1_g3_x0_5_shallow": shufflenet_v1(12, (180, 360, 720), (2, 4, 2), None),
    "shufflenet_v1_g3_x2_0_se": shufflenet_v1(48, (480, 960, 1920), (4, 8, 4), 16),
    "shufflenet_v2_x2_0_se": shufflenet_v2_x2_0_se(),
}
CLOSED_FORM = {name: tuple(layers) for name, layers in LAYERS.items()}
every_variant = pytest.mark.parametrize("name", VARIANTS)


def images_of(name: str, *, batch: int = 1) -> Tensor:
    side = catalogue.find(name).image_size
    return torch.empty(batch, 3, side, side, device="meta")


def shapes_of(module: nn.Module) -> Counter[tuple[int, int, int, int]]:
    """Channels in and out, kernel and groups of every convolution and matrix product."""
    shapes: Counter[tuple[int, int, int, int]] = Counter()
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            shapes[layer.in_channels, layer.out_channels, layer.kernel_size[0], layer.groups] += 1
        if isinstance(layer, nn.Linear):
            shapes[layer.in_features, layer.out_features, 1, 1] += 1
    return shapes


def macs_of(name: str) -> int:
    return sum(layer.macs for layer in CLOSED_FORM[name])


def weights_of(name: str) -> int:
    return sum(layer.weights for layer in CLOSED_FORM[name])


def parameters_of(name: str) -> int:
    return sum(layer.parameters for layer in CLOSED_FORM[name])


@every_variant
def test_macs_are_the_closed_form(name: str, build_valueless: Build) -> None:
    assert count_forward(build_valueless(name), images_of(name)).macs == macs_of(name)


@every_variant
def test_parameters_are_the_closed_form(name: str, build_valueless: Build) -> None:
    parameters = build_valueless(name).parameters()
    assert sum(parameter.numel() for parameter in parameters) == parameters_of(name)


@every_variant
def test_every_layer_is_one_of_the_table(name: str, build_valueless: Build) -> None:
    assert shapes_of(build_valueless(name)) == Counter(layer[1:5] for layer in CLOSED_FORM[name])


@every_variant
@torch.no_grad()
def test_classes_may_be_chosen_and_the_rest_stays(name: str) -> None:
    model = build_model(f"papers:{name}", num_classes=7).to("meta").eval()
    assert model(images_of(name, batch=2)).shape == (2, 7)
    *_, last = CLOSED_FORM[name]
    per_class = last.channels_in + BIAS
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters_of(name) - 993 * per_class


@every_variant
@torch.no_grad()
def test_smallest_images_it_claims_are_scored(name: str, build_valueless: Build) -> None:
    side = catalogue.find(name).min_image_size
    assert build_valueless(name)(torch.empty(1, 3, side, side, device="meta")).shape == (1, 1000)


def test_a_variant_is_of_its_parents_family_and_in_no_suite_by_default() -> None:
    entries = [catalogue.find(name) for name in VARIANTS]
    parents = {entry.family for entry in catalogue.entries() if entry.source != "papers"}
    assert {entry.family for entry in entries} <= parents
    assert not any(entry.is_default for entry in entries)
    assert sorted(entry.name for entry in catalogue.select(Matrix(models=("papers:*",)))) == sorted(VARIANTS)


class TestPrintedFigures:
    """Figures that match the printed ones, and differences of the others, as in the docstrings of the models."""

    def test_conv_mobilenet_without_its_classifier(self) -> None:
        assert round((macs_of("mobilenet_v1_conv") - 1024 * 1000) / 1e6) == 4866  # table 4
        assert round(weights_of("mobilenet_v1_conv") / 1e6, 1) == 29.3

    def test_shallow_mobilenet(self) -> None:
        assert round(macs_of("mobilenet_v1_shallow") / 1e6) == 307  # table 5
        assert round(weights_of("mobilenet_v1_shallow") / 1e6, 1) == 2.9

    def test_squeezenets_1700_million_are_flops_with_conv10_padded(self) -> None:
        assert round(2 * macs_of("squeezenet1_0_conv10_pad1") / 1e9, 2) == 1.72

    def test_sizes_of_squeezenet_with_bypasses(self) -> None:
        assert round(4 * parameters_of("squeezenet1_0_simple_bypass") / 2**20, 1) == 4.8  # table 3
        assert round(4 * parameters_of("squeezenet1_0_complex_bypass") / 2**20, 2) == 6.06  # table 3 prints 7.7

    def test_shufflenet_v1_with_excitation(self) -> None:
        assert round(macs_of("shufflenet_v1_g3_x2_0_se") / 1e6) == 527  # table 5

    def test_shallow_shufflenet_v1_has_26_layers_and_comes_near_40_million(self) -> None:
        layers = CLOSED_FORM["shufflenet_v1_g3_x0_5_shallow"]
        assert len(layers) == 26  # section 4.3
        assert round(sum(layer.macs for layer in layers[:-1]) / 1e6, 1) == 40.9

    def test_excitation_costs_shufflenet_v2_the_difference_that_is_printed(self) -> None:
        added = sum(layer.macs for layer in CLOSED_FORM["shufflenet_v2_x2_0_se"][:-1] if layer.side == 1)
        assert round(added / 1e6) == 597 - 591  # table 8
        assert macs_of("shufflenet_v2_x2_0_se") - added == 583_253_464  # the plain model
        assert macs_of("shufflenet_v2_x2_0_se") / 597e6 == pytest.approx(583_253_464 / 591e6, abs=1e-4)

    def test_googlenet_is_near_1550_million(self) -> None:
        assert macs_of("googlenet_5x5") / 1550e6 == pytest.approx(1.021, abs=5e-4)  # MobileNet, table 8
        assert round(weights_of("googlenet_5x5") / 1024 / 1000, 1) == 6.8

    @pytest.mark.parametrize(
        ("percent", "millions"), [("140", 582.2), ("075", 153.9), ("060", 151.0), ("040", 41.8), ("015", 30.6)]
    )
    def test_mobilenet_v2_by_the_rule_of_its_authors(self, percent: str, millions: float) -> None:
        assert round(macs_of(f"mobilenet_v2_{percent}") / 1e6, 1) == millions
