"""The papers' tables of layers, made anew from a counted net."""

from __future__ import annotations

import itertools
from typing import NamedTuple

from zoobench.kinds import LayerKind
from zoobench.papers.found import Counted, map_text, out_channels
from zoobench.records import Layer


def body_rows(counted: Counted) -> tuple[str, ...]:
    """MobileNet's Table 1, as `Conv dw / s1 | 3x3x32 dw | 112x112x32`: what a layer is, its filters, the maps it takes.

    The first convolution, pairs of depthwise and pointwise ones, equal pairs together, then pooling and classifier.
    """
    first, *separable = counted.convolutions
    pairs = zip(separable[::2], separable[1::2], strict=True)
    rows = [_convolution_row(first)]
    for texts, equal in itertools.groupby(tuple(_convolution_row(each) for each in pair) for pair in pairs):
        repeats = len(list(equal))
        rows += [f"{repeats}x {text}" if repeats > 1 else text for text in texts]
    rows += [_pooling_row(layer) for layer in counted.of_kind(LayerKind.POOLING).layers]
    rows += [_classifier_row(layer) for layer in counted.of_kind(LayerKind.FULLY_CONNECTED).layers]
    return tuple(rows)


def bottleneck_rows(counted: Counted) -> tuple[str, ...]:
    """MobileNetV2's Table 2, as `6,24,2,2`: expansion, width, repeats and stride of bottlenecks.

    A block is told by its depthwise convolution; those of equal width stand in one row, with the first's stride.
    """
    blocks = [_bottleneck(counted, layer) for layer in counted.convolutions if layer.kind == LayerKind.DEPTHWISE]
    rows = []
    for wide, equal in itertools.groupby(blocks, key=lambda each: each.width):
        first, *rest = equal
        rows.append(f"{first.expansion},{wide},{1 + len(rest)},{first.stride}")
    return tuple(rows)


class _Bottleneck(NamedTuple):
    expansion: int
    width: int
    stride: int


def _bottleneck(counted: Counted, depthwise: Layer) -> _Bottleneck:
    inside = next(
        layer
        for layer in counted.layers
        if layer.type == "InvertedResidual" and depthwise.path.startswith(f"{layer.path}.")
    )
    return _Bottleneck(out_channels(depthwise) // inside.input_shape[1], out_channels(inside), depthwise.stride[0])


def _convolution_row(layer: Layer) -> str:
    wide, narrow, height, width = layer.weight_shape
    is_depthwise = layer.kind == LayerKind.DEPTHWISE
    filters = f"{height}x{width}x{wide} dw" if is_depthwise else f"{height}x{width}x{narrow}x{wide}"
    return f"Conv{' dw' if is_depthwise else ''} / s{layer.stride[0]} | {filters} | {map_text(layer.input_shape)}"


def _pooling_row(layer: Layer) -> str:
    """Over the whole map, so that it takes one step."""
    height, width = layer.input_shape[-2:]
    return f"Avg Pool / s1 | Pool {height}x{width} | {map_text(layer.input_shape)}"


def _classifier_row(layer: Layer) -> str:
    classes, features = layer.weight_shape
    return f"FC / s1 | {features}x{classes} | {map_text(layer.input_shape)}"
