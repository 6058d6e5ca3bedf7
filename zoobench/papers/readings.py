"""What a printed figure asks of a counted net: the plain reading of each metric, and those of conventions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from zoobench.papers.found import Counted, map_text, out_channels
from zoobench.records import Layer, LayerKind

# The papers' tables of layers, made anew from a counted net.


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

    A block is recognised by its depthwise convolution; those of equal width stand in one row, with the first's stride.
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


BYTES_A_PARAMETER = 4
"""In fp32."""

STEM_MULTIPLIER = 8
"""Maps that GoogLeNet's first convolution makes of each channel before it mixes them (see `conventions`)."""


class CountedNet(NamedTuple):
    """What a figure is about: a counted net, or a part of it; `baseline` is the net that it is compared with.

    `part` is the path of a module, a `LayerKind`, the shape of a block's maps, or the number of a row: see the reading.
    """

    counted: Counted
    part: str = ""
    baseline: Counted | None = None


ReadValue = float | str
"""A number in base units, or a text as the paper prints it (shapes, channels)."""

CountReading = Callable[[CountedNet], ReadValue]


def parameters(workload: CountedNet) -> float:
    """All of the module at path `part`."""
    return workload.counted.part(workload.part).parameters


def weights(workload: CountedNet) -> float:
    """Of convolutions and matrix products, without biases and batch norm."""
    return workload.counted.part(workload.part).weights


def parameters_without_scale(workload: CountedNet) -> float:
    """All but the scales of batch norm, which are half of its parameters."""
    normalisation = workload.counted.of_kind(LayerKind.NORMALISATION).parameters
    return workload.counted.parameters - normalisation // 2


def macs(workload: CountedNet) -> float:
    """Of one image's forward pass."""
    return workload.counted.macs


def macs_without_classifier(workload: CountedNet) -> float:
    """Without fully connected layers."""
    return workload.counted.without(LayerKind.FULLY_CONNECTED).macs


def macs_with_authors_shortcut(workload: CountedNet) -> float:
    """ShuffleNet v2 as its authors' code has it, from torchvision's.

    Where the first unit of stage 2 takes c maps and gives o, its shortcut's pointwise convolution gives c of them in
    the authors' code and its main branch o - c; in torchvision each gives o / 2. The other stages take o / 2 maps, for
    which the two are the same.
    """
    unit = workload.counted.part("stage2.0")
    pointwise = [layer for layer in unit.convolutions if layer.kind == LayerKind.POINTWISE]
    narrow = unit.layer("stage2.0").input_shape[1]
    _, wide, height, width = unit.layer("stage2.0").output_shape
    to_output = [layer for layer in pointwise if layer.output_shape[-2:] == (height, width)]
    authors = narrow * narrow + wide // 2 * (wide - narrow)
    return workload.counted.macs - sum(layer.macs for layer in to_output) + authors * height * width


def macs_with_separable_stem(workload: CountedNet) -> float:
    """With the first convolution split in two: depthwise, with `STEM_MULTIPLIER` maps a channel, then pointwise."""
    stem = workload.counted.convolutions[0]
    wide, narrow, *kernel = stem.weight_shape
    between = narrow * STEM_MULTIPLIER
    separable = (between * math.prod(kernel) + between * wide) * math.prod(stem.output_shape[2:])
    return workload.counted.macs - stem.macs + separable


def model_size_bytes(workload: CountedNet) -> float:
    """Parameters in fp32."""
    return BYTES_A_PARAMETER * workload.counted.parameters


def size_reduction(workload: CountedNet) -> float:
    """How many times fewer parameters than the baseline."""
    return baseline(workload).parameters / workload.counted.parameters


def macs_share(workload: CountedNet) -> float:
    """Of the layers of kind `part`."""
    return workload.counted.of_kind(LayerKind(workload.part)).macs / workload.counted.macs


def parameters_share(workload: CountedNet) -> float:
    """Of the layers of kind `part`, among all parameters."""
    return workload.counted.of_kind(LayerKind(workload.part)).parameters / workload.counted.parameters


def weights_share(workload: CountedNet) -> float:
    """Of the layers of kind `part`, among the weights of convolutions and matrix products."""
    return workload.counted.of_kind(LayerKind(workload.part)).weights / workload.counted.weights


def block_macs(workload: CountedNet) -> float:
    """Of one block, see `block`."""
    return block(workload).macs


def block_parameters(workload: CountedNet) -> float:
    """Of one block's convolutions, see `block`."""
    return block(workload).weights


def block(workload: CountedNet) -> Counted:
    """The first convolution of each kind that takes and gives maps of the shape `part`, as `14x14x512`."""
    of_shape: dict[str, Layer] = {}
    for layer in workload.counted.convolutions:
        if map_text(layer.input_shape) == map_text(layer.output_shape) == workload.part:
            of_shape.setdefault(layer.kind, layer)
    return Counted(tuple(of_shape.values()))


def output_size(workload: CountedNet) -> str:
    """Of the module at path `part`: `111x111x96`."""
    return map_text(workload.counted.layer(workload.part).output_shape)


def channels(workload: CountedNet) -> float:
    """That the module at path `part` gives."""
    return out_channels(workload.counted.layer(workload.part))


def channels_by_stage(workload: CountedNet) -> str:
    """That the modules at the paths `part` (with commas between) give: `24,48,96,192,1024`."""
    return ",".join(str(out_channels(workload.counted.layer(path))) for path in workload.part.split(","))


def depth(workload: CountedNet) -> float:
    """Convolutions and fully connected layers."""
    return len(workload.counted.convolutions) + len(workload.counted.of_kind(LayerKind.FULLY_CONNECTED).layers)


def spatial_convolutions(workload: CountedNet) -> float:
    """With a kernel larger than 1x1: a separable convolution, which has a depthwise one, counts once."""
    return sum(any(side > 1 for side in layer.weight_shape[2:]) for layer in workload.counted.convolutions)


def body_row(workload: CountedNet) -> str:
    """Row `part` (from 1) of `layer_tables.body_rows`; "" if there is none."""
    return _row(body_rows(workload.counted), workload.part)


def bottleneck_row(workload: CountedNet) -> str:
    """Row `part` (from 1) of `layer_tables.bottleneck_rows`; "" if there is none."""
    return _row(bottleneck_rows(workload.counted), workload.part)


def _row(rows: Sequence[str], number: str) -> str:
    return next(iter(rows[int(number) - 1 : int(number)]), "")


def baseline(workload: CountedNet) -> Counted:
    """The net that a figure compares with.

    Raises: ValueError if its experiment names none.
    """
    if workload.baseline is None:
        raise ValueError("this figure compares two nets, and the experiment names one")
    return workload.baseline


PLAIN: Final[dict[str, CountReading]] = {
    "parameters": parameters,
    "macs": macs,
    "model_size": model_size_bytes,
    "size_reduction": size_reduction,
    "macs_share": macs_share,
    "parameters_share": parameters_share,
    "block_macs": block_macs,
    "block_parameters": block_parameters,
    "output_size": output_size,
    "conv1_channels": channels,
    "stage2_channels": channels,
    "stage3_channels": channels,
    "stage4_channels": channels,
    "channels": channels_by_stage,
    "depth": depth,
    "conv_layers": spatial_convolutions,
}
"""What a metric's name alone means; `layer_*` and `bottleneck_*` are rows of a table."""


def plain_reading(metric: str) -> CountReading | None:
    """The plain reading of a figure's metric; None for what no count gives."""
    for prefix, row in (("layer_", body_row), ("bottleneck_", bottleneck_row)):
        if metric.startswith(prefix):
            return row
    return PLAIN.get(metric)
