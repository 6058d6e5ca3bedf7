"""Building a model by name, with random weights, published ones or a checkpoint's.

Nothing here seeds: random weights come from torch's generator as the caller left it. Nothing here uses the network
unless `weights` are asked for and not on disk yet.
"""

from __future__ import annotations

import importlib.metadata
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
import torchvision
from torch import nn
from torchvision.models import WeightsEnum

from zoobench.cases import ModelRef, catalogue
from zoobench.cases.catalogue import ENTRY_POINTS, IMPORTED, Entry, load_package
from zoobench.cases.errors import BadInputError, UnknownNameError
from zoobench.zoo.architectures import CONSTRUCTORS, VARIANTS
from zoobench.zoo.foreign import blamed_on, build_imported, checked_module
from zoobench.zoo.weights import Transfer, load_checkpoint, transfer

# The sources `zoobench`, our own architectures, and `papers`, the variants that only tables of papers have.


def build_own(entry: Entry, *, num_classes: int | None, weights: str | None) -> tuple[nn.Module, None]:
    """A net of ours with random weights.

    Raises: BadInputError if weights are asked for.
    """
    if weights is not None:
        raise BadInputError(f"{entry.name} has no published weights: give a file with checkpoint= instead")
    construct = (CONSTRUCTORS | VARIANTS)[entry.name]
    return (construct() if num_classes is None else construct(num_classes=num_classes)), None


# The source `torchvision`: its classification models, as the catalogue describes them.
#
# GoogLeNet and Inception v3 are built without auxiliary heads, which only training would use (torchvision's published
# number of parameters leaves them out for GoogLeNet, but not for Inception v3), and with PyTorch's ordinary random
# weights, as torchvision advises to save the time of drawing its own. Vision transformers are built for the catalogue's
# image size, or for that of the weights.


WITH_AUXILIARY_HEADS = frozenset({"googlenet", "inception_v3"})
FIXED_SIZE_FAMILY = "vit"


def build_torchvision(
    entry: Entry, *, num_classes: int | None, weights: str | None
) -> tuple[nn.Module, Transfer | None]:
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


# Sources that other packages bring by an entry point of the group `zoobench.models`.


class ModelPackage(Protocol):
    """What the entry point names, beside the `entries()` that the catalogue reads."""

    def build(self, name: str, *, num_classes: int | None, weights: str | None) -> nn.Module: ...


class PackageSource:
    """A package's models."""

    def __init__(self, point: EntryPoint) -> None:
        self._name = point.name
        self._package: ModelPackage = load_package(point)

    def build(self, entry: Entry, *, num_classes: int | None, weights: str | None) -> tuple[nn.Module, None]:
        """What the package builds.

        Raises: BuildError if it raises; BadInputError if it returns no model.
        """
        culprit = f"building {entry.name} by the package behind {self._name!r}"
        with blamed_on(culprit):
            built: object = self._package.build(entry.name, num_classes=num_classes, weights=weights)
        return checked_module(built, culprit), None


# Where models come from: a function a source.


class Source(Protocol):
    """Builds the models of one source.

    `num_classes` is None for the model's own default. `weights` names published weights; the source then says what it
    transferred from them.
    """

    def __call__(
        self, entry: Entry, *, num_classes: int | None, weights: str | None
    ) -> tuple[nn.Module, Transfer | None]: ...


BUILTIN: Final[dict[str, Source]] = {
    "torchvision": build_torchvision,
    "zoobench": build_own,
    "papers": build_own,
    IMPORTED: build_imported,
}


def source_of(name: str) -> Source:
    """The source of this name: a built-in one, or an installed package's entry point, loaded now.

    Raises: UnknownNameError if there is none.
    """
    if name in BUILTIN:
        return BUILTIN[name]
    points = importlib.metadata.entry_points(group=ENTRY_POINTS)
    if name not in points.names:
        raise UnknownNameError("source of models", name, (*BUILTIN, *points.names))
    return PackageSource(points[name]).build


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
    module, transferred = source_of(entry.source)(entry, num_classes=num_classes, weights=weights)
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
