"""ShuffleNet v1, with 1, 2, 3, 4 or 8 groups and five scales; with squeeze and excitation; and shallow.

X. Zhang, X. Zhou, M. Lin and J. Sun, "ShuffleNet: An extremely efficient convolutional neural network for mobile
devices", arXiv:1707.01083, 2017, table 1 and figure 2.

**Widths.** Table 1 gives stage 2 for each number of groups g at scale 1; stages 3 and 4 double it. A unit's bottleneck
is a quarter of its output and both its pointwise convolutions have g groups, so the output must be divisible by 4g.
All widths in table 1 are; at other scales the scaled width is rounded to the nearest multiple of 4g, halves upwards
(g=2: 100 to 104 at 0.5x, 300 to 304 at 1.5x, 50 to 48 at 0.25x; g=4: 136 to 144, 408 to 416, 68 to 64). No source
prints these widths; g = 1, 3 and 8 need no rounding at any scale.

**First convolution.** Its width must be divisible by g, as it is concatenated in the first unit's shortcut. Table 1
has 24 channels at 1x. The paper does not define other scales; the authors' code has, for g=3, 12, 24, 24 and 48 at 0.5,
1, 1.5 and 2x (1.5x is not widened), and for g=8 the same but 16 at 0.5x. Here the other groups use the widths of g=3,
which they divide. No source prints 0.25x: with 12, and 8 for g=8, its convolutions are closest to the 13 million
multiply-accumulates of table 2 (13.0, 12.5, 13.1, 12.1 and 12.0 million for g = 1, 2, 3, 4 and 8).

The first pointwise convolution of stage 2 has one group, because its input is narrow (section 3.2).

**Squeeze and excitation** (table 5: 527 million multiply-accumulates at 2x, g=3). The paper cites arXiv:1709.01507 and
gives no details. As in that paper, the residual branch is rescaled here before it is added (its figure 3), and a
concatenation after it (its figure 2), with its reduction of 16: 526,925,184. Rescaling the branch of stride 2 instead
would give 526.5 million.

**Shallow** (table 5: 40 million at "0.5x", g=3). Section 4.3: "a 26-layer architecture by removing half of the blocks
in Stage 2-4", so 2, 4 and 2 units; no width is printed, and those of 0.5x would give 21.6 million. Here stages are
0.75x, after the 12 channels that the first convolution has at 0.5x: 41,634,216, or 40,914,216 without the classifier.
This is the closest to 40 for a multiple of 12 after 12 or 24 channels (next: 41.9 for 168 after 24, 37.5 for 156).
"""

from __future__ import annotations

import functools
from typing import Final

import torch
from torch import Tensor, nn
from torchvision.ops import SqueezeExcitation

STAGE_2_WIDTHS: Final = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}
"""Output channels of stage 2 at scale 1, by number of groups (table 1)."""

STAGE_REPEATS: Final = (4, 8, 4)
"""Units in stages 2, 3 and 4, the first of each with stride 2 (table 1)."""

STEM_WIDTHS: Final = {0.25: 12, 0.5: 12, 1.0: 24, 1.5: 24, 2.0: 48}
"""Output channels of the first convolution by scale, for up to four groups."""

STEM_WIDTHS_OF_8_GROUPS: Final = {0.25: 8, 0.5: 16, 1.0: 24, 1.5: 24, 2.0: 48}

BOTTLENECK = 4

SQUEEZE = 16
"""Channels per hidden unit between squeeze and excitation: the reduction ratio of arXiv:1709.01507."""

SHALLOW_SCALE = 0.75
"""Scale of the stages; see the module docstring."""


class ChannelShuffle(nn.Module):
    """Section 3.1: channels as (groups, n) are transposed to (n, groups), so that each group reaches all groups."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape: channel i of group k moves to i * groups + k."""
        batch, channels, height, width = maps.shape
        grouped = maps.view(batch, self.groups, channels // self.groups, height, width)
        return grouped.transpose(1, 2).reshape(batch, channels, height, width)

    def extra_repr(self) -> str:
        """Text in the brackets of the module's `repr`."""
        return f"groups={self.groups}"


class Unit(nn.Module):
    """Figure 2b (stride 1: the input is added) and 2c (stride 2: the input is average-pooled and concatenated)."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        *,
        stride: int,
        groups: int,
        groups_first: int,
        is_excited: bool = False,
    ) -> None:
        super().__init__()
        is_shrinking = stride > 1
        branch_width = channels_out - channels_in if is_shrinking else channels_out
        bottleneck = channels_out // BOTTLENECK
        self.is_shrinking = is_shrinking
        self.branch = nn.Sequential(
            nn.Conv2d(channels_in, bottleneck, 1, groups=groups_first, bias=False),
            nn.BatchNorm2d(bottleneck),
            nn.ReLU(inplace=True),
            ChannelShuffle(groups),
            nn.Conv2d(bottleneck, bottleneck, 3, stride=stride, padding=1, groups=bottleneck, bias=False),
            nn.BatchNorm2d(bottleneck),
            nn.Conv2d(bottleneck, branch_width, 1, groups=groups, bias=False),
            nn.BatchNorm2d(branch_width),
        )
        self.shortcut = nn.AvgPool2d(3, stride=stride, padding=1) if is_shrinking else nn.Identity()
        self.excitation = SqueezeExcitation(channels_out, channels_out // SQUEEZE) if is_excited else nn.Identity()
        self.activation = nn.ReLU(inplace=True)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, channels_in, H, W) to (N, channels_out, H / stride, W / stride), rounded up."""
        branch, shortcut = self.branch(maps), self.shortcut(maps)
        if self.is_shrinking:
            joined = self.excitation(torch.cat((shortcut, branch), dim=1))
        else:
            joined = shortcut + self.excitation(branch)
        activated: Tensor = self.activation(joined)
        return activated


class ShuffleNetV1(nn.Module):
    """Images (N, 3, S, S) of any side S to scores (N, num_classes)."""

    def __init__(
        self,
        num_classes: int = 1000,
        *,
        groups: int,
        stem: int,
        widths: tuple[int, ...],
        repeats: tuple[int, ...] = STAGE_REPEATS,
        is_excited: bool = False,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, stem, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(stem),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        stages, channels, groups_first = [], stem, 1
        for width, units in zip(widths, repeats, strict=True):
            stage = _stage(channels, width, units, groups=groups, groups_first=groups_first, is_excited=is_excited)
            stages.append(stage)
            channels, groups_first = width, groups
        self.stages = nn.Sequential(*stages)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Scores before any softmax."""
        scores: Tensor = self.classifier(self.pool(self.stages(self.stem(images))).flatten(1))
        return scores


def shufflenet_v1(
    num_classes: int = 1000, *, groups: int = 3, scale: float = 1.0, is_excited: bool = False
) -> nn.Module:
    """Build ShuffleNet v1 with random weights; `groups` is a key of STAGE_2_WIDTHS, `scale` one of STEM_WIDTHS."""
    stem, widths = stem_width(groups, scale), stage_widths(groups, scale)
    return ShuffleNetV1(num_classes, groups=groups, stem=stem, widths=widths, is_excited=is_excited)


def shufflenet_v1_shallow(num_classes: int = 1000) -> nn.Module:
    """Build the "0.5x (shallow, g=3)" of table 5, with random weights."""
    stem, widths = stem_width(3, 0.5), stage_widths(3, SHALLOW_SCALE)
    repeats = tuple(units // 2 for units in STAGE_REPEATS)
    return ShuffleNetV1(num_classes, groups=3, stem=stem, widths=widths, repeats=repeats)


def stage_widths(groups: int, scale: float) -> tuple[int, int, int]:
    """Output channels of stages 2, 3 and 4: the scaled table, rounded to the nearest multiple of 4 times the groups."""
    step = BOTTLENECK * groups
    stage_2 = int(STAGE_2_WIDTHS[groups] * scale / step + 0.5) * step
    return stage_2, 2 * stage_2, 4 * stage_2


def stem_width(groups: int, scale: float) -> int:
    """Output channels of the first convolution: a multiple of the groups."""
    return (STEM_WIDTHS_OF_8_GROUPS if groups == max(STAGE_2_WIDTHS) else STEM_WIDTHS)[scale]


def _stage(
    channels_in: int, channels_out: int, units: int, *, groups: int, groups_first: int, is_excited: bool
) -> nn.Module:
    unit = functools.partial(Unit, channels_out=channels_out, groups=groups, is_excited=is_excited)
    shrinking = unit(channels_in, stride=2, groups_first=groups_first)
    return nn.Sequential(shrinking, *(unit(channels_out, stride=1, groups_first=groups) for _ in range(units - 1)))
