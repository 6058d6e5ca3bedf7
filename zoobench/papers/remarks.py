"""Proofs that a printed figure is a misprint: each is computed from the table itself and what was found.

A check is asked only about a figure that neither the plain count nor a declared convention explains. It gives its
evidence in one line, or "" where it proves nothing.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Final

from zoobench.papers.published import PrintedFigure, Rounding, figures, parse_printed, render_found
from zoobench.papers.readings import ReadValue

WHOLE = Decimal(100)
"""Per cent."""

MisprintCheck = Callable[[PrintedFigure, ReadValue], str]


def prove_misprint(figure: PrintedFigure, found: ReadValue) -> str:
    """The evidence of the first check that proves one; "" if none does."""
    return next(filter(None, (check(figure, found) for check in CHECKS)), "")


def exchanged_digits(figure: PrintedFigure, found: ReadValue) -> str:
    """A column of shares that sums to 100 only if two digits of this figure change places, to what was found."""
    if figure.unit != "%" or isinstance(found, str):
        return ""
    column = [Decimal(each.value) for each in _column(figure)]
    printed = Decimal(figure.value)
    slack = len(column) * Decimal(1).scaleb(int(printed.as_tuple().exponent)) / 2
    if abs(sum(column) - WHOLE) <= slack:
        return ""
    for other in _exchanged(figure.value):
        corrected = sum(column) - printed + Decimal(other)
        if abs(corrected - WHOLE) <= slack and _agrees(other, figure.unit, found):
            return (
                f"misprint of {other}: the column sums to {sum(column)} as printed, to {corrected} with two digits "
                f"exchanged, and {render_found(Fraction(found), figure.value, figure.unit)} was found"
            )
    return ""


def twice_another(figure: PrintedFigure, found: ReadValue) -> str:
    """FLOPs in a column of multiply-accumulates: twice what was found, by the digits that are not trailing zeros."""
    if figure.metric != "macs" or isinstance(found, str):
        return ""
    printed = parse_printed(figure.value, figure.unit)
    coarse = printed and printed.to_digits(len(figure.value.rstrip("0")))
    if coarse is None or not coarse.agrees(2 * Fraction(found), Rounding.NEAREST):
        return ""
    once, twice = (render_found(count * Fraction(found), figure.value, figure.unit) for count in (1, 2))
    others = ", ".join(f"{each.value} for {each.model}" for each in _column(figure) if each is not figure)
    return (
        f"FLOPs in a column of multiply-adds: {twice} is twice the {once} found; the rest of the column ({others}) "
        "is multiply-adds"
    )


def stride_against_next_row(figure: PrintedFigure, found: ReadValue) -> str:
    """A row of layers whose stride would not give the maps that the next row takes, and whose found row does."""
    number = re.fullmatch(r"layer_(\d+)", figure.metric)
    if number is None or not isinstance(found, str) or not found:
        return ""
    following = next((each for each in _table(figure) if each.metric == f"layer_{int(number[1]) + 1:02d}"), None)
    if following is None:
        return ""
    taken = _side(following.value)
    as_printed, as_found = _side_after(figure.value), _side_after(found)
    if as_printed == taken or as_found != taken:
        return ""
    return (
        f"the printed stride would give {as_printed}x{as_printed} maps, but the next row takes {taken}x{taken}, "
        f"as the stride found gives: {found}"
    )


CHECKS: Final[tuple[MisprintCheck, ...]] = (exchanged_digits, twice_another, stride_against_next_row)


def _table(figure: PrintedFigure) -> Iterator[PrintedFigure]:
    return (each for each in figures() if (each.paper, each.table) == (figure.paper, figure.table))


def _column(figure: PrintedFigure) -> tuple[PrintedFigure, ...]:
    return tuple(each for each in _table(figure) if each.metric == figure.metric)


def _exchanged(text: str) -> Iterator[str]:
    """Every text with two digits exchanged."""
    digits = [place for place, sign in enumerate(text) if sign.isdecimal()]
    for first, second in itertools.combinations(digits, 2):
        signs = list(text)
        signs[first], signs[second] = signs[second], signs[first]
        yield "".join(signs)


def _agrees(text: str, unit: str, found: float) -> bool:
    printed = parse_printed(text, unit)
    return printed is not None and printed.agrees(Fraction(found), Rounding.NEAREST)


def _side(row: str) -> int:
    """Of the maps that a row takes: the last part of `Conv / s1 | 1x1x512x512 | 14x14x512`."""
    return int(row.rpartition(" | ")[2].partition("x")[0])


def _side_after(row: str) -> int:
    """Of the maps that a padded convolution with that row's stride gives."""
    stride = re.search(r"/ s(\d+)", row)
    return -(-_side(row) // int(stride[1])) if stride else 0


# Why a printed figure cannot be held against a count: it is no count, or its net is not the zoo's to build.


ACCURACIES = frozenset({"top1_accuracy", "top5_accuracy", "top1_error"})

_TIMES: Final = {
    "cpu_time": "a Pixel 1 phone",
    "inference_time": "one core of a Snapdragon 820",
    "arm_speed": "one core of a Snapdragon 810",
    "gpu_speed": "a GTX 1080Ti",
    "training_steps_per_second": "60 K80s",
    "latency_pixel1": "a Pixel 1 phone",
    "latency_pixel1_no_opt": "a Pixel 1 phone",
    "latency_pixel2": "a Pixel 2 phone",
    "latency_pixel3": "a Pixel 3 phone",
}
"""Metrics that are times or speeds, and where they were measured."""

_CLAIMING: Final = frozenset({"ShuffleNet V1", "Xception", "MobileNetV2", "ShuffleNetV2"})
"""Papers whose times are compared as ratios or orders (`claims`)."""

_COMPRESSED: Final = re.compile(r"Deep Compression|after pruning")

_OTHER_NETS: Final = (
    (r"^Xception [\d.]+x", "the small Xception of Light-Head R-CNN (arXiv:1711.07264), not Chollet's; not in the zoo"),
    (r"^DenseNet", "a small DenseNet of the authors' own, whose layers are not printed"),
    (r"^IGCV|^CondenseNet|^NASN?et|^NasNet|^PNASNet|^PVANET|^Proxyless", "another net, not in the zoo"),
    (r"^Mnas", "the MnasNet of this paper (A1 to A3, small) is not in the zoo: torchvision's mnasnet is B1"),
    (r"^V2 |^V3", "outside the comparison: not one of its papers' own tables"),
)

_SOFTMAX: Final = "the net here ends in scores: softmax is no layer of it"


def why_not_comparable(figure: PrintedFigure) -> str:
    """One line; "" where a count decides."""
    if figure.metric in ACCURACIES:
        return "accuracy of the authors' training: published, never measured here"
    if figure.metric in _TIMES:
        claimed = ": see the claims on speed" if figure.paper in _CLAIMING else ""
        return f"a time on another machine ({_TIMES[figure.metric]}){claimed}"
    if _COMPRESSED.search(figure.variant):
        return "of a pruned or quantised model, which is not built here"
    if figure.value.startswith("Softmax"):
        return _SOFTMAX
    return next((reason for pattern, reason in _OTHER_NETS if re.search(pattern, figure.model)), "")


def is_static(figure: PrintedFigure) -> bool:
    """Whether a figure is a fact of the net: neither an accuracy nor a time."""
    return figure.metric not in ACCURACIES and figure.metric not in _TIMES


# What else a reader must know of a figure: why nothing may reproduce it, or what its net took for granted.
#
# A remark explains; it never decides.


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


def remark_on(figure: PrintedFigure) -> str:
    """One line, or ""."""
    rows = (f"{figure.model} | {figure.variant}", figure.model)
    return next((REMARKS[key] for row in rows if (key := (figure.paper, row, figure.metric)) in REMARKS), "")
