"""What one operator costs: a table from operators to pure functions of shapes, which a user may extend in one line.

A cost function is called with the operator's arguments, each tensor replaced by its shape, and with `out`: the shape
of the result, or a tuple of them where the operator gives several. For an operator of one's own that is

    costs.register(torch.ops.mylib.mix, lambda x, weight, *, out: Cost(macs=prod(x) * weight[0], activations=prod(out)))

Conventions (those of torchvision's `_ops`): multiply-accumulates of convolutions and matrix products alone. No bias, no
normalisation, no pooling. Products with padding count as any other; a mask, also a causal one, saves nothing.
Activations are the elements that convolutions and matrix products write (Radosavovic et al., "Designing Network Design
Spaces", 2020, section 3.1), both products of attention included, even where a fused kernel keeps the scores to itself:
the count of a model must not depend on the kernel that torch picks.
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

# Why a model has no count.


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
"""What a forward raises when it meets a tensor without values, or an input it cannot take."""


class UncountableError(Exception):
    """A model whose cost its shapes alone do not tell; the text is one line that says why.

    It is a result (an `Unavailable` count), not a user's mistake: the model may run well on real tensors.
    """


def refusal(workload: str, reason: str | Exception) -> UncountableError:
    """The error of one line: "(model) cannot be counted: (reason)", cut where it is too long to read."""
    why = reason if isinstance(reason, str) else str(reason) or type(reason).__name__
    return UncountableError(textwrap.shorten(f"{workload}: {why}", _REASON_LENGTH, placeholder=" …"))


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """What one call costs: multiply-accumulates, and elements written by its products."""

    macs: int
    activations: int


CostFunction = Callable[..., Cost]


def register(operator: OpOverloadPacket, function: CostFunction) -> None:
    """From now on, calls of `operator` (as in `torch.ops.mylib.mix`, all overloads) cost what `function` says.

    Raises: BadInputError if `operator` is no operator, or has a cost already.
    """
    if not isinstance(operator, OpOverloadPacket):
        raise BadInputError(
            f"{operator!r} has no place in the table of costs: give an operator, as torch.ops.mylib.mix"
        )
    if operator in _COSTS:
        raise BadInputError(f"{operator} has a cost already: pass extra_costs= to give it another in one count")
    _COSTS[operator] = function


def table(extra_costs: Mapping[OpOverloadPacket, CostFunction] | None = None) -> dict[OpOverloadPacket, CostFunction]:
    """Every operator with a cost; `extra_costs` come on top of the registered ones, and replace them."""
    return {**_COSTS, **(extra_costs or {})}


def convolution(
    x: Shape,
    weight: Shape,
    _bias: Shape | None,
    _stride: list[int],
    _padding: list[int],
    _dilation: list[int],
    transposed: bool,  # noqa: FBT001  the operator's own order
    *_: object,
    out: Shape,
) -> Cost:
    """A convolution of any dimension, dense or grouped, over x of (batch, channels, *space).

    `weight` is (out channels, in channels ÷ groups, *kernel), and every element of the result sums over all but the
    first. Transposed, it is (in channels, out channels ÷ groups, *kernel), and every element of x goes to all but the
    first.
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
    transposed: bool,  # noqa: FBT001  the operator's own order
    _output_padding: list[int],
    _groups: int,
    output_mask: list[bool],
    *,
    out: tuple[Shape | None, Shape | None, Shape | None],
) -> Cost:
    """The gradients of a `convolution`'s x and weight, those of the two that are asked for.

    Each needs as many products as the convolution itself: every one of its terms (output element × weight) appears
    once in the gradient of x and once in that of the weight, grouped or not. The bias's is a sum.
    """
    forward = prod(x if transposed else grad_output) * prod(weight[1:])
    wanted = [shape for shape, is_wanted in zip(out[:2], output_mask[:2], strict=True) if is_wanted and shape]
    return Cost(macs=forward * len(wanted), activations=sum(prod(shape) for shape in wanted))


def matrix_product(a: Shape, b: Shape, *_: object, out: Shape, **__: object) -> Cost:
    """Of (…, m, k) and (…, k, n), of (m, k) and (k), or of (k) and (k)."""
    columns = b[-1] if len(b) > 1 else 1
    return Cost(macs=prod(a) * columns, activations=prod(out))


def matrix_product_with_addend(_addend: Shape, a: Shape, b: Shape, *_: object, out: Shape, **__: object) -> Cost:
    """`matrix_product`, its addend given first and, as a bias, not counted."""
    return matrix_product(a, b, out=out)


def attention(query: Shape, key: Shape, value: Shape, *_: object, **__: object) -> Cost:
    """Both products of softmax(query @ keyᵀ) @ value, over (…, heads, length, width).

    Key and value may have fewer heads than the query (grouped queries): each of theirs serves several of its.
    """
    rows, length, width = prod(query[:-1]), key[-2], value[-1]
    return Cost(macs=rows * length * (query[-1] + width), activations=rows * (length + width))


def attention_backward(_grad_output: Shape, *forward: Any, **__: object) -> Cost:
    """Gradients of query, key and value: four products where `attention` has two.

    A fused kernel computes the scores once more; that is its own way of saving memory and is not counted, so that the
    backward pass of a model does not depend on the kernel that torch picks.
    """
    return _twice(attention(*forward))


def flash_attention_backward(
    _grad_output: Shape, query: Shape, key: Shape, value: Shape, _out: Shape, _sums: Shape, *rest: Any, **__: object
) -> Cost:
    """`attention_backward` over (batch, length, heads, width).

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
    """`flash_attention_backward`, its arguments in another order."""
    return _twice(flash_attention(query, key, value, rest[0]))


def _twice(cost: Cost) -> Cost:
    return Cost(macs=2 * cost.macs, activations=2 * cost.activations)


def flash_attention(query: Shape, key: Shape, value: Shape, starts: Shape | None, *_: object, **__: object) -> Cost:
    """`attention` over (batch, length, heads, width).

    Raises: UncountableError for sequences packed end to end, whose lengths are values.
    """
    if starts is not None:
        raise UncountableError(
            "attention over packed sequences cannot be counted: their lengths are values, not shapes"
        )
    return attention(*(_heads_before_length(shape) for shape in (query, key, value)))


def efficient_attention(
    query: Shape, key: Shape, value: Shape, _bias: Shape | None, starts: Shape | None, *_: object, **__: object
) -> Cost:
    """`flash_attention`, its arguments in another order."""
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
"""Names in `torch.ops.aten`. They are torch's own, and a release may lack some."""


def _present(builtin: Mapping[CostFunction, tuple[str, ...]]) -> dict[OpOverloadPacket, CostFunction]:
    return {
        getattr(torch.ops.aten, name): function
        for function, names in builtin.items()
        for name in names
        if hasattr(torch.ops.aten, name)
    }


_COSTS = _present(_BUILTIN)
