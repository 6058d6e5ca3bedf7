"""The source `torchvision`: its classification models, as the catalogue describes them.

GoogLeNet and Inception v3 are built without auxiliary heads, which only training would use (torchvision's published
number of parameters leaves them out for GoogLeNet, but not for Inception v3), and with PyTorch's ordinary random
weights, as torchvision advises to save the time of drawing its own. Vision transformers are built for the catalogue's
image size, or for that of the weights.
"""

from __future__ import annotations

from typing import Any

import torchvision
from torch import nn
from torchvision.models import WeightsEnum

from zoobench.catalogue import Entry
from zoobench.errors import BadInputError
from zoobench.zoo.transfer import Transfer, transfer

WITH_AUXILIARY_HEADS = frozenset({"googlenet", "inception_v3"})
FIXED_SIZE_FAMILY = "vit"


def build(entry: Entry, *, num_classes: int | None, weights: str | None) -> tuple[nn.Module, Transfer | None]:
    """A torchvision model; with weights, those whose name and shape agree are transferred.

    Raises: BadInputError for weights that do not exist or cannot be fetched.
    """
    if weights is None:
        return _construct(entry, num_classes, None), None
    chosen = _weights(entry, weights)
    module = _construct(entry, num_classes, chosen)
    return module, transfer(_published(entry, chosen).state_dict(), module)


def _construct(entry: Entry, num_classes: int | None, weights: WeightsEnum | None) -> nn.Module:
    """With random weights; `weights` are the ones that will be put in."""
    options: dict[str, Any] = {} if num_classes is None else {"num_classes": num_classes}
    if entry.name in WITH_AUXILIARY_HEADS:
        # the published weights were trained on pictures normalised otherwise, which the model converts
        options |= {"aux_logits": False, "init_weights": False, "transform_input": weights is not None}
    if entry.family == FIXED_SIZE_FAMILY:
        options["image_size"] = entry.image_size if weights is None else weights.meta["min_size"][0]
    module: nn.Module = torchvision.models.get_model(entry.name, weights=None, **options)
    return module


def _weights(entry: Entry, name: str) -> WeightsEnum:
    published = torchvision.models.get_model_weights(entry.name).__members__
    if name not in published:
        raise BadInputError(f"unknown weights {name!r} of {entry.name}: it has {', '.join(published)}")
    return published[name]


def _published(entry: Entry, weights: WeightsEnum) -> nn.Module:
    """As torchvision loads them: it renames tensors of old files, and drops auxiliary heads only here and there."""
    try:
        module: nn.Module = torchvision.models.get_model(entry.name, weights=weights, progress=False)
    except OSError as error:
        raise BadInputError(
            f"cannot fetch the weights {weights.name} of {entry.name} from {weights.url}: {error}; "
            "give a file with checkpoint= instead"
        ) from error
    return module
