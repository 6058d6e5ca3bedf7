"""Build a model by name, with random weights, published weights or a checkpoint.

Random weights come from torch's global generator, which is not seeded here. The network is used only if `weights` are
requested and not on disk yet.
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


class BuildError(ZoobenchError):
    """A factory or package failed to build a model; `__cause__` is the error that it raised."""


@contextmanager
def errors_of(origin: str) -> Iterator[None]:
    """Convert any error raised in the block into a one-line error that begins with `origin`.

    Raises: BuildError. An out-of-memory error passes unchanged: its cause is the machine's limit, not the code.
    """
    try:
        yield
    except ZoobenchError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise BuildError(f"{origin} raised {_in_one_line(error)}") from error


def checked_module(built: object, origin: str) -> nn.Module:
    """Return `built` if it is a model.

    Raises: BadInputError if it is not.
    """
    if not isinstance(built, nn.Module):
        raise BadInputError(f"{origin} returned {_kind_of(built)}, not a torch.nn.Module")
    return built


def _in_one_line(error: Exception) -> str:
    kind, lines = type(error).__name__, str(error).strip().splitlines()
    return f"{kind}: {lines[0]}" if lines else kind


def _kind_of(built: object) -> str:
    return "None" if built is None else f"a value of type {type(built).__name__}"


def build_imported(entry: Entry, *, num_classes: int | None, weights: str | None) -> tuple[nn.Module, None]:
    """Import a factory `package.module:factory`, from the working directory first, and call it.

    `num_classes` is passed on unless it is None.
    Raises: BadInputError or UnknownNameError if the factory does not exist, is not a factory, takes no `num_classes`,
    or weights are requested; BuildError if importing or calling it raises.
    """
    if weights is not None:
        raise BadInputError(f"{entry.name} has no published weights: give a file with checkpoint= instead")
    with _working_directory_first():
        factory = _factory(entry.name)
        options = _options(entry.name, factory, num_classes)
        with errors_of(f"factory {entry.name}"):
            built = factory(**options)
    return checked_module(built, f"factory {entry.name}"), None


@contextmanager
def _working_directory_first() -> Iterator[None]:
    """Put the working directory first on `sys.path`: the factory may import modules from there when called."""
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        yield
    finally:
        with suppress(ValueError):  # the factory may have removed it
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
    with errors_of(f"importing {name}"):
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


def build_own(entry: Entry, *, num_classes: int | None, weights: str | None) -> tuple[nn.Module, None]:
    """Build a model of the sources `zoobench` or `papers`, with random weights.

    Raises: BadInputError if weights are requested.
    """
    if weights is not None:
        raise BadInputError(f"{entry.name} has no published weights: give a file with checkpoint= instead")
    construct = (CONSTRUCTORS | VARIANTS)[entry.name]
    return (construct() if num_classes is None else construct(num_classes=num_classes)), None


# The source `torchvision`.
#
# GoogLeNet and Inception v3 are built without auxiliary heads, which only training uses (torchvision's published number
# of parameters excludes them for GoogLeNet, but not for Inception v3), and with PyTorch's default initialisation, which
# torchvision recommends because its own is slow. Vision transformers are built for the catalogue's image size, or for
# that of the weights.


WITH_AUXILIARY_HEADS = frozenset({"googlenet", "inception_v3"})
FIXED_SIZE_FAMILY = "vit"


def build_torchvision(
    entry: Entry, *, num_classes: int | None, weights: str | None
) -> tuple[nn.Module, Transfer | None]:
    """Build a torchvision model; of `weights`, tensors whose name and shape match are transferred.

    Raises: BadInputError for weights that do not exist or cannot be downloaded.
    """
    if weights is None:
        return _construct(entry, num_classes, None), None
    chosen = _weights(entry, weights)
    module = _construct(entry, num_classes, chosen)
    return module, transfer(_published(entry, chosen).state_dict(), module)


def _construct(entry: Entry, num_classes: int | None, weights: WeightsEnum | None) -> nn.Module:
    """Build the model with random weights, ready for `weights`, which are transferred later."""
    options: dict[str, Any] = {} if num_classes is None else {"num_classes": num_classes}
    if entry.name in WITH_AUXILIARY_HEADS:
        # the published weights expect another normalisation of images, to which the model converts
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
    """Load weights with torchvision, which renames tensors of old files; it drops auxiliary heads only sometimes."""
    try:
        module: nn.Module = torchvision.models.get_model(entry.name, weights=weights, progress=False)
    except OSError as error:
        raise BadInputError(
            f"cannot fetch the weights {weights.name} of {entry.name} from {weights.url}: {error}; "
            "give a file with checkpoint= instead"
        ) from error
    return module


class ModelPackage(Protocol):
    """Interface of an entry point of the group `zoobench.models`, beside `entries()`, which the catalogue reads."""

    def build(self, name: str, *, num_classes: int | None, weights: str | None) -> nn.Module: ...


class PackageSource:
    """Source of the models of an installed package."""

    def __init__(self, point: EntryPoint) -> None:
        self._name = point.name
        self._package: ModelPackage = load_package(point)

    def build(self, entry: Entry, *, num_classes: int | None, weights: str | None) -> tuple[nn.Module, None]:
        """Build a model of the package.

        Raises: BuildError if the package raises; BadInputError if it does not return a model.
        """
        origin = f"building {entry.name} by the package behind {self._name!r}"
        with errors_of(origin):
            built: object = self._package.build(entry.name, num_classes=num_classes, weights=weights)
        return checked_module(built, origin), None


class Source(Protocol):
    """Function that builds the models of one source.

    `num_classes` is None for the model's default. `weights` names published weights; the source then also returns what
    it transferred from them.
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
    """Return the source of this name: a built-in one, or an installed package's entry point, which is loaded.

    Raises: UnknownNameError if there is none.
    """
    if name in BUILTIN:
        return BUILTIN[name]
    points = importlib.metadata.entry_points(group=ENTRY_POINTS)
    if name not in points.names:
        raise UnknownNameError("source of models", name, (*BUILTIN, *points.names))
    return PackageSource(points[name]).build


class BuiltModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model in training mode on the CPU; `transfer` records what weights or a checkpoint supplied, or is None."""

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
    """Build a model as `build_with_transfer` does, and return only its module."""
    return build_with_transfer(model, num_classes=num_classes, weights=weights, checkpoint=checkpoint).module


def build_with_transfer(
    model: str | ModelRef,
    *,
    num_classes: int | None = None,
    weights: str | None = None,
    checkpoint: Path | str | None = None,
) -> BuiltModel:
    """Build a model of the catalogue or of `package.module:factory`, with a report of transferred weights.

    `num_classes` None is the model's default. `weights` is torchvision's name of published weights (`IMAGENET1K_V1`,
    `DEFAULT`), `checkpoint` a file saved by torch.save. Tensors whose name and shape match are transferred, so with
    another number of classes the classifier stays random.
    Raises: UnknownNameError for an unknown name; BadInputError for weights or a checkpoint that cannot be used;
    BuildError if the model's code fails. All are ZoobenchErrors.
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
