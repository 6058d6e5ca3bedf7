"""Which operators compute: the others need no cost, and their absence from a total says nothing.

An operator computes if an element that it writes comes of arithmetic, of comparison or of chance. It does not if it
- gives a view (its schema says that the result is its argument's memory), or no tensor at all;
- makes a tensor of nothing but its shape and constants: it allocates, and fills;
- moves elements as they are: it copies, converts, joins, pads, gathers, shuffles.
What the two lists below do not know is taken to compute, so that an unknown operator is listed, never hidden.
"""

from __future__ import annotations

import functools

import torch
from torch._ops import OpOverload


@functools.cache
def computes(operator: OpOverload) -> bool:
    """Whether a total without this operator leaves work out."""
    return not (
        operator.is_view
        or torch.Tag.inplace_view in operator.tags
        or _gives_no_tensor(operator)
        or _makes_constants(operator)
        or _bare_name(operator) in _ALLOCATE_OR_FILL | _MOVE
    )


def schema(operator: OpOverload) -> torch.FunctionSchema:
    """Types and aliases of the operator's arguments and results."""
    return operator._schema  # noqa: SLF001  torch has no public name for it


def _gives_no_tensor(operator: OpOverload) -> bool:
    return not schema(operator).is_mutable and not any(
        "Tensor" in str(given.type) for given in schema(operator).returns
    )


def _makes_constants(operator: OpOverload) -> bool:
    takes_tensors = any("Tensor" in str(argument.type) for argument in schema(operator).arguments)
    return not takes_tensors and torch.Tag.nondeterministic_seeded not in operator.tags


def _bare_name(operator: OpOverload) -> str:
    """`fill` for aten.fill_.Scalar."""
    return str(operator.overloadpacket).removeprefix("aten.").removesuffix("_")


_ALLOCATE_OR_FILL = frozenset(
    {"empty_like", "full_like", "ones_like", "zeros_like", "new_empty", "new_empty_strided", "new_full", "new_ones"}
    | {"new_zeros", "fill", "zero", "resize"}
)

_MOVE = frozenset(
    {"_to_copy", "_unsafe_view", "cat", "channel_shuffle", "clone", "constant_pad_nd", "copy", "embedding", "flip"}
    | {"_unsafe_index", "gather", "im2col", "index", "index_select", "native_channel_shuffle", "pixel_shuffle"}
    | {"pixel_unshuffle", "reflection_pad1d", "reflection_pad2d", "reflection_pad3d", "repeat", "replication_pad1d"}
    | {"replication_pad2d", "replication_pad3d", "roll", "select_scatter", "slice_scatter", "stack", "take"}
    | {"unsafe_chunk", "unsafe_split", "unsafe_split_with_sizes"}
)
