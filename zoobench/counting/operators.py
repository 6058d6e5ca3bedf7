"""Classify operators: those that compute need a cost, the others do not.

An operator computes if an element that it writes results from arithmetic, comparison or random numbers. It does not
compute if it
- returns a view (by its schema, the result shares its argument's memory), or no tensor;
- makes a tensor only from a shape and constants: it allocates and fills;
- moves elements unchanged: it copies, converts, joins, pads, gathers, shuffles.
An operator that is not in the lists below is taken to compute, so that it is listed as uncounted.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

_SEQUENCES = (list, tuple)


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Yield each tensor in nested lists, tuples and dicts, in order; a repeated tensor is repeated."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        yield from tensors_in(tuple(value.values()))
    elif isinstance(value, _SEQUENCES):
        for item in value:
            yield from tensors_in(item)


def mapped(value: Any, function: Callable[[Tensor], Any]) -> Any:
    """Return `value` with `function` applied to the tensors in its lists, tuples and dicts."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, dict):
        return {key: mapped(item, function) for key, item in value.items()}
    if isinstance(value, list):
        return [mapped(item, function) for item in value]
    if isinstance(value, tuple):
        return tuple(mapped(item, function) for item in value)
    return value


def shapes(value: Any) -> Any:
    """Return `value` with each tensor replaced by its shape."""
    return mapped(value, lambda tensor: tuple(tensor.shape))


def size_bytes(tensor: Tensor) -> int:
    """Bytes of the tensor's elements, on any device."""
    return tensor.numel() * tensor.element_size()


def storage_bytes(tensors: Iterable[Tensor]) -> int:
    """Bytes of the tensors' storages (also those without data); a storage with several views counts once."""
    storages = {id(storage): storage for storage in (tensor.untyped_storage() for tensor in tensors)}
    return sum(storage.nbytes() for storage in storages.values())


@functools.cache
def computes(operator: OpOverload) -> bool:
    """Whether a total without a cost for this operator is incomplete."""
    return not (
        operator.is_view
        or torch.Tag.inplace_view in operator.tags
        or _gives_no_tensor(operator)
        or _makes_constants(operator)
        or bare_name(operator) in _ALLOCATE_OR_FILL | _MOVE
    )


def schema(operator: OpOverload) -> torch.FunctionSchema:
    """Return the operator's schema: types and aliases of its arguments and results."""
    return operator._schema  # noqa: SLF001  torch has no public name for it


@functools.cache
def allocates_only(operator: OpOverload) -> bool:
    """Whether the operator reads and writes no element: it returns a view, an empty tensor, or no tensor."""
    name = bare_name(operator)
    is_view = operator.is_view or torch.Tag.inplace_view in operator.tags or name in _VIEWS
    return is_view or _gives_no_tensor(operator) or name in _EMPTY


@functools.cache
def overwrites(operator: OpOverload) -> bool:
    """Whether the operator writes its first argument without reading it."""
    return bare_name(operator) in _OVERWRITE


def written_arguments(operator: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Tensor]:
    """Return the tensors that the operator writes to, by its schema."""
    names = _written_names(operator)
    if not names:
        return []
    given = {argument.name: value for argument, value in zip(schema(operator).arguments, args, strict=False)} | dict(
        kwargs
    )
    return list(tensors_in([given[name] for name in names if name in given]))


@functools.cache
def _written_names(operator: OpOverload) -> tuple[str, ...]:
    arguments = schema(operator).arguments
    return tuple(a.name for a in arguments if a.alias_info is not None and a.alias_info.is_write)


def _gives_no_tensor(operator: OpOverload) -> bool:
    return not schema(operator).is_mutable and not any(
        "Tensor" in str(given.type) for given in schema(operator).returns
    )


def _makes_constants(operator: OpOverload) -> bool:
    takes_tensors = any("Tensor" in str(argument.type) for argument in schema(operator).arguments)
    return not takes_tensors and torch.Tag.nondeterministic_seeded not in operator.tags


@functools.cache
def bare_name(operator: OpOverload) -> str:
    """Name without namespace, overload and trailing underscore: `fill` for aten.fill_.Scalar."""
    return str(operator.overloadpacket).removeprefix("aten.").removesuffix("_")


_ALLOCATE_OR_FILL = frozenset(
    {"empty_like", "full_like", "ones_like", "zeros_like", "new_empty", "new_empty_strided", "new_full", "new_ones"}
    | {"new_zeros", "fill", "zero", "resize"}
)

_EMPTY = frozenset({"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "resize"})
_VIEWS = frozenset({"_unsafe_view", "unsafe_chunk", "unsafe_split", "unsafe_split_with_sizes"})
"""Operators that return views although their schemas do not declare it."""

_OVERWRITE = frozenset({"copy", "fill", "zero", "normal", "uniform", "bernoulli"})

_MOVE = frozenset(
    {"_to_copy", "_unsafe_view", "cat", "channel_shuffle", "clone", "constant_pad_nd", "copy", "embedding", "flip"}
    | {"_unsafe_index", "gather", "im2col", "index", "index_select", "native_channel_shuffle", "pixel_shuffle"}
    | {"pixel_unshuffle", "reflection_pad1d", "reflection_pad2d", "reflection_pad3d", "repeat", "replication_pad1d"}
    | {"replication_pad2d", "replication_pad3d", "roll", "select_scatter", "slice_scatter", "stack", "take"}
    | {"unsafe_chunk", "unsafe_split", "unsafe_split_with_sizes"}
)
