"""Xception.

F. Chollet, "Xception: Deep learning with depthwise separable convolutions", arXiv:1610.02357, 2017, figure 5.

22,855,952 parameters exactly (table 3) and 8,357,403,496 multiply-accumulates at 299 pixels. A separable convolution is
depthwise 3x3 then pointwise 1x1 with nothing in between (section 4.7) and one batch normalisation after (figure 5).
The pooling here pads one pixel on each side. The author's uses the minimum for ceil(S / 2), which for even S is one
pixel, at the end only: sizes, parameters and counts agree everywhere, but the borders of two maps differ.
"""

from __future__ import annotations

import itertools

from torch import Tensor, nn

MIDDLE_WIDTH = 728
MIDDLE_BLOCKS = 8


class XceptionBlock(nn.Module):
    """Rectified separable convolutions with a residual connection; `is_halving` pools and projects."""

    def __init__(self, widths: tuple[int, ...], *, is_halving: bool, is_input_rectified: bool = True) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for channels_in, channels_out in itertools.pairwise(widths):
            layers += [nn.ReLU(), *_separable(channels_in, channels_out)]
        if not is_input_rectified:
            del layers[0]
        self.shortcut: nn.Module = nn.Identity()
        if is_halving:
            layers.append(nn.MaxPool2d(3, stride=2, padding=1))
            self.shortcut = nn.Sequential(
                nn.Conv2d(widths[0], widths[-1], 1, stride=2, bias=False), nn.BatchNorm2d(widths[-1])
            )
        self.branch = nn.Sequential(*layers)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, widths[0], H, W) to (N, widths[-1], H', W'), H' being H, or half of it rounded up."""
        joined: Tensor = self.branch(maps) + self.shortcut(maps)
        return joined


class Xception(nn.Module):
    """Images (N, 3, 299, 299), or of any side from 7, to scores (N, num_classes)."""

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.entry_flow = nn.Sequential(
            *_normalised(nn.Conv2d(3, 32, 3, stride=2, bias=False)),
            *_normalised(nn.Conv2d(32, 64, 3, bias=False)),
            XceptionBlock((64, 128, 128), is_halving=True, is_input_rectified=False),
            XceptionBlock((128, 256, 256), is_halving=True),
            XceptionBlock((256, 728, 728), is_halving=True),
        )
        self.middle_flow = nn.Sequential(
            *(XceptionBlock((MIDDLE_WIDTH,) * 4, is_halving=False) for _ in range(MIDDLE_BLOCKS)),
        )
        self.exit_flow = nn.Sequential(
            XceptionBlock((728, 728, 1024), is_halving=True),
            *_separable(1024, 1536),
            nn.ReLU(inplace=True),
            *_separable(1536, 2048),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d(1),
        )
        self.classifier = nn.Linear(2048, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Scores before any softmax."""
        maps = self.exit_flow(self.middle_flow(self.entry_flow(images)))
        scores: Tensor = self.classifier(maps.flatten(1))
        return scores


def xception(num_classes: int = 1000) -> nn.Module:
    """Build Xception with random weights."""
    return Xception(num_classes)


def _separable(channels_in: int, channels_out: int) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(channels_in, channels_in, 3, padding=1, groups=channels_in, bias=False),
        nn.Conv2d(channels_in, channels_out, 1, bias=False),
        nn.BatchNorm2d(channels_out),
    )


def _normalised(convolution: nn.Conv2d) -> tuple[nn.Module, ...]:
    return convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU(inplace=True)
