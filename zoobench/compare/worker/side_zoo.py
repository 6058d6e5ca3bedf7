"""The side's own models: built by the side's zoobench where the project is zoobench, else by the installed one."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
from torch import nn

from zoobench.cases import Case, Matrix, ModelRef
from zoobench.cases import catalogue as harness_catalogue
from zoobench.cases.catalogue import Entry
from zoobench.devices.device import failure_of
from zoobench.records import Failure
from zoobench.zoo import build as harness_build

PACKAGE = "zoobench"
"""The side's own or the installed one: a name of the harness is renamed in imports alone."""

CATALOGUES = ("cases.catalogue", "catalogue")
"""Where a zoobench keeps its catalogue; the second is that of commits before 0.2."""

_UNKNOWN_NAME, _BAD_INPUT, _USERS_MISTAKE = "UnknownNameError", "BadInputError", "ZoobenchError"
"""Errors of the side's zoobench are classes of its own: they are known by name."""


class SideZoo:
    """The catalogue and the builder of the side in whose folder this process runs."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._catalogue, self._build = _side_modules()

    def load(self, modules: tuple[str, ...]) -> None:
        """Import modules of the side; one that cannot be is reported when a case is built from it."""
        for module in modules:
            with contextlib.suppress(Exception):
                importlib.import_module(module)

    def loaded(self) -> dict[str, str]:
        """The file of every module that is loaded by now."""
        named = ((name, getattr(module, "__file__", None)) for name, module in list(sys.modules.items()))
        return {name: file for name, file in named if isinstance(file, str)}

    def expand(self, matrix: Matrix) -> tuple[tuple[Case, ...], dict[str, str]]:
        """The matrix's cases, and what the catalogue says of models and families that it does not know."""
        sizes: dict[ModelRef, int] = {}
        unknown: dict[str, str] = {}
        for name, part in _one_by_one(matrix):
            try:
                entries = self._catalogue.select(part)
            except Exception as error:
                if not _is_named(error, _UNKNOWN_NAME):
                    raise
                unknown[name] = str(error)
            else:
                sizes |= {ModelRef(entry.source, entry.name): entry.image_size for entry in entries}
        return tuple(matrix.expand(tuple(sizes), sizes.__getitem__)), unknown

    def build(self, model: ModelRef) -> nn.Module:
        """The model with random weights.

        Raises: whatever the side's code raises.
        """
        module: nn.Module = self._build.build_model(str(model))
        return module

    def entry_of(self, model: ModelRef) -> Entry:
        """What the side's catalogue says of the model; what it does not know, by the harness's."""
        try:
            entry = self._catalogue.find(str(model))
            return Entry(**{field: getattr(entry, field) for field in Entry.__struct_fields__ if hasattr(entry, field)})
        except Exception as error:
            if not _is_named(error, _USERS_MISTAKE):
                raise
            return harness_catalogue.entry_of(model)


def is_missing(error: BaseException) -> bool:
    """Whether the side has no such model: no such name in its catalogue, no such module, no such attribute of it."""
    if _is_named(error, _UNKNOWN_NAME):
        return True
    return _is_named(error, _BAD_INPUT) and isinstance(error.__cause__, ModuleNotFoundError)


def refusal_of(error: Exception, where: str) -> Failure:
    """An exception as a failure; errors of a zoobench that are for people are one line without their class."""
    failure = failure_of(error, where)
    if _is_named(error, _USERS_MISTAKE):
        return msgspec.structs.replace(failure, message=str(error).splitlines()[0] if str(error) else failure.message)
    return failure


def _side_modules() -> tuple[Any, Any]:
    """Catalogue and builder; the harness's where there is no zoobench at all.

    Raises: whatever importing the side's own raises.
    """
    try:
        package = importlib.import_module(PACKAGE)
    except ModuleNotFoundError as error:
        if error.name != PACKAGE:
            raise
        return harness_catalogue, harness_build
    return _module(_catalogue_of(package)), _module("zoo.build")


def _catalogue_of(package: ModuleType) -> str:
    """The module of the side's catalogue.

    It is found by its file: the finder of an editable install would import it from another zoobench.
    """
    (folder,) = package.__path__
    found = (name for name in CATALOGUES if Path(folder, *name.split(".")).with_suffix(".py").is_file())
    return next(found, CATALOGUES[-1])


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"{PACKAGE}.{name}")


def _one_by_one(matrix: Matrix) -> Iterator[tuple[str, Matrix]]:
    for model in matrix.models or ():
        yield model, msgspec.structs.replace(matrix, models=(model,), families=None)
    for family in matrix.families or ():
        yield family, msgspec.structs.replace(matrix, models=None, families=(family,))


def _is_named(error: BaseException, name: str) -> bool:
    return any(kind.__name__ == name for kind in type(error).__mro__)
