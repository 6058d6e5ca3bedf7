"""Why a printed figure cannot be held against a count: it is no count, or its net is not the zoo's to build."""

from __future__ import annotations

import re
from typing import Final

from zoobench.papers.published import Figure

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


def why_not_comparable(figure: Figure) -> str:
    """One line; "" where a count can tell."""
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


def is_static(figure: Figure) -> bool:
    """Whether a figure is a fact of the net: neither an accuracy nor a time."""
    return figure.metric not in ACCURACIES and figure.metric not in _TIMES
