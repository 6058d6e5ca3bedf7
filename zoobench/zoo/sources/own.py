"""The sources `zoobench`, our own architectures, and `papers`, the variants that only tables of papers have."""

from __future__ import annotations

from torch import nn

from zoobench.catalogue import Entry
from zoobench.errors import BadInputError
from zoobench.zoo.architectures import CONSTRUCTORS, VARIANTS


def build(entry: Entry, *, num_classes: int | None, weights: str | None) -> tuple[nn.Module, None]:
    """A net of ours with random weights.

    Raises: BadInputError if weights are asked for.
    """
    if weights is not None:
        raise BadInputError(f"{entry.name} has no published weights: give a file with checkpoint= instead")
    construct = (CONSTRUCTORS | VARIANTS)[entry.name]
    return (construct() if num_classes is None else construct(num_classes=num_classes)), None
