"""Variants of torchvision's models from the papers' tables: SqueezeNet, GoogLeNet, MobileNet v2, ShuffleNet v2.

SqueezeNet 1.0 as in its authors' code, and with bypasses.

F. Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size",
arXiv:1602.07360, 2016, section 6, figure 2 and table 3. The base model is torchvision's.

**conv10 padded.** The authors' deploy.prototxt pads the 1x1 convolution conv10 by one pixel, so that its maps are 15x15
at 227 pixels, but 13x13 in table 1: 861,339,936 multiply-accumulates. Twice that is the 1.72 GFLOPs of their page and
the 1700 million that MobileNet's table 9 prints as multiply-adds.

**Bypasses.** Simple: the input of fire modules 3, 5, 7 and 9, which have as many channels in as out, is added to their
output after its rectification, as in the authors' SqueezeNet-Residual; no parameter is added (1,248,424). Complex: the
other four have a bypass too, through a 1x1 convolution, here with a bias, as all their convolutions have (1,589,672
parameters). conv10 is as in table 1, not padded. Table 3 prints 4.8, 4.8 and 7.7 MB for none, simple and complex. The
first two are 4.76 MiB in float32. The third is not reproduced: 6.06 MiB, or 6.36 million bytes, is a fifth less. Two
convolutions in each bypass would take 7.72 million bytes, but the text has one.
"""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.models import GoogLeNet, MobileNetV2, ShuffleNetV2, SqueezeNet, squeezenet1_0
from torchvision.models.googlenet import BasicConv2d, Inception, InceptionAux
from torchvision.models.shufflenetv2 import InvertedResidual
from torchvision.models.squeezenet import Fire
from torchvision.ops import SqueezeExcitation

# GoogLeNet with the 5x5 convolutions of its paper.
#
# C. Szegedy et al., "Going deeper with convolutions", arXiv:1409.4842, 2014, table 1 and figure 2b.
#
# torchvision's `googlenet` has 3x3 convolutions in the branch that the paper calls 5x5. Everything else here is
# torchvision's: batch normalisation replaces the paper's biases and two response normalisations, and there are no
# auxiliary heads.
#
# **Figures.** 1,582,671,872 multiply-accumulates (torchvision's 1,498,376,192). The 1550 million of MobileNet's table 8
# are 2.1 % less; no convention gives them. ShuffleNet's table 6 prints 1500 for Caffe's model, and the paper's column
# sums to 1502, with 34 million for a first convolution that takes 118. There are 6,990,272 weights, 6826 times 1024:
# the 6.8 million of MobileNet's table 8 match if K is 1024 (table 1 prints 1024 x 1000 weights as 1000K).


def googlenet_5x5(num_classes: int = 1000) -> GoogLeNet:
    """Build GoogLeNet as published, except for its normalisation, with random weights."""
    blocks = [BasicConv2d, _inception, InceptionAux]
    return GoogLeNet(num_classes, aux_logits=False, init_weights=False, blocks=blocks)


def _inception(channels_in: int, *widths: int) -> Inception:
    """`widths` are columns of table 1: #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj."""
    block = Inception(channels_in, *widths)
    _, _, _, reduced, width, _ = widths
    block.branch3[1] = BasicConv2d(reduced, width, kernel_size=5, padding=2)
    return block


# MobileNet v2 at the widths of the papers' tables.
#
# M. Sandler et al., "MobileNetV2: Inverted residuals and linear bottlenecks", arXiv:1801.04381, 2018, table 4 (width
# 1.4); N. Ma et al., "ShuffleNet V2", arXiv:1807.11164, 2018, table 8 (1.4, 0.75, 0.6, 0.4 and 0.15, "our impl.").
#
# The model and its rule for widths are torchvision's, with the rule of the authors' code: channels are rounded to a
# multiple of 8, never down by more than a tenth, and the last convolution keeps its 1280 below width 1. ShuffleNet V2's
# implementation is not public, and no rule that was tried gives all its figures. In millions of multiply-accumulates:
#
# | width | pixels | here | printed |
# |---|---|---|---|
# | 1.4 | 224 | 582.2 | 585 (MobileNetV2, table 4), 587 |
# | 0.75 | 192 | 153.9 | 145 |
# | 0.6 | 224 | 151.0 | 141 |
# | 0.4 | 160 | 41.8 | 43 |
# | 0.15 | 224 | 30.6 | 39 |
#
# At width 1.4 there are 6,108,776 parameters, 6,060,840 without batch normalisation, as on the authors' page (6.06
# million); table 4 prints 6.9 million, which no convention gives.


def mobilenet_v2(num_classes: int = 1000, *, width_multiplier: float) -> MobileNetV2:
    """Build MobileNet v2 with random weights."""
    return MobileNetV2(num_classes, width_mult=width_multiplier)


# ShuffleNet v2 at 2x with squeeze and excitation.
#
# N. Ma, X. Zhang, H.-T. Zheng and J. Sun, "ShuffleNet V2: Practical guidelines for efficient CNN architecture design",
# arXiv:1807.11164, 2018, table 8 and appendix. The base model is torchvision's.
#
# Table 8 prints 597 million multiply-accumulates, 6 more than for the plain model. The block is described only in a
# figure of the appendix; for the large model, excitation has half as many hidden units as its building block has
# channels. Here each unit's whole output is rescaled in this way: 589,207,064, 5.95 million more than the plain
# model. Both are 1.3 % below the printed figures; the wider shortcut of the authors' first unit explains this
# (`zoobench.papers.conventions`). Rescaling only the convolved half, with as many hidden units, would add 2.98 million.


STAGE_REPEATS = (4, 8, 4)
"""Units in stages 2, 3 and 4 (table 5)."""

WIDTHS = (24, 244, 488, 976, 2048)
"""Output channels of the first convolution, the stages and the last convolution at 2x (table 5)."""

SQUEEZE = 2
"""Channels per hidden unit between squeeze and excitation."""


def shufflenet_v2_x2_0_se(num_classes: int = 1000) -> ShuffleNetV2:
    """Build ShuffleNet v2 at 2x with squeeze and excitation, with random weights."""
    return ShuffleNetV2([*STAGE_REPEATS], [*WIDTHS], num_classes, inverted_residual=_excited_unit)


def _excited_unit(channels_in: int, channels_out: int, stride: int) -> nn.Module:
    """A unit with excitation after its channel shuffle: only the order of channels changes, not the model."""
    unit = InvertedResidual(channels_in, channels_out, stride)
    return nn.Sequential(unit, SqueezeExcitation(channels_out, channels_out // SQUEEZE))


class Bypass(nn.Module):
    """A fire module that adds its input to its output, through a 1x1 convolution if their channels differ."""

    def __init__(self, fire: Fire) -> None:
        super().__init__()
        channels_in, channels_out = _channels(fire)
        self.fire = fire
        self.shortcut = nn.Identity() if channels_in == channels_out else nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, channels_in, H, W) to (N, channels_out, H, W)."""
        joined: Tensor = self.shortcut(maps) + self.fire(maps)
        return joined


def squeezenet1_0_conv10_pad1(num_classes: int = 1000) -> SqueezeNet:
    """Build SqueezeNet 1.0 with conv10 padded by one pixel, with random weights."""
    model = squeezenet1_0(num_classes=num_classes)
    model.classifier[1] = nn.Conv2d(model.classifier[1].in_channels, num_classes, 1, padding=1)
    return model


def squeezenet1_0_bypass(num_classes: int = 1000, *, is_complex: bool) -> SqueezeNet:
    """Build SqueezeNet 1.0 with simple bypasses, or with simple and complex ones, with random weights."""
    model = squeezenet1_0(num_classes=num_classes)
    for place, layer in enumerate(model.features):
        if isinstance(layer, Fire):
            channels_in, channels_out = _channels(layer)
            if is_complex or channels_in == channels_out:
                model.features[place] = Bypass(layer)
    return model


def _channels(fire: Fire) -> tuple[int, int]:
    """Input and output channels."""
    return fire.squeeze.in_channels, fire.expand1x1.out_channels + fire.expand3x3.out_channels
