"""Whether two sides compute the same: their outputs for the same pictures, within what rounding explains.

Weights come from a fixed seed: a side that draws them in another order, or otherwise, has other weights, and its output
is another by design, though its layers may be the same. What changed is then not only how fast it is.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

from zoobench.cases import Precision
from zoobench.experiment.messages import Output

INCOMPARABLE = sys.float_info.max
"""The error of outputs that cannot be subtracted: other shapes, or what is a number on one side only. Infinity has no
number in JSON."""

_FP32_TOLERANCE = 1e-3
_LESS_TOLERANCE = 0.3
"""Two processes that build the same net give the same bits. Other kernels do not: of 19 nets of the zoo, awakened
(`awakening`), contiguous against channels_last, the error was up to 4e-5 in fp32 and up to 0.14 in bf16; one thread
against two, 5e-6. Other weights make an error of about 1."""


def tolerance_of(precision: Precision) -> float:
    """The largest difference, over the largest value, that is still rounding."""
    return _FP32_TOLERANCE if precision is Precision.FP32 else _LESS_TOLERANCE


def output_error(base: Output, head: Output) -> float:
    """The largest difference of the two over the largest value of the base's."""
    if base.shape != head.shape:
        return INCOMPARABLE
    one, other = _values(base), _values(head)
    is_finite = np.isfinite(one) & np.isfinite(other)
    is_alike = (one == other) | (np.isnan(one) & np.isnan(other))
    if not (is_finite | is_alike).all():
        return INCOMPARABLE
    difference = np.abs(one[is_finite] - other[is_finite]).max(initial=0.0)
    largest = np.abs(one[is_finite]).max(initial=0.0)
    if difference == 0:
        return 0.0
    return min(INCOMPARABLE, float(difference / largest)) if largest else INCOMPARABLE


def _values(output: Output) -> NDArray[np.float64]:
    return np.frombuffer(output.values, dtype="<f4").astype(np.float64)
