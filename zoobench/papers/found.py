"""What a run counted, by model and size of images: the records' layers, summed up as a figure asks for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from zoobench.cases import ImageSize, ModelRef
from zoobench.records import CaseRecord, Layer, LayerKind


class Net(NamedTuple):
    """A model of the zoo at one size of images."""

    model: ModelRef
    resolution: ImageSize

    def __str__(self) -> str:
        return f"{self.model} at {self.resolution}"


class Counted(msgspec.Struct, frozen=True):
    """The layers of one image's forward pass, in the order of their first calls, and sums over them.

    Heads that only training uses are not called, so they are not here, nor are their parameters.
    """

    layers: tuple[Layer, ...]

    @property
    def macs(self) -> int:
        """Of convolutions and matrix products; one image."""
        return sum(layer.macs for layer in self.layers)

    @property
    def parameters(self) -> int:
        """All that the pass uses: weights, biases, scales and shifts."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def weights(self) -> int:
        """Of convolutions and matrix products, without biases and without batch norm."""
        return sum(layer.weights for layer in self.layers)

    def of_kind(self, kind: LayerKind) -> Counted:
        """The layers of that kind alone."""
        return Counted(tuple(layer for layer in self.layers if layer.kind == kind))

    def without(self, kind: LayerKind) -> Counted:
        """All layers but those of that kind."""
        return Counted(tuple(layer for layer in self.layers if layer.kind != kind))

    def part(self, path: str) -> Counted:
        """The module of that path and all below it; the whole model for ""."""
        inside = f"{path}."
        return Counted(
            tuple(each for each in self.layers if not path or each.path == path or each.path.startswith(inside))
        )

    def layer(self, path: str) -> Layer:
        """The module of that path itself.

        Raises: KeyError.
        """
        for layer in self.layers:
            if layer.path == path:
                return layer
        raise KeyError(path)

    @property
    def convolutions(self) -> tuple[Layer, ...]:
        """In the order of the pass."""
        return tuple(layer for layer in self.layers if layer.kind in CONVOLUTIONS)


CONVOLUTIONS = frozenset(
    {
        LayerKind.CONVOLUTION,
        LayerKind.POINTWISE,
        LayerKind.GROUPED_POINTWISE,
        LayerKind.DEPTHWISE,
        LayerKind.GROUPED,
    }
)

Zoo = dict[Net, Counted]
"""What a run counted."""


def collect_counted(records: Iterable[CaseRecord]) -> Zoo:
    """The layers of a run's records, by model and size of images; the first that has them counts."""
    zoo: Zoo = {}
    for record in records:
        if record.layers:
            zoo.setdefault(Net(record.case.model, record.case.resolution), Counted(record.layers))
    return zoo


def out_channels(layer: Layer) -> int:
    """Maps that a layer gives: its output's second dimension."""
    return layer.output_shape[1]


def map_text(shape: Sequence[int]) -> str:
    """(N, C, H, W) as the papers print maps, `111x111x96`; (N, C) as `1x1x1024`."""
    _, channels, *sides = shape
    height, width = sides or (1, 1)
    return f"{height}x{width}x{channels}"
