"""Which model of the zoo, at which size of images, stands for which printed row."""

from __future__ import annotations

from typing import Final

import msgspec

from zoobench.cases import ImageSize, ModelRef
from zoobench.papers import readings
from zoobench.papers.conventions import DECLARED
from zoobench.papers.found import Net
from zoobench.papers.published import PrintedFigure, figures
from zoobench.papers.readings import CountReading, plain_reading
from zoobench.records import LayerKind


class PrintedNet(msgspec.Struct, frozen=True, kw_only=True):
    """The net that stands for a figure's row, and which `part` of it the figure is about (see `readings.Subject`).

    `reading` replaces the metric's plain one where the row says so.
    """

    net: Net
    reading: CountReading
    part: str = ""
    baseline: Net | None = None

    @property
    def nets(self) -> tuple[Net, ...]:
        """All that must be counted for it."""
        return (self.net,) if self.baseline is None else (self.net, self.baseline)


def printed_net_of(figure: PrintedFigure) -> PrintedNet | None:
    """What to count for a figure; None if it is no count, or no model of the zoo stands for its row."""
    reading = _BLOCK_READINGS.get(figure.metric) if figure.model == _BLOCK else plain_reading(figure.metric)
    nets = NETS.get(figure.paper, {})
    net = nets.get(f"{figure.model} | {figure.variant}") or nets.get(figure.model)
    if net is None or reading is None:
        return None
    baseline = ALEXNET_2012 if figure.metric == "size_reduction" else None
    return PrintedNet(net=net, reading=reading, part=_part(figure), baseline=baseline)


def counted_models() -> tuple[tuple[ModelRef, ImageSize], ...]:
    """Every model and size of images that a verdict needs, those of conventions included, without repeats."""
    nets: dict[Net, None] = {}
    for experiment in filter(None, map(printed_net_of, figures())):
        nets.update(dict.fromkeys(experiment.nets))
    for declaration in DECLARED:
        nets.update((convention.net, None) for convention in declaration.conventions if convention.net)
    return tuple((net.model, net.resolution) for net in nets)


def _net(source: str, name: str, side: int = 224) -> Net:
    return Net(ModelRef(source, name), ImageSize(side, side))


def _shufflenet_v1(groups: int, scale: str) -> Net:
    return _net("zoobench", f"shufflenet_v1_g{groups}_x{scale}")


ALEXNET_2012 = _net("zoobench", "alexnet_2012", 227)
SQUEEZENET = _net("torchvision", "squeezenet1_0")
MOBILENET_V1 = _net("zoobench", "mobilenet_v1_100")
MOBILENET_V1_075 = _net("zoobench", "mobilenet_v1_075")
MOBILENET_V1_050 = _net("zoobench", "mobilenet_v1_050")
MOBILENET_V1_025 = _net("zoobench", "mobilenet_v1_025")
MOBILENET_V2 = _net("torchvision", "mobilenet_v2")
MOBILENET_V2_140 = _net("papers", "mobilenet_v2_140")
GOOGLENET = _net("papers", "googlenet_5x5")
VGG_16 = _net("torchvision", "vgg16")

_BLOCK = "layer DK=3 M=512 N=512 DF=14"
"""MobileNet's Table 3 follows one block of the net; its rows are cumulative."""

NETS: Final[dict[str, dict[str, Net]]] = {
    "SqueezeNet": {
        "SqueezeNet v1.0": SQUEEZENET,
        "SqueezeNet v1.0 | simple bypass": _net("papers", "squeezenet1_0_simple_bypass"),
        "SqueezeNet v1.0 | complex bypass": _net("papers", "squeezenet1_0_complex_bypass"),
        "AlexNet": ALEXNET_2012,
    },
    "MobileNet V1": {
        "MobileNet V1": MOBILENET_V1,
        "MobileNet V1 1.0": MOBILENET_V1,
        f"{_BLOCK} | Convolution": _net("papers", "mobilenet_v1_conv"),
        f"{_BLOCK} | Depthwise Separable Conv": MOBILENET_V1,
        f"{_BLOCK} | alpha=0.75": MOBILENET_V1_075,
        f"{_BLOCK} | rho=0.714": _net("zoobench", "mobilenet_v1_075", 160),
        "Conv MobileNet": _net("papers", "mobilenet_v1_conv"),
        "MobileNet": MOBILENET_V1,
        "0.75 MobileNet": MOBILENET_V1_075,
        "Shallow MobileNet": _net("papers", "mobilenet_v1_shallow"),
        "1.0 MobileNet-224": MOBILENET_V1,
        "0.75 MobileNet-224": MOBILENET_V1_075,
        "0.5 MobileNet-224": MOBILENET_V1_050,
        "0.25 MobileNet-224": MOBILENET_V1_025,
        "1.0 MobileNet-192": _net("zoobench", "mobilenet_v1_100", 192),
        "1.0 MobileNet-160": _net("zoobench", "mobilenet_v1_100", 160),
        "1.0 MobileNet-128": _net("zoobench", "mobilenet_v1_100", 128),
        "0.50 MobileNet-160": _net("zoobench", "mobilenet_v1_050", 160),
        "GoogleNet": GOOGLENET,
        "VGG 16": VGG_16,
        "Squeezenet": _net("papers", "squeezenet1_0_conv10_pad1", 227),
        "AlexNet": ALEXNET_2012,
    },
    "ShuffleNet V1": {
        **{f"ShuffleNet 1x | g={groups}": _shufflenet_v1(groups, "1_0") for groups in (1, 2, 3, 4, 8)},
        "ShuffleNet": _shufflenet_v1(3, "1_0"),
        "ShuffleNet 1x": _shufflenet_v1(3, "1_0"),
        "ShuffleNet 0.5x": _shufflenet_v1(3, "0_5"),
        "ShuffleNet 0.25x": _shufflenet_v1(3, "0_25"),
        "ShuffleNet 1x (g=3)": _shufflenet_v1(3, "1_0"),
        "ShuffleNet 1x (g=8)": _shufflenet_v1(8, "1_0"),
        "ShuffleNet 0.5x (g=3)": _shufflenet_v1(3, "0_5"),
        "ShuffleNet 0.5x (g=4)": _shufflenet_v1(4, "0_5"),
        "ShuffleNet 0.5x (shallow, g=3)": _net("papers", "shufflenet_v1_g3_x0_5_shallow"),
        "ShuffleNet 1.5x (g=3)": _shufflenet_v1(3, "1_5"),
        "ShuffleNet 2x (g=3)": _shufflenet_v1(3, "2_0"),
        "ShuffleNet 2x (with SE, g=3)": _net("papers", "shufflenet_v1_g3_x2_0_se"),
        "1.0 MobileNet-224": MOBILENET_V1,
        "0.75 MobileNet-224": MOBILENET_V1_075,
        "0.5 MobileNet-224": MOBILENET_V1_050,
        "0.25 MobileNet-224": MOBILENET_V1_025,
        "VGG-16": VGG_16,
        "GoogleNet (BVLC)": GOOGLENET,
        "AlexNet": ALEXNET_2012,
        "SqueezeNet": SQUEEZENET,
    },
    "Xception": {
        "Inception V3": _net("torchvision", "inception_v3", 299),
        "Xception": _net("zoobench", "xception", 299),
    },
    "MobileNetV2": {
        "MobileNetV1": MOBILENET_V1,
        "ShuffleNet (1.5)": _shufflenet_v1(3, "1_5"),
        "ShuffleNet (x2)": _shufflenet_v1(3, "2_0"),
        "MobileNetV2": MOBILENET_V2,
        "MobileNetV2 (1.4)": MOBILENET_V2_140,
    },
    "ShuffleNetV2": {
        **{
            f"ShuffleNetV2 | {scale}": _net("torchvision", f"shufflenet_v2_{name}")
            for scale, name in (("0.5x", "x0_5"), ("1x", "x1_0"), ("1.5x", "x1_5"), ("2x", "x2_0"))
        },
        **{
            f"ShuffleNet v2 {scale}": _net("torchvision", f"shufflenet_v2_{name}")
            for scale, name in (("0.5x", "x0_5"), ("1x", "x1_0"), ("1.5x", "x1_5"), ("2x", "x2_0"))
        },
        "ShuffleNet v2 2x (with SE)": _net("papers", "shufflenet_v2_x2_0_se"),
        **{
            f"ShuffleNet v1 {scale} (g=3)": _shufflenet_v1(3, name)
            for scale, name in (("0.5x", "0_5"), ("1x", "1_0"), ("1.5x", "1_5"), ("2x", "2_0"))
        },
        "0.25 MobileNet v1": MOBILENET_V1_025,
        "0.5 MobileNet v1": MOBILENET_V1_050,
        "0.75 MobileNet v1": MOBILENET_V1_075,
        "1.0 MobileNet v1": MOBILENET_V1,
        "0.15 MobileNet v2 (our impl.)": _net("papers", "mobilenet_v2_015"),
        "0.4 MobileNet v2 (our impl.)*": _net("papers", "mobilenet_v2_040", 160),
        "0.6 MobileNet v2 (our impl.)": _net("papers", "mobilenet_v2_060"),
        "0.75 MobileNet v2 (our impl.)**": _net("papers", "mobilenet_v2_075", 192),
        "1.0 MobileNet v2": MOBILENET_V2,
        "1.0 MobileNet v2 (our impl.)": MOBILENET_V2,
        "1.4 MobileNet v2": MOBILENET_V2_140,
        "1.4 MobileNet v2 (our impl.)": MOBILENET_V2_140,
    },
}
"""By paper, then by the table's own words: the model, or `model | variant` where the variant is another net."""

_BLOCK_READINGS: Final = {"macs": readings.block_macs, "parameters": readings.block_parameters}

_FIRE_PLACES: Final = (3, 4, 5, 7, 8, 9, 10, 12)
"""Of the fire modules in torchvision's SqueezeNet; pooling stands between."""

_PARTS: Final[dict[tuple[str, str], dict[str, str]]] = {
    ("SqueezeNet", "Table 1"): {
        "conv1": "features.0",
        **{f"fire{number}": f"features.{place}" for number, place in enumerate(_FIRE_PLACES, start=2)},
        "conv10": "classifier.1",
    },
    ("MobileNet V1", "Table 2"): {
        "Conv 1x1": LayerKind.POINTWISE,
        "Conv DW 3x3": LayerKind.DEPTHWISE,
        "Conv 3x3": LayerKind.CONVOLUTION,
        "Fully Connected": LayerKind.FULLY_CONNECTED,
    },
    ("MobileNet V1", "Table 3"): {
        "Convolution": "14x14x512",
        "Depthwise Separable Conv": "14x14x512",
        "alpha=0.75": "14x14x384",
        "rho=0.714": "10x10x384",
    },
}
"""By table, then by variant."""

_CHANNELS: Final = {
    "conv1_channels": "stem.0",
    "stage2_channels": "stages.0",
    "stage3_channels": "stages.1",
    "stage4_channels": "stages.2",
    "channels": "conv1,stage2,stage3,stage4,conv5",
}
"""Paths in ShuffleNet v1 (ours) and v2 (torchvision's), by metric."""

_ROWS: Final = ("layer_", "bottleneck_")


def _part(figure: PrintedFigure) -> str:
    for prefix in _ROWS:
        if figure.metric.startswith(prefix):
            return figure.metric.removeprefix(prefix)
    of_table = _PARTS.get((figure.paper, figure.table), {})
    return _CHANNELS.get(figure.metric) or of_table.get(figure.variant, "")
