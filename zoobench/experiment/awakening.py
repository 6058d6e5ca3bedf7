"""Makes the output of a freshly initialised net depend on its pictures, so that two outputs can disagree.

With random weights and untrained statistics, signals die out on their way through many nets: of mobilenet_v1_100 in
eval mode nothing but the classifier's bias is left, and vit_b_16 begins with a classifier of zeros. Whatever happened
to their layers, such outputs would agree.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

_SEED = 0
_SCALE = 0.02
"""Standard deviation of weights that were all zero: that of the usual initialisation of transformers."""


def awaken(module: nn.Module, images: Tensor) -> None:
    """Fill matrices of zeros, and let batch norms take their statistics from these pictures; leaves eval mode on."""
    _fill_zeros(module)
    module.eval()
    with torch.no_grad(), _taking_statistics(module):
        module(_two_at_least(images))


def _fill_zeros(module: nn.Module) -> None:
    generator = torch.Generator().manual_seed(_SEED)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim > 1 and not parameter.any():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * _SCALE)


@contextlib.contextmanager
def _taking_statistics(module: nn.Module) -> Iterator[None]:
    """Batch norms alone are in training mode, and forget what they knew."""
    norms = [part for part in module.modules() if isinstance(part, _BatchNorm) and part.track_running_stats]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all calls: of this one
        norm.train()
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            norm.eval()


def _two_at_least(images: Tensor) -> Tensor:
    """One picture has no statistics where it has shrunk to a single pixel; then it comes with itself, shifted."""
    return images if len(images) > 1 else torch.cat((images, images.roll(1, -1)))
