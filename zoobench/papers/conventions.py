"""Ways of counting and printing other than the plain one, each declared for the tables that use it, with its reason.

Plain is: everything counted that the net computes (`readings.PLAIN`), rounded to the nearest printed digit, trailing
zeros being digits. A convention holds for the tables it is declared for and nowhere else: what no declared convention
explains is not explained.
"""

from __future__ import annotations

from typing import Final

import msgspec

from zoobench.cases import ImageSize, ModelRef
from zoobench.papers import readings
from zoobench.papers.found import Net
from zoobench.papers.published import PrintedFigure, Rounding
from zoobench.papers.readings import CountedNet, CountReading


class Convention(msgspec.Struct, frozen=True, kw_only=True):
    """How a table came to its figures where that is not plain; `reason` says whence we know.

    `reading` replaces the metric's plain one, `net` the experiment's; only the first `digits` digits are meant, if set.
    """

    name: str
    reason: str
    reading: CountReading | None = None
    net: Net | None = None
    rounding: Rounding = Rounding.NEAREST
    digits: int | None = None


class Declaration(msgspec.Struct, frozen=True, kw_only=True):
    """Conventions of a paper for a metric, from the plainest on; in those tables and for those models, or in all."""

    paper: str
    metric: str
    conventions: tuple[Convention, ...]
    tables: tuple[str, ...] = ()
    models: tuple[str, ...] = ()

    def covers(self, figure: PrintedFigure) -> bool:
        """Whether the figure is one of those."""
        return (
            (figure.paper, figure.metric) == (self.paper, self.metric)
            and (not self.tables or figure.table in self.tables)
            and (not self.models or figure.model in self.models)
        )


PLAIN: Final = Convention(name="", reason="")


def conventions_of(figure: PrintedFigure) -> tuple[Convention, ...]:
    """Plain, then what is declared for the figure."""
    declared = (each for declaration in DECLARED if declaration.covers(figure) for each in declaration.conventions)
    return (PLAIN, *declared)


def _ratio_of_printed_sizes(workload: CountedNet) -> float:
    """243.9 MB to two digits, over 4.76 MiB to one decimal."""
    baseline_mb = round(readings.model_size_bytes(CountedNet(readings.baseline(workload))) / 1e6, -1)
    return baseline_mb / round(_model_size_mib(workload) / 1e6, 1)


def _model_size_mib(workload: CountedNet) -> float:
    """In a unit of 2**20 bytes that is printed as MB, so the number is given as millions."""
    return readings.model_size_bytes(workload) / 2**20 * 1e6


def _parameters_by_1024(workload: CountedNet) -> float:
    """Thousands of 1024, a thousand of them printed as M."""
    return readings.parameters(workload) / 1024 * 1000


TRUNCATED = Convention(
    name="truncated", reason="digits after the last printed one are cut off, not rounded", rounding=Rounding.DOWN
)

TWO_DIGITS = Convention(name="two digits", reason="the trailing zero is no digit", digits=2)

WITHOUT_CLASSIFIER = Convention(
    name="without classifier",
    reason="convolutions alone: the fully connected layers are left out",
    reading=readings.macs_without_classifier,
)

WITHOUT_CLASSIFIER_3_DIGITS = Convention(
    name="without classifier, three digits",
    reason="convolutions alone, the 15.3 billion that ResNet's paper (arXiv:1512.03385) prints for VGG-16 too; the "
    "zeros are no digits",
    reading=readings.macs_without_classifier,
    digits=3,
)

LEVEL = "Table 2 prints one complexity for every number of groups, 140 where Table 1 has 133 to 143"
"""ShuffleNet's nominal levels, which its other tables and ShuffleNet v2's repeat."""

LEVEL_TO_TENS = Convention(name="nominal level, to tens", reason=LEVEL, digits=2)

LEVEL_OF_3_GROUPS = Convention(
    name="nominal level, of 3 groups",
    reason=f"{LEVEL}; the level of 0.5x is that of the net with three groups",
    net=Net(ModelRef("zoobench", "shufflenet_v1_g3_x0_5"), ImageSize(224, 224)),
)

WEIGHTS_ALONE = Convention(
    name="weights alone",
    reason="weights of convolutions and classifier, without batch norm and biases, as MobileNet's Table 2 takes shares",
    reading=readings.weights,
)

WEIGHTS_ALONE_TRUNCATED = Convention(
    name="weights alone, truncated",
    reason="weights of convolutions and classifier, without batch norm and biases; further digits are cut off, not "
    "rounded",
    reading=readings.weights,
    rounding=Rounding.DOWN,
)

WEIGHTS_ALONE_SHARE = Convention(
    name="weights alone",
    reason="shares of the weights of convolutions and classifier: batch norm and biases are not counted",
    reading=readings.weights_share,
)

PICTURES_OF_227 = Convention(
    name="pictures of 227",
    reason="SqueezeNet's Table 1 has 111x111 maps after the first convolution, which pictures of 227x227 give and the "
    "printed 224x224 do not",
    net=Net(ModelRef("torchvision", "squeezenet1_0"), ImageSize(227, 227)),
)

SIZE_IN_MIB = Convention(
    name="MiB", reason="parameters in fp32; 2**20 bytes are printed as a MB", reading=_model_size_mib
)

RATIO_OF_PRINTED_SIZES = Convention(
    name="ratio of the printed sizes",
    reason="AlexNet's MB to two digits over SqueezeNet's MiB to one decimal, as the table prints them",
    reading=_ratio_of_printed_sizes,
)

THOUSANDS_OF_1024 = Convention(
    name="thousands of 1024",
    reason="as GoogLeNet's own Table 1 (arXiv:1409.4842) counts, which prints 1000K for the 1024x1000 classifier",
    reading=_parameters_by_1024,
)

SEPARABLE_STEM = Convention(
    name="separable first convolution, three digits",
    reason="GoogLeNet's own Table 1 (arXiv:1409.4842) prints 2.7K weights and 34M for its first convolution: those of "
    "a separable one with 8 maps a channel; a dense one has three times as many",
    reading=readings.macs_with_separable_stem,
    digits=3,
)

WITHOUT_SCALE = Convention(
    name="batch norm without scale",
    reason="Keras builds Inception v3 with scale=False",
    reading=readings.parameters_without_scale,
)

AUTHORS_SHORTCUT = Convention(
    name="authors' shortcut",
    reason="in the authors' code (megvii-model/ShuffleNet-Series, ShuffleNetV2/blocks.py) the first unit's shortcut "
    "keeps its 24 maps and the main branch gives the rest; torchvision's give half each",
    reading=readings.macs_with_authors_shortcut,
)


def _declare(paper: str, tables: str, metric: str, models: tuple[str, ...], *conventions: Convention) -> Declaration:
    """`tables` are numbers with spaces between; no models are all of them."""
    named = tuple(f"Table {number}" for number in tables.split())
    return Declaration(paper=paper, tables=named, metric=metric, models=models, conventions=conventions)


def _of_groups(scale: str, *groups: int) -> tuple[str, ...]:
    return tuple(f"ShuffleNet {scale} (g={each})" for each in groups)


_SQUEEZENET = "SqueezeNet"
_MOBILENET = "MobileNet V1"
_SHUFFLENET = "ShuffleNet V1"
_SHUFFLENETS_V2 = (
    "ShuffleNetV2",
    *(f"ShuffleNet v2 {scale}" for scale in ("0.5x", "1x", "1.5x", "2x", "2x (with SE)")),
)
_ALL: tuple[str, ...] = ()

DECLARED: Final = (
    _declare(_SQUEEZENET, "1", "output_size", _ALL, PICTURES_OF_227),
    _declare(_SQUEEZENET, "2", "model_size", ("AlexNet",), TWO_DIGITS),
    _declare(_SQUEEZENET, "2 3", "model_size", ("SqueezeNet v1.0",), SIZE_IN_MIB),
    _declare(_SQUEEZENET, "2", "size_reduction", _ALL, RATIO_OF_PRINTED_SIZES),
    _declare(_MOBILENET, "2", "parameters_share", _ALL, WEIGHTS_ALONE_SHARE),
    _declare(_MOBILENET, "4", "macs", ("Conv MobileNet",), WITHOUT_CLASSIFIER),
    _declare(_MOBILENET, "7 9", "macs", ("1.0 MobileNet-160", "0.50 MobileNet-160"), TRUNCATED),
    _declare(_MOBILENET, "9", "parameters", ("0.50 MobileNet-160",), WEIGHTS_ALONE),
    _declare(_MOBILENET, "8", "macs", ("VGG 16",), WITHOUT_CLASSIFIER_3_DIGITS),
    _declare(_MOBILENET, "8", "parameters", ("GoogleNet",), THOUSANDS_OF_1024),
    _declare(_MOBILENET, "9", "macs", ("AlexNet",), TWO_DIGITS),
    _declare(_MOBILENET, "9", "parameters", ("AlexNet",), TRUNCATED),
    _declare(_SHUFFLENET, "1", "macs", _ALL, WITHOUT_CLASSIFIER),
    _declare(_SHUFFLENET, "2 5 6 8", "macs", ("ShuffleNet 1x", *_of_groups("1x", 3, 8)), LEVEL_TO_TENS),
    _declare(_SHUFFLENET, "5 6", "macs", _of_groups("0.5x", 4), LEVEL_OF_3_GROUPS),
    _declare(_SHUFFLENET, "6", "macs", ("VGG-16",), WITHOUT_CLASSIFIER_3_DIGITS),
    _declare(_SHUFFLENET, "6", "macs", ("GoogleNet (BVLC)",), SEPARABLE_STEM),
    _declare(_SHUFFLENET, "6", "macs", ("SqueezeNet",), PICTURES_OF_227),
    _declare(_SHUFFLENET, "6 8", "macs", ("AlexNet",), TWO_DIGITS),
    _declare("Xception", "3", "parameters", ("Inception V3",), WITHOUT_SCALE),
    _declare("MobileNetV2", "4", "parameters", ("ShuffleNet (x2)",), WEIGHTS_ALONE),
    _declare("MobileNetV2", "4", "parameters", ("MobileNetV2", "MobileNetV2 (1.4)"), WEIGHTS_ALONE_TRUNCATED),
    _declare("MobileNetV2", "4", "macs", ("MobileNetV2", "MobileNetV2 (1.4)"), TRUNCATED),
    _declare("ShuffleNetV2", "5 8", "macs", _SHUFFLENETS_V2, AUTHORS_SHORTCUT),
    _declare("ShuffleNetV2", "8", "macs", ("ShuffleNet v1 1x (g=3)",), LEVEL_TO_TENS),
    _declare("ShuffleNetV2", "8", "macs", ("1.0 MobileNet v2", "1.4 MobileNet v2"), TRUNCATED),
)
