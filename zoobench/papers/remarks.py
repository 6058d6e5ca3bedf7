"""What else a reader must know of a figure: why nothing may reproduce it, or what its net took for granted.

A remark explains; it never decides.
"""

from __future__ import annotations

from typing import Final

from zoobench.papers.published import Figure

_OWN_IMPLEMENTATION = (
    "the authors' own MobileNet v2, whose rounding of widths is not printed; here widths are multiples of 8, as in "
    "TensorFlow's and torchvision's nets"
)

_NARROW_SHORTCUT = (
    "the authors' shortcut, which explains the wider nets, changes nothing here, 24 maps being half of 48; what else "
    "they counted is not known"
)

REMARKS: Final[dict[tuple[str, str, str], str]] = {
    ("SqueezeNet", "SqueezeNet v1.0 | complex bypass", "model_size"): (
        "here 1x1 convolutions bypass the four modules that change the number of maps, as section 6 says"
    ),
    ("MobileNet V1", "GoogleNet", "macs"): (
        "GoogLeNet's own Table 1 (arXiv:1409.4842) sums to 1502, which ShuffleNet's Table 6 rounds to 1500"
    ),
    ("ShuffleNet V1", "ShuffleNet 0.5x (shallow, g=3)", "macs"): (
        "section 4.3 leaves out half of the units of stages 2 to 4 and prints no widths; those of the net here are the "
        "nearest that fit three groups"
    ),
    ("ShuffleNet V1", "ShuffleNet 0.25x", "macs"): (
        "no proof: the first convolution's width at this scale is printed nowhere, and the net here has the one that "
        "comes nearest"
    ),
    ("ShuffleNet V1", "ShuffleNet 2x (with SE, g=3)", "macs"): (
        "where the blocks stand is not printed; here as in the nets of arXiv:1709.01507, with its reduction of 16"
    ),
    ("Xception", "Inception V3", "parameters"): (
        "no public code has this number, torchvision's, timm's and Keras's included; Xception's own in the same table "
        "is exact"
    ),
    ("MobileNetV2", "MobileNetV1", "macs"): "MobileNet's own tables print 569 for this net, which is reproduced",
    ("MobileNetV2", "MobileNetV2 (1.4)", "parameters"): (
        "the README of the authors' TensorFlow code prints 6.06 M, which the weights alone give"
    ),
    ("MobileNetV2", "MobileNetV2 (1.4)", "macs"): (
        "the README of the authors' TensorFlow code prints 582 M, which the plain count gives"
    ),
    ("ShuffleNetV2", "ShuffleNetV2 | 0.5x", "macs"): _NARROW_SHORTCUT,
    ("ShuffleNetV2", "ShuffleNet v2 0.5x", "macs"): _NARROW_SHORTCUT,
    ("ShuffleNetV2", "ShuffleNet v2 2x (with SE)", "macs"): (
        "the text leaves the blocks' place to a figure; here each unit's whole output is rescaled, with half as many "
        "hidden units"
    ),
    ("ShuffleNetV2", "0.15 MobileNet v2 (our impl.)", "macs"): _OWN_IMPLEMENTATION,
    ("ShuffleNetV2", "0.4 MobileNet v2 (our impl.)*", "macs"): _OWN_IMPLEMENTATION,
    ("ShuffleNetV2", "0.6 MobileNet v2 (our impl.)", "macs"): _OWN_IMPLEMENTATION,
    ("ShuffleNetV2", "0.75 MobileNet v2 (our impl.)**", "macs"): _OWN_IMPLEMENTATION,
    ("ShuffleNetV2", "1.4 MobileNet v2 (our impl.)", "macs"): _OWN_IMPLEMENTATION,
    ("ShuffleNetV2", "1.4 MobileNet v2", "macs"): "the figure is MobileNetV2's own, which is not reproduced either",
}
"""By paper, row (the model, or `model | variant` where it is about one variant) and metric."""


def remark_on(figure: Figure) -> str:
    """One line, or ""."""
    rows = (f"{figure.model} | {figure.variant}", figure.model)
    return next((REMARKS[key] for row in rows if (key := (figure.paper, row, figure.metric)) in REMARKS), "")
