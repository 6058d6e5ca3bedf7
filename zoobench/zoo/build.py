"""Building a model by name, with random weights, published ones or a checkpoint's.

Nothing here seeds: random weights come from torch's generator as the caller left it. Nothing here uses the network
unless `weights` are asked for and not on disk yet.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Protocol

import msgspec
import torchvision
from torch import nn
from torchvision.models import WeightsEnum

from zoobench.cases import BadInputError, ModelRef, UnknownNameError, ZoobenchError, catalogue
from zoobench.cases.catalogue import ENTRY_POINTS, IMPORTED, Entry, load_package
from zoobench.devices.device import is_out_of_memory
from zoobench.zoo.architectures import CONSTRUCTORS, VARIANTS
from zoobench.zoo.weights import Transfer, load_checkpoint, transfer

# The source `import`: any callable that returns a model, named `package.module:factory`.


# Calling code that is not ours: what it raises becomes one line that names it.


class BuildError(ZoobenchError):
    """A factory or package that was asked for a model failed; `__cause__` is what it raised."""


@contextmanager
def blamed_on(culprit: str) -> Iterator[None]:
    """Turn whatever the code inside raises into an error that begins with `culprit`.

    Raises: BuildError. Running out of memory is let through: that is the machine's limit, not the code's mistake.
    """
    try:
        yield
    except ZoobenchError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise BuildError(f"{culprit} raised {_in_one_line(error)}") from error


def checked_module(built: object, culprit: str) -> nn.Module:
    """`built`, if it is a model.

    Raises: BadInputError.
    """
    if not isinstance(built, nn.Module):
        raise BadInputError(f"{culprit} returned {_kind_of(built)}, not a torch.nn.Module")
    return built


def _in_one_line(error: Exception) -> str:
    kind, lines = type(error).__name__, str(error).strip().splitlines()
    return f"{kind}: {lines[0]}" if lines else kind


def _kind_of(built: object) -> str:
    return "None" if built is None else f"a value of type {type(built).__name__}"


def build_imported(entry: Entry, *, num_classes: int | None, weights: str | None) -> tuple[nn.Module, None]:
    """Import the factory, from the working directory first, and call it, with `num_classes` if that is given.

    Raises: BadInputError or UnknownNameError if the factory cannot be found, is none, takes no `num_classes`, or
    weights are asked for; BuildError if importing or calling it raises.
    """
    if weights is not None:
        raise BadInputError(f"{entry.name} has no published weights: give a file with checkpoint= instead")
    with _working_directory_first():
        factory = _factory(entry.name)
        options = _options(entry.name, factory, num_classes)
        with blamed_on(f"factory {entry.name}"):
            built = factory(**options)
    return checked_module(built, f"factory {entry.name}"), None


@contextmanager
def _working_directory_first() -> Iterator[None]:
    """While a factory is found and run: it may import its neighbours when called."""
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        yield
    finally:
        with suppress(ValueError):  # the factory may have taken it away itself
            sys.path.remove(here)


def _factory(name: str) -> Callable[..., object]:
    module_name, _, path = name.partition(":")
    found: object = _module(module_name)
    for attribute in path.split("."):
        if not hasattr(found, attribute):
            raise UnknownNameError(f"factory of {module_name}", attribute, _public_callables(found))
        found = getattr(found, attribute)
    if isinstance(found, nn.Module):
        raise BadInputError(f"{name} is a model, not a factory: name a function or class that makes one")
    if not callable(found):
        raise BadInputError(f"{name} is a value of type {type(found).__name__}, not a callable that makes a model")
    return found


def _module(name: str) -> ModuleType:
    importlib.invalidate_caches()
    with blamed_on(f"importing {name}"):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            is_itself_missing = f"{name}.".startswith(f"{error.name}.")
            if not is_itself_missing:
                raise
            raise BadInputError(f"there is no module {name} in {Path.cwd()} or on Python's path") from error


def _options(name: str, factory: Callable[..., object], num_classes: int | None) -> dict[str, int]:
    if num_classes is None:
        return {}
    if not _takes_num_classes(factory):
        raise BadInputError(f"factory {name} takes no num_classes: leave it out, or add the parameter")
    return {"num_classes": num_classes}


def _takes_num_classes(factory: Callable[..., object]) -> bool:
    try:
        parameters = inspect.signature(factory).parameters
    except (TypeError, ValueError):  # a callable written in C may have no signature
        return False
    return "num_classes" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def _public_callables(owner: object) -> list[str]:
    return [name for name, value in vars(owner).items() if callable(value) and not name.startswith("_")]


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
        # the published weights were trained on images normalised otherwise, which the model converts
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
