"""ShuffleNet v2 at 2x with squeeze and excitation.

N. Ma, X. Zhang, H.-T. Zheng and J. Sun, "ShuffleNet V2: Practical guidelines for efficient CNN architecture design",
arXiv:1807.11164, 2018, table 8 and appendix. The net itself is torchvision's.

Table 8 prints 597 million multiply-accumulates, 6 more than for the plain net. The text leaves the block to a figure
of the appendix; of the large net it says that excitation has half as many hidden units as its building block has
channels. Here each unit's whole output is rescaled so: 589,207,064, which is 5.95 million more than the plain net and,
as that is, 1.3 % below the printed figure; the wider shortcut of the authors' first unit explains both
(`zoobench.papers.conventions`). Rescaling only the half that is convolved, by as many hidden units, would add 2.98
million.
"""

from __future__ import annotations

from torch import nn
from torchvision.models import ShuffleNetV2
from torchvision.models.shufflenetv2 import InvertedResidual
from torchvision.ops import SqueezeExcitation

STAGE_REPEATS = (4, 8, 4)
"""Units in stages 2, 3 and 4 (table 5)."""

WIDTHS = (24, 244, 488, 976, 2048)
"""Output channels of the first convolution, the stages and the last convolution at 2x (table 5)."""

SQUEEZE = 2
"""Channels to a unit between squeeze and excitation."""


def shufflenet_v2_x2_0_se(num_classes: int = 1000) -> ShuffleNetV2:
    """ShuffleNet v2 at 2x with squeeze and excitation, with random weights."""
    return ShuffleNetV2([*STAGE_REPEATS], [*WIDTHS], num_classes, inverted_residual=_excited_unit)


def _excited_unit(channels_in: int, channels_out: int, stride: int) -> nn.Module:
    """The unit shuffles the concatenation before it is rescaled: another order of channels, the same net."""
    unit = InvertedResidual(channels_in, channels_out, stride)
    return nn.Sequential(unit, SqueezeExcitation(channels_out, channels_out // SQUEEZE))
