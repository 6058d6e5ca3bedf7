"""Where models come from: one file a source."""

from __future__ import annotations

import importlib.metadata
from typing import Final, Protocol

from torch import nn

from zoobench.catalogue import ENTRY_POINTS, IMPORTED, Entry
from zoobench.errors import UnknownNameError
from zoobench.zoo.sources import imported, installed, own, torchvision
from zoobench.zoo.transfer import Transfer


class Source(Protocol):
    """Builds the models of one source.

    `num_classes` is None for the model's own default. `weights` names published weights; the source then says what it
    transferred from them.
    """

    def build(
        self, entry: Entry, *, num_classes: int | None, weights: str | None
    ) -> tuple[nn.Module, Transfer | None]: ...


BUILTIN: Final[dict[str, Source]] = {"torchvision": torchvision, "zoobench": own, "papers": own, IMPORTED: imported}


def source_of(name: str) -> Source:
    """The source of this name: a built-in one, or an installed package's entry point, loaded now.

    Raises: UnknownNameError if there is none.
    """
    if name in BUILTIN:
        return BUILTIN[name]
    points = importlib.metadata.entry_points(group=ENTRY_POINTS)
    if name not in points.names:
        raise UnknownNameError("source of models", name, (*BUILTIN, *points.names))
    return installed.PackageSource(points[name])
