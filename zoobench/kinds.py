"""Kinds of layer: the words by which work and time are broken down, in every room."""

from __future__ import annotations

import enum


class LayerKind(enum.StrEnum):
    """What a layer, or one operator, does. A convolution's kind is told by its weight's shape and its groups."""

    CONVOLUTION = "convolution"
    """Dense, with a kernel larger than 1×1."""

    POINTWISE = "pointwise"
    """Dense, 1×1."""

    GROUPED_POINTWISE = "grouped-pointwise"
    DEPTHWISE = "depthwise"
    """As many groups as input channels."""

    GROUPED = "grouped"
    """Grouped, with a kernel larger than 1×1, fewer groups than input channels."""

    FULLY_CONNECTED = "fully-connected"
    """Any matrix product but attention's."""

    ATTENTION = "attention"
    NORMALISATION = "normalisation"
    ACTIVATION = "activation"
    POOLING = "pooling"
    CHANNEL_SHUFFLE = "channel-shuffle"
    ADD = "add"
    CONCAT = "concat"
    OTHER = "other"


def kind_of_convolution(*, in_channels: int, groups: int, kernel: tuple[int, ...]) -> LayerKind:
    """The kind of a convolution by its input channels, its groups and its kernel's sides."""
    is_pointwise = all(side == 1 for side in kernel)
    if groups == 1:
        return LayerKind.POINTWISE if is_pointwise else LayerKind.CONVOLUTION
    if groups == in_channels:
        return LayerKind.DEPTHWISE
    return LayerKind.GROUPED_POINTWISE if is_pointwise else LayerKind.GROUPED
