"""MobileNet v1, with width multipliers, and the two models with which its paper compares it.

A. Howard et al., "MobileNets: Efficient convolutional neural networks for mobile vision applications",
arXiv:1704.04861, 2017, table 1 and section 3.3.

Table 1 prints stride 2 for the last depthwise convolution, but 7x7 for both its input and output: the stride is 1.
At width 1.0 there are 4,231,976 parameters; the paper's 4.2 million exclude batch normalisation and the bias of the
classifier (4,209,088).

**Full convolutions** (table 4). Each depthwise separable convolution is one 3x3 convolution of the same widths and
stride: 29.3 million weights as printed; the printed 4866 million multiply-accumulates are without the classifier
(4,866,269,184; with it 4,867,293,184).

**Shallow** (table 5). The five separable convolutions of 512 channels at 14x14 are removed: 307,323,392
multiply-accumulates and 2.9 million weights, as printed.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

STEM_WIDTH = 32


class SeparableBlock(NamedTuple):
    """A depthwise separable convolution at width multiplier 1: its output channels and its stride."""

    width: int
    stride: int


BLOCKS = (
    SeparableBlock(64, 1),
    SeparableBlock(128, 2),
    SeparableBlock(128, 1),
    SeparableBlock(256, 2),
    SeparableBlock(256, 1),
    SeparableBlock(512, 2),
    *[SeparableBlock(512, 1)] * 5,
    SeparableBlock(1024, 2),
    SeparableBlock(1024, 1),
)
"""The thirteen rows of table 1 between the first convolution and the average pool."""

SHALLOW_BLOCKS = tuple(block for block in BLOCKS if block != SeparableBlock(512, 1))
"""`BLOCKS` without the five that table 1 prints as one row, "5x"."""


class MobileNetV1(nn.Module):
    """Images (N, 3, S, S) of any side S to scores (N, num_classes)."""

    def __init__(
        self,
        num_classes: int = 1000,
        *,
        width_multiplier: float = 1.0,
        blocks: tuple[SeparableBlock, ...] = BLOCKS,
        is_separable: bool = True,
    ) -> None:
        super().__init__()
        stem_width, *widths = (_scaled(width, width_multiplier) for width in (STEM_WIDTH, *(b.width for b in blocks)))
        layers = [*_normalised(nn.Conv2d(3, stem_width, 3, stride=2, padding=1, bias=False))]
        for before, width, block in zip((stem_width, *widths), widths, blocks, strict=False):
            layers += (_separable if is_separable else _full)(before, width, block.stride)
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(widths[-1], num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Scores before any softmax."""
        scores: Tensor = self.classifier(self.pool(self.features(images)).flatten(1))
        return scores


def mobilenet_v1(num_classes: int = 1000, *, width_multiplier: float = 1.0) -> nn.Module:
    """Build MobileNet v1 with random weights; the paper evaluates width multipliers 1, 0.75, 0.5 and 0.25 (table 6)."""
    return MobileNetV1(num_classes, width_multiplier=width_multiplier)


def mobilenet_v1_conv(num_classes: int = 1000) -> nn.Module:
    """Build the "Conv MobileNet" of table 4, with random weights."""
    return MobileNetV1(num_classes, is_separable=False)


def mobilenet_v1_shallow(num_classes: int = 1000) -> nn.Module:
    """Build the "Shallow MobileNet" of table 5, with random weights."""
    return MobileNetV1(num_classes, blocks=SHALLOW_BLOCKS)


def _scaled(width: int, multiplier: float) -> int:
    return max(1, round(width * multiplier))


def _separable(channels_in: int, channels_out: int, stride: int) -> tuple[nn.Module, ...]:
    """Figure 3, right: depthwise 3x3, then pointwise 1x1, each normalised and rectified."""
    depthwise = nn.Conv2d(channels_in, channels_in, 3, stride=stride, padding=1, groups=channels_in, bias=False)
    pointwise = nn.Conv2d(channels_in, channels_out, 1, bias=False)
    return *_normalised(depthwise), *_normalised(pointwise)


def _full(channels_in: int, channels_out: int, stride: int) -> tuple[nn.Module, ...]:
    """Figure 3, left: the full convolution that a separable one replaces."""
    return _normalised(nn.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1, bias=False))


def _normalised(convolution: nn.Conv2d) -> tuple[nn.Module, ...]:
    return convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU(inplace=True)
