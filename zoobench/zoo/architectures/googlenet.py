"""GoogLeNet with the 5x5 convolutions of its paper.

C. Szegedy et al., "Going deeper with convolutions", arXiv:1409.4842, 2014, table 1 and figure 2b.

torchvision's `googlenet` has 3x3 convolutions in the branch that the paper calls 5x5. Everything else here is
torchvision's: batch normalisation stands for the paper's biases and two response normalisations, and there are no
auxiliary heads.

**Figures.** 1,582,671,872 multiply-accumulates (torchvision's 1,498,376,192). The 1550 million of MobileNet's table 8
are 2.1 % less; no convention gives them. ShuffleNet's table 6 prints 1500 for Caffe's net, and the paper's own column
sums to 1502, with 34 million for a first convolution that takes 118. There are 6,990,272 weights, 6826 times 1024: the
6.8 million of MobileNet's table 8 fit a paper that counts so (table 1 has 1024 x 1000 weights as 1000K).
"""

from __future__ import annotations

from torchvision.models import GoogLeNet
from torchvision.models.googlenet import BasicConv2d, Inception, InceptionAux


def googlenet_5x5(num_classes: int = 1000) -> GoogLeNet:
    """GoogLeNet as published, but for its normalisation, with random weights."""
    blocks = [BasicConv2d, _inception, InceptionAux]
    return GoogLeNet(num_classes, aux_logits=False, init_weights=False, blocks=blocks)


def _inception(channels_in: int, *widths: int) -> Inception:
    """`widths` are columns of table 1: #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj."""
    block = Inception(channels_in, *widths)
    _, _, _, reduced, width, _ = widths
    block.branch3[1] = BasicConv2d(reduced, width, kernel_size=5, padding=2)
    return block
