"""Putting tensors into a model by name: what fits goes in, and what does not is told with its reason."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import torch
from torch import Tensor, nn


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of each tensor offered to a model and of each tensor the model has, by name.

    `dropped` tells why: `not in the model`, or the shape offered and the model's. A name dropped for its shape is
    `fresh` too: the model keeps the random values it was built with.
    """

    transferred: tuple[str, ...]
    dropped: Mapping[str, str]
    fresh: tuple[str, ...]


def transfer(tensors: Mapping[str, Tensor], module: nn.Module) -> Transfer:
    """Copy every tensor whose name and shape agree into the module's parameters and buffers.

    Number formats need not agree: values are converted to the module's.
    """
    own = module.state_dict()
    dropped = {name: reason for name, tensor in tensors.items() if (reason := _mismatch(tensor, own.get(name)))}
    transferred = tuple(name for name in tensors if name not in dropped)
    with torch.no_grad():
        for name in transferred:
            own[name].copy_(tensors[name])
    fitting = set(transferred)
    return Transfer(transferred=transferred, dropped=dropped, fresh=tuple(name for name in own if name not in fitting))


def _mismatch(offered: Tensor, wanted: Tensor | None) -> str | None:
    if wanted is None:
        return "not in the model"
    if offered.shape != wanted.shape:
        return f"shape {tuple(offered.shape)} for {tuple(wanted.shape)}"
    return None
