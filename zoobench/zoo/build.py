"""Building a model by name, with random weights, published ones or a checkpoint's.

Nothing here seeds: random weights come from torch's generator as the caller left it. Nothing here uses the network
unless `weights` are asked for and not on disk yet.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from torch import nn

from zoobench import catalogue
from zoobench.cases import ModelRef
from zoobench.catalogue import Entry
from zoobench.errors import BadInputError
from zoobench.zoo.checkpoint import load_checkpoint
from zoobench.zoo.sources import source_of
from zoobench.zoo.transfer import Transfer, transfer


class BuiltModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model in training mode on the CPU; `transfer` says what came from weights or a checkpoint, if any was asked."""

    module: nn.Module
    entry: Entry
    transfer: Transfer | None


def build_model(
    model: str | ModelRef,
    *,
    num_classes: int | None = None,
    weights: str | None = None,
    checkpoint: Path | str | None = None,
) -> nn.Module:
    """The model, see `build_with_transfer`."""
    return build_with_transfer(model, num_classes=num_classes, weights=weights, checkpoint=checkpoint).module


def build_with_transfer(
    model: str | ModelRef,
    *,
    num_classes: int | None = None,
    weights: str | None = None,
    checkpoint: Path | str | None = None,
) -> BuiltModel:
    """Build a model of the catalogue or of `package.module:factory`, and say what was transferred into it.

    `num_classes` is the model's own default if None. `weights` is torchvision's name of published ones
    (`IMAGENET1K_V1`, `DEFAULT`), `checkpoint` a file saved by torch.save; from either, every tensor whose name and
    shape agree is transferred, so with another number of classes the classifier stays random.
    Raises: UnknownNameError for a name that is not known; BadInputError for weights or a checkpoint that cannot be
    used; BuildError if the model's own code fails. All are ZoobenchErrors.
    """
    if weights is not None and checkpoint is not None:
        raise BadInputError("weights and checkpoint were both given: choose one")
    entry = _entry(model)
    module, transferred = source_of(entry.source).build(entry, num_classes=num_classes, weights=weights)
    if checkpoint is not None:
        transferred = _fill(module, entry, checkpoint)
    return BuiltModel(module=module, entry=entry, transfer=transferred)


def _entry(model: str | ModelRef) -> Entry:
    if isinstance(model, str):
        return catalogue.find(model)
    source_of(model.source)
    return catalogue.find(str(model))


def _fill(module: nn.Module, entry: Entry, path: Path | str) -> Transfer:
    tensors = load_checkpoint(path)
    report = transfer(tensors, module)
    if not report.transferred:
        raise BadInputError(
            f"{path} is not a checkpoint of {entry.name}: none of its {len(tensors)} tensors "
            "has the name and shape of one of the model's"
        )
    return report
