"""Table of operator costs: pure functions of shapes, which a user can extend in one line.

A cost function is called with the operator's arguments, each tensor replaced by its shape, and with `out`: the shape
of the result, or a tuple of shapes if there are several results. To add a custom operator:

    costs.register(torch.ops.mylib.mix, lambda x, weight, *, out: Cost(macs=prod(x) * weight[0], activations=prod(out)))

Conventions (those of torchvision's `_ops`): only multiply-accumulates of convolutions and matrix products count, not
bias, normalisation or pooling. Products with padding count as any other. Masks, including causal ones, reduce nothing.
Activations are the elements that convolutions and matrix products write (Radosavovic et al., "Designing Network Design
Spaces", 2020, section 3.1), including both products of attention, even if a fused kernel does not write the scores: the
count of a model must not depend on the kernel that torch selects.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from math import prod
from typing import Any, Final

import msgspec
import torch
from torch._ops import OpOverloadPacket

from zoobench.cases import BadInputError
from zoobench.records import Shape

_REASON_LENGTH = 200

FORWARD_ERRORS: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""Errors that a forward pass raises for a tensor without values, or for an input it does not accept."""


class UncountableError(Exception):
    """The model cannot be counted from its shapes alone; the message is one line with the reason.

    This is a result (an `Unavailable` count), not a user error: the model may run correctly on real tensors.
    """


def refusal(workload: str, reason: str | Exception) -> UncountableError:
    """Build the one-line error "<workload>: <reason>", shortened to 200 characters."""
    why = reason if isinstance(reason, str) else str(reason) or type(reason).__name__
    return UncountableError(textwrap.shorten(f"{workload}: {why}", _REASON_LENGTH, placeholder=" …"))


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Cost of one call: multiply-accumulates, and elements written by its products."""

    macs: int
    activations: int


CostFunction = Callable[..., Cost]


def register(operator: OpOverloadPacket, function: CostFunction) -> None:
    """Register the cost function of `operator` (such as `torch.ops.mylib.mix`, all overloads).

    Raises: BadInputError if `operator` is not an operator, or already has a cost.
    """
    if not isinstance(operator, OpOverloadPacket):
        raise BadInputError(f"{operator!r} is not an operator: pass one such as torch.ops.mylib.mix")
    if operator in _COSTS:
        raise BadInputError(f"{operator} already has a cost: pass extra_costs= to replace it in one count")
    _COSTS[operator] = function


def table(extra_costs: Mapping[OpOverloadPacket, CostFunction] | None = None) -> dict[OpOverloadPacket, CostFunction]:
    """Return the cost function of each operator; `extra_costs` are added to, and replace, registered ones."""
    return {**_COSTS, **(extra_costs or {})}


def convolution(
    x: Shape,
    weight: Shape,
    _bias: Shape | None,
    _stride: list[int],
    _padding: list[int],
    _dilation: list[int],
    transposed: bool,  # noqa: FBT001  the operator's argument order
    *_: object,
    out: Shape,
) -> Cost:
    """Cost of a convolution of any dimension, dense or grouped, over x of (batch, channels, *space).

    `weight` is (out channels, in channels ÷ groups, *kernel); each element of the result sums over all its dimensions
    but the first. If transposed, `weight` is (in channels, out channels ÷ groups, *kernel), and each element of x is
    multiplied with all its dimensions but the first.
    """
    return Cost(macs=prod(x if transposed else out) * prod(weight[1:]), activations=prod(out))


def convolution_backward(
    grad_output: Shape,
    x: Shape,
    weight: Shape,
    _bias: object,
    _stride: list[int],
    _padding: list[int],
    _dilation: list[int],
    transposed: bool,  # noqa: FBT001  the operator's argument order
    _output_padding: list[int],
    _groups: int,
    output_mask: list[bool],
    *,
    out: tuple[Shape | None, Shape | None, Shape | None],
) -> Cost:
    """Cost of the gradients of a `convolution`'s x and weight, as requested by `output_mask`.

    Each gradient needs as many products as the convolution itself: each term (output element × weight) appears once in
    the gradient of x and once in that of the weight, grouped or not. The gradient of the bias is a sum.
    """
    forward = prod(x if transposed else grad_output) * prod(weight[1:])
    wanted = [shape for shape, is_wanted in zip(out[:2], output_mask[:2], strict=True) if is_wanted and shape]
    return Cost(macs=forward * len(wanted), activations=sum(prod(shape) for shape in wanted))


def matrix_product(a: Shape, b: Shape, *_: object, out: Shape, **__: object) -> Cost:
    """Cost of the product of (…, m, k) and (…, k, n), of (m, k) and (k), or of (k) and (k)."""
    columns = b[-1] if len(b) > 1 else 1
    return Cost(macs=prod(a) * columns, activations=prod(out))


def matrix_product_with_addend(_addend: Shape, a: Shape, b: Shape, *_: object, out: Shape, **__: object) -> Cost:
    """Cost of a `matrix_product` whose first argument is an addend, which is not counted (as a bias)."""
    return matrix_product(a, b, out=out)


def attention(query: Shape, key: Shape, value: Shape, *_: object, **__: object) -> Cost:
    """Cost of both products of softmax(query @ keyᵀ) @ value, over (…, heads, length, width).

    Key and value may have fewer heads than the query (grouped queries): several query heads share one of theirs.
    """
    rows, length, width = prod(query[:-1]), key[-2], value[-1]
    return Cost(macs=rows * length * (query[-1] + width), activations=rows * (length + width))


def attention_backward(_grad_output: Shape, *forward: Any, **__: object) -> Cost:
    """Cost of the gradients of query, key and value: four products; `attention` has two.

    A fused kernel computes the scores again to save memory; this is not counted, so that the count of a backward pass
    does not depend on the kernel that torch selects.
    """
    return _twice(attention(*forward))


def flash_attention_backward(
    _grad_output: Shape, query: Shape, key: Shape, value: Shape, _out: Shape, _sums: Shape, *rest: Any, **__: object
) -> Cost:
    """Cost of `attention_backward` over (batch, length, heads, width).

    Raises: UncountableError as `flash_attention`.
    """
    return _twice(flash_attention(query, key, value, rest[0]))


def efficient_attention_backward(
    _grad_output: Shape,
    query: Shape,
    key: Shape,
    value: Shape,
    _bias: Shape | None,
    _out: Shape,
    *rest: Any,
    **__: object,
) -> Cost:
    """Cost of `flash_attention_backward`, with its arguments in another order."""
    return _twice(flash_attention(query, key, value, rest[0]))


def _twice(cost: Cost) -> Cost:
    return Cost(macs=2 * cost.macs, activations=2 * cost.activations)


def flash_attention(query: Shape, key: Shape, value: Shape, starts: Shape | None, *_: object, **__: object) -> Cost:
    """Cost of `attention` over (batch, length, heads, width).

    Raises: UncountableError for packed sequences, whose lengths are values.
    """
    if starts is not None:
        raise UncountableError(
            "attention over packed sequences cannot be counted: their lengths are values, not shapes"
        )
    return attention(*(_heads_before_length(shape) for shape in (query, key, value)))


def efficient_attention(
    query: Shape, key: Shape, value: Shape, _bias: Shape | None, starts: Shape | None, *_: object, **__: object
) -> Cost:
    """Cost of `flash_attention`, with its arguments in another order."""
    return flash_attention(query, key, value, starts)


def _heads_before_length(shape: Shape) -> Shape:
    batch, length, heads, width = shape
    return (batch, heads, length, width)


_BUILTIN: dict[CostFunction, tuple[str, ...]] = {
    convolution: ("convolution", "_convolution", "convolution_overrideable"),
    convolution_backward: ("convolution_backward",),
    matrix_product: ("mm", "bmm", "mv", "dot", "vdot", "_int_mm", "_scaled_mm"),
    matrix_product_with_addend: ("addmm", "baddbmm", "addbmm", "addmv", "_addmm_activation"),
    attention: (
        "_scaled_dot_product_attention_math",
        "_scaled_dot_product_attention_math_for_mps",
        "_scaled_dot_product_cudnn_attention",
        "_scaled_dot_product_efficient_attention",
        "_scaled_dot_product_flash_attention",
        "_scaled_dot_product_flash_attention_for_cpu",
        "_scaled_dot_product_fused_attention_overrideable",
    ),
    flash_attention: ("_flash_attention_forward",),
    efficient_attention: ("_efficient_attention_forward",),
    attention_backward: (
        "_scaled_dot_product_cudnn_attention_backward",
        "_scaled_dot_product_efficient_attention_backward",
        "_scaled_dot_product_flash_attention_backward",
        "_scaled_dot_product_flash_attention_for_cpu_backward",
        "_scaled_dot_product_fused_attention_overrideable_backward",
    ),
    flash_attention_backward: ("_flash_attention_backward",),
    efficient_attention_backward: ("_efficient_attention_backward",),
}
"""Names in `torch.ops.aten`; some may be absent in a torch release."""


def _present(builtin: Mapping[CostFunction, tuple[str, ...]]) -> dict[OpOverloadPacket, CostFunction]:
    return {
        getattr(torch.ops.aten, name): function
        for function, names in builtin.items()
        for name in names
        if hasattr(torch.ops.aten, name)
    }


_COSTS = _present(_BUILTIN)
