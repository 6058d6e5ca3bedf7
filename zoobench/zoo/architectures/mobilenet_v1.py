"""MobileNet v1, with width multipliers.

A. Howard et al., "MobileNets: Efficient convolutional neural networks for mobile vision applications",
arXiv:1704.04861, 2017, table 1 and section 3.3.

Table 1 prints stride 2 for the last depthwise convolution, whose input and output it prints at 7x7: the stride is 1.
At width 1.0 there are 4,231,976 parameters; the paper's 4.2 million leave out batch normalisation and the bias of the
classifier (4,209,088).
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

STEM_WIDTH = 32


class Block(NamedTuple):
    """A depthwise separable convolution at width multiplier 1: its output channels and its stride."""

    width: int
    stride: int


BLOCKS = (
    Block(64, 1),
    Block(128, 2),
    Block(128, 1),
    Block(256, 2),
    Block(256, 1),
    Block(512, 2),
    *[Block(512, 1)] * 5,
    Block(1024, 2),
    Block(1024, 1),
)
"""The thirteen rows of table 1 between the first convolution and the average pool."""


class MobileNetV1(nn.Module):
    """Pictures (N, 3, S, S) of any side S to scores (N, num_classes)."""

    def __init__(self, num_classes: int = 1000, *, width_multiplier: float = 1.0) -> None:
        super().__init__()
        stem_width, *widths = (_scaled(width, width_multiplier) for width in (STEM_WIDTH, *(b.width for b in BLOCKS)))
        layers = [*_normalised(nn.Conv2d(3, stem_width, 3, stride=2, padding=1, bias=False))]
        for before, width, block in zip((stem_width, *widths), widths, BLOCKS, strict=False):
            layers += _separable(before, width, block.stride)
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(widths[-1], num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Scores before any softmax."""
        scores: Tensor = self.classifier(self.pool(self.features(images)).flatten(1))
        return scores


def mobilenet_v1(num_classes: int = 1000, *, width_multiplier: float = 1.0) -> nn.Module:
    """MobileNet v1 with random weights; the paper evaluates width multipliers 1, 0.75, 0.5 and 0.25 (table 6)."""
    return MobileNetV1(num_classes, width_multiplier=width_multiplier)


def _scaled(width: int, multiplier: float) -> int:
    return max(1, round(width * multiplier))


def _separable(channels_in: int, channels_out: int, stride: int) -> tuple[nn.Module, ...]:
    """Figure 3, right: depthwise 3x3, then pointwise 1x1, each normalised and rectified."""
    depthwise = nn.Conv2d(channels_in, channels_in, 3, stride=stride, padding=1, groups=channels_in, bias=False)
    pointwise = nn.Conv2d(channels_in, channels_out, 1, bias=False)
    return *_normalised(depthwise), *_normalised(pointwise)


def _normalised(convolution: nn.Conv2d) -> tuple[nn.Module, ...]:
    return convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU(inplace=True)
