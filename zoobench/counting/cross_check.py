"""Cross-check multiply-accumulates against another counter, operator by operator.

Two totals may agree by chance, and a difference does not mean that both counters are wrong. So the difference is
divided into terms: each is work that only one of the counters counts. What no term explains is the remainder.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import msgspec
import torch
from torch import Tensor, nn

from zoobench.counting.count import Group

CONVOLUTION = "convolution"
MATRIX_PRODUCT = "matrix product"
EINSUM = "einsum"
ATTENTION = "scaled_dot_product_attention"

EINSUM_ROUNDING_RATIO: Final = 5e-4
"""fvcore parses an einsum's cost from the text of `numpy.einsum_path`: four significant digits, so half of 1e-3."""

_THEIRS: Final[dict[str, str]] = {
    "conv": CONVOLUTION,
    "linear": MATRIX_PRODUCT,
    "addmm": MATRIX_PRODUCT,
    "matmul": MATRIX_PRODUCT,
    "mm": MATRIX_PRODUCT,
    "bmm": MATRIX_PRODUCT,
    EINSUM: MATRIX_PRODUCT,
}
"""fvcore's names for work that both counters count (fvcore/nn/flop_count.py, _DEFAULT_SUPPORTED_OPS)."""

_OURS: Final[dict[str, str]] = {
    **dict.fromkeys(("aten.convolution", "aten._convolution", "aten.convolution_overrideable"), CONVOLUTION),
    **dict.fromkeys(("aten.mm", "aten.bmm", "aten.mv", "aten.dot", "aten.addmm", "aten.addmv"), MATRIX_PRODUCT),
    **dict.fromkeys(("aten.baddbmm", "aten.addbmm"), MATRIX_PRODUCT),
    **dict.fromkeys(("aten._flash_attention_forward", "aten._efficient_attention_forward"), ATTENTION),
}
"""Our names for the same work: the operators into which torch decomposes theirs (others: see `_shared_name`)."""

_ATTENTION_PRODUCTS: Final = ("aten.bmm", "aten.baddbmm")
"""Products that remain where torch decomposes attention."""


class CrossCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Another counter's multiply-accumulates for one image's forward pass, by its own operator names.

    `unsupported` are the operators that it reports as not counted, such as `aten::softmax`, with their calls.
    """

    counter: str
    version: str
    by_operator: dict[str, int]
    unsupported: dict[str, int]

    @property
    def macs(self) -> int:
        """The other counter's total, in its own definition of multiply-accumulates."""
        return sum(self.by_operator.values())


class CountDifference(msgspec.Struct, frozen=True, kw_only=True):
    """Another counter's total minus ours: exactly `sum(terms.values()) + remainder`.

    A term is named after an operator. A positive term is work that only the other counter counts; a negative one, work
    that only we count. The term `einsum` is a rounding error of either sign.
    """

    terms: dict[str, int]
    remainder: int

    @property
    def macs(self) -> int:
        """The whole difference."""
        return sum(self.terms.values()) + self.remainder


def explain(cross_check: CrossCheck, operators: Iterable[Group]) -> CountDifference:
    """Explain the difference between a cross-check and our count of the same pass, divided by operator (`divide`).

    A negative term requires that the other counter reports the operator as unsupported; otherwise, what only we count
    is remainder. A difference in work that both count is remainder too, unless rounding can be its cause.
    """
    ours = {group.name: group.counts.macs for group in operators if group.counts.macs}
    terms: Counter[str] = Counter()
    remainder = 0
    for name, macs in _differences(cross_check, ours).items():
        cause = _cause(name, macs, cross_check, ours)
        if cause is None:
            remainder += macs
        else:
            terms[cause] += macs
    return CountDifference(terms=dict(terms), remainder=remainder)


def _differences(cross_check: CrossCheck, ours: Mapping[str, int]) -> dict[str, int]:
    """Their counts minus ours, by the name of the work; zero differences are left out."""
    differences: Counter[str] = Counter()
    for name, macs in cross_check.by_operator.items():
        differences[_THEIRS.get(name, name)] += macs
    for name, macs in ours.items():
        differences[_shared_name(name)] -= macs
    return {name: macs for name, macs in differences.items() if macs}


def _shared_name(operator: str) -> str:
    """Name of our operator in the other counter: `mix` for mylib.mix."""
    if "scaled_dot_product" in operator:
        return ATTENTION
    return _OURS.get(operator, operator.rpartition(".")[2])


def _cause(name: str, macs: int, cross_check: CrossCheck, ours: Mapping[str, int]) -> str | None:
    """The operator that explains this difference, or None."""
    if name == MATRIX_PRODUCT:
        return _cause_of_products(macs, cross_check, ours)
    if macs < 0:
        return name if _is_left_out(name, cross_check) else None
    return name if name in cross_check.by_operator and all(_shared_name(own) != name for own in ours) else None


def _cause_of_products(macs: int, cross_check: CrossCheck, ours: Mapping[str, int]) -> str | None:
    attention = sum(ours.get(name, 0) for name in _ATTENTION_PRODUCTS)
    if macs == -attention and _is_left_out(ATTENTION, cross_check):
        return ATTENTION
    return EINSUM if abs(macs) <= EINSUM_ROUNDING_RATIO * cross_check.by_operator.get(EINSUM, 0) else None


def _is_left_out(name: str, cross_check: CrossCheck) -> bool:
    return any(operator.rpartition("::")[2] == name for operator in cross_check.unsupported)


# fvcore traces with a private interface of torch's JIT and runs the model on real tensors, at the time and memory of a
# forward pass. So it must not run in a process that measures: see `zoobench.measure.worker.probes.counts`.

COUNTER = "fvcore"


def count_by_fvcore(module: nn.Module, images: Tensor) -> CrossCheck:
    """Count `module(images)` in eval mode with `fvcore.nn.FlopCountAnalysis`; the module stays in eval mode.

    Torch's fused attention layer is disabled, as it is wherever weights need gradients: with it fvcore counts even less
    (11.3 instead of 16.9 of vit_b_16's 17.6 GMACs).
    Raises: any error of fvcore or of the module.
    """
    with warnings.catch_warnings(action="ignore"), torch.no_grad(), _unfused_attention():
        from fvcore.nn import FlopCountAnalysis  # noqa: PLC0415  importing it warns

        analysis = FlopCountAnalysis(module.eval(), images)
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)  # noqa: FBT003  fvcore's interface
        by_operator, unsupported = analysis.by_operator(), analysis.unsupported_ops()
    return CrossCheck(
        counter=COUNTER,
        version=importlib.metadata.version(COUNTER),
        by_operator={name: int(macs) for name, macs in by_operator.items()},
        unsupported=dict(sorted(unsupported.items())),
    )


@contextlib.contextmanager
def _unfused_attention() -> Iterator[None]:
    was_enabled = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(was_enabled)
