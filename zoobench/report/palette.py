"""What a family looks like, everywhere: colours that the colour-blind tell apart, and a marker for those who see none.

Colours: Okabe and Ito, Color Universal Design (2008), and greys for what the comparison is not about.
"""

from __future__ import annotations

from typing import NamedTuple

from zoobench.cases import ModelRef, catalogue
from zoobench.records import LayerKind
from zoobench.records.comparison import Verdict

ORANGE = "#E69F00"
SKY_BLUE = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#A89B00"  # darker than theirs, which a line on white paper does not stand out with
BLUE = "#0072B2"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"
BLACK = "#000000"
DARK_GREY = "#666666"
LIGHT_GREY = "#AAAAAA"

SQUEEZENET = "SqueezeNet"
MOBILENET = "MobileNet"
SHUFFLENET = "ShuffleNet"
XCEPTION = "Xception"
COMPARED = (SQUEEZENET, MOBILENET, SHUFFLENET, XCEPTION)
"""The four families of the papers' comparison."""

OTHER = "Other"


class Style(NamedTuple):
    """How the models of a group are drawn."""

    color: str
    marker: str


STYLES = {
    SQUEEZENET: Style(ORANGE, "s"),
    MOBILENET: Style(GREEN, "o"),
    SHUFFLENET: Style(BLUE, "^"),
    XCEPTION: Style(VERMILLION, "D"),
    "LeNet, AlexNet, VGG": Style(BLACK, "P"),
    "GoogLeNet, Inception": Style(SKY_BLUE, "v"),
    "ResNet, ResNeXt": Style(PURPLE, "h"),
    "DenseNet": Style(YELLOW, "*"),
    "MNASNet, EfficientNet, RegNet": Style(DARK_GREY, "X"),
    "ConvNeXt, transformers": Style(LIGHT_GREY, "p"),
    OTHER: Style(DARK_GREY, "d"),
}
"""Groups in the order of legends and panels."""

_GROUPS = {
    "squeezenet": SQUEEZENET,
    "mobilenet": MOBILENET,
    "shufflenet": SHUFFLENET,
    "xception": XCEPTION,
    "lenet": "LeNet, AlexNet, VGG",
    "alexnet": "LeNet, AlexNet, VGG",
    "vgg": "LeNet, AlexNet, VGG",
    "googlenet": "GoogLeNet, Inception",
    "inception": "GoogLeNet, Inception",
    "resnet": "ResNet, ResNeXt",
    "resnext": "ResNet, ResNeXt",
    "wide-resnet": "ResNet, ResNeXt",
    "densenet": "DenseNet",
    "mnasnet": "MNASNet, EfficientNet, RegNet",
    "efficientnet": "MNASNet, EfficientNet, RegNet",
    "regnet": "MNASNet, EfficientNet, RegNet",
    "convnext": "ConvNeXt, transformers",
    "vit": "ConvNeXt, transformers",
    "swin": "ConvNeXt, transformers",
    "maxvit": "ConvNeXt, transformers",
}
"""From the beginning of a family's key (`mobilenet-v2`, `lenet5`) to its group."""


def group_of(family: str) -> str:
    """The group that a family of the catalogue is drawn in; the longest beginning decides."""
    fitting = [start for start in _GROUPS if family.startswith(start)]
    return _GROUPS[max(fitting, key=len)] if fitting else OTHER


def group_of_model(model: ModelRef) -> str:
    """The group of the model's family, as the catalogue has it."""
    return group_of(catalogue.entry_of(model).family)


class KindStyle(NamedTuple):
    """How a kind of layer is drawn: a colour of its own, and hatching where greys would be taken for each other."""

    color: str
    hatch: str = ""


BETWEEN_OPERATORS = "between-operators"

KIND_STYLES: dict[str, KindStyle] = {
    LayerKind.CONVOLUTION: KindStyle("#332288"),
    LayerKind.POINTWISE: KindStyle("#88CCEE"),
    LayerKind.GROUPED_POINTWISE: KindStyle("#44AA99"),
    LayerKind.DEPTHWISE: KindStyle("#CC6677"),
    LayerKind.GROUPED: KindStyle("#882255"),
    LayerKind.FULLY_CONNECTED: KindStyle("#DDCC77"),
    LayerKind.ATTENTION: KindStyle("#AA4499", "xx"),
    LayerKind.NORMALISATION: KindStyle("#117733"),
    LayerKind.ACTIVATION: KindStyle("#999933"),
    LayerKind.POOLING: KindStyle("#AA4499"),
    LayerKind.CHANNEL_SHUFFLE: KindStyle("#661100"),
    LayerKind.ADD: KindStyle("#BBBBBB", "//"),
    LayerKind.CONCAT: KindStyle("#BBBBBB", "\\\\"),
    LayerKind.OTHER: KindStyle("#DDDDDD"),
    BETWEEN_OPERATORS: KindStyle("#FFFFFF", ".."),
}
"""Kinds in the order of bars and legends. Colours: Paul Tol, Colour Schemes (2021), muted; no family has them."""

VERDICT_STYLES: dict[str, Style] = {
    Verdict.BROKEN: Style(VERMILLION, "X"),
    Verdict.REMOVED: Style(VERMILLION, "X"),
    Verdict.OUTPUT_CHANGED: Style(PURPLE, "s"),
    Verdict.SLOWER: Style(VERMILLION, ">"),
    Verdict.WORSE: Style(VERMILLION, "^"),
    Verdict.NOT_COMPARABLE: Style(LIGHT_GREY, "X"),
    Verdict.UNDECIDED: Style(ORANGE, "D"),
    Verdict.NEW: Style(SKY_BLUE, "P"),
    Verdict.FIXED: Style(SKY_BLUE, "P"),
    Verdict.FASTER: Style(BLUE, "<"),
    Verdict.BETTER: Style(BLUE, "v"),
    Verdict.SAME: Style(DARK_GREY, "o"),
}
"""What a verdict looks like; on an axis of time, the markers of slower and faster point the way."""
