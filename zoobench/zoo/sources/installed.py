"""Sources that other packages bring by an entry point of the group `zoobench.models`."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Protocol

from torch import nn

from zoobench.catalogue import Entry, load_package
from zoobench.zoo.sources.foreign import blamed_on, checked_module


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
