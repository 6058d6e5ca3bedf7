"""AlexNet as published in 2012.

A. Krizhevsky, I. Sutskever and G. Hinton, "ImageNet classification with deep convolutional neural networks",
NeurIPS 25, section 3 and figure 2.

torchvision's `alexnet` is a different model: the single-column one of arXiv:1404.5997, without response normalisation.
This is the two-column model: conv2, conv4 and conv5 read only their half of the maps (two groups), pooling windows
overlap (3x3, stride 2), and responses are normalised across neighbouring maps. The paper states 224 pixels, but its
55x55 maps need 227. 60,965,224 parameters (in the paper 60 million), 724,406,816 multiply-accumulates.
"""

from __future__ import annotations

from torch import Tensor, nn

HALVES = 2
"""The two columns of figure 2, one for each of two GPUs."""

POOLED_SIDE = 6


class AlexNet2012(nn.Module):
    """Images (N, 3, 227, 227) to scores (N, num_classes)."""

    def __init__(self, num_classes: int = 1000) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *_convolution(3, 96, kernel_size=11, stride=4),
            _response_normalisation(),
            _overlapping_pool(),
            *_convolution(96, 256, kernel_size=5, padding=2, groups=HALVES),
            _response_normalisation(),
            _overlapping_pool(),
            *_convolution(256, 384, kernel_size=3, padding=1),
            *_convolution(384, 384, kernel_size=3, padding=1, groups=HALVES),
            *_convolution(384, 256, kernel_size=3, padding=1, groups=HALVES),
            _overlapping_pool(),
        )
        self.classifier = nn.Sequential(
            *_hidden_layer(256 * POOLED_SIDE**2, 4096),
            *_hidden_layer(4096, 4096),
            nn.Linear(4096, num_classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Scores before any softmax."""
        scores: Tensor = self.classifier(self.features(images).flatten(1))
        return scores


def alexnet_2012(num_classes: int = 1000) -> nn.Module:
    """Build the AlexNet of 2012 with random weights."""
    return AlexNet2012(num_classes)


def _convolution(
    channels_in: int, channels_out: int, *, kernel_size: int, stride: int = 1, padding: int = 0, groups: int = 1
) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(channels_in, channels_out, kernel_size, stride, padding, groups=groups)
    return convolution, nn.ReLU(inplace=True)


def _response_normalisation() -> nn.Module:
    """Section 3.3: k = 2, n = 5, alpha = 1e-4, beta = 0.75. PyTorch divides its alpha by n; the paper does not."""
    window = 5
    return nn.LocalResponseNorm(window, alpha=1e-4 * window, beta=0.75, k=2.0)


def _overlapping_pool() -> nn.Module:
    return nn.MaxPool2d(kernel_size=3, stride=2)


def _hidden_layer(units_in: int, units_out: int) -> tuple[nn.Module, ...]:
    """A hidden layer; dropout comes first, because it applies to the output of the layer below (section 4.2)."""
    return nn.Dropout(0.5), nn.Linear(units_in, units_out), nn.ReLU(inplace=True)
