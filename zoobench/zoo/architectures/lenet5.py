"""LeNet-5 for handwritten digits.

Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition", Proceedings of
the IEEE 86(11), 1998, section II.B and figure 2.

As in most later implementations, three parts of 1998 are left out: the sparse connections from S2 to C3 (table I), the
trainable coefficient and bias of each subsampling map, and the Gaussian connections of the output, which is linear
here. The model has 61,706 parameters.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ScaledTanh(nn.Module):
    """The squashing function f(a) = 1.7159 tanh(2a / 3), for which f(1) = 1 and f(-1) = -1 (appendix A)."""

    def forward(self, activation: Tensor) -> Tensor:
        """Apply the function to each element; the shape does not change."""
        return 1.7159 * torch.tanh(activation * (2 / 3))


class LeNet5(nn.Module):
    """Images (N, 1, 32, 32) to scores (N, num_classes). Layers are named as in figure 2."""

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, kernel_size=5)
        self.s2 = nn.AvgPool2d(2)
        self.c3 = nn.Conv2d(6, 16, kernel_size=5)
        self.s4 = nn.AvgPool2d(2)
        self.c5 = nn.Conv2d(16, 120, kernel_size=5)
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, num_classes)
        self.squash = ScaledTanh()

    def forward(self, images: Tensor) -> Tensor:
        """Scores before any softmax."""
        maps = self.s2(self.squash(self.c1(images)))
        maps = self.s4(self.squash(self.c3(maps)))
        units = self.squash(self.c5(maps)).flatten(1)
        scores: Tensor = self.output(self.squash(self.f6(units)))
        return scores


def lenet5(num_classes: int = 10) -> nn.Module:
    """Build LeNet-5 with random weights."""
    return LeNet5(num_classes)
