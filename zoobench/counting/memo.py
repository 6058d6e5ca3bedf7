"""Cache the results of operator calls on meta tensors.

Without data, a result is its shape, strides and dtype; torch computes these in Python for many operators, in about a
millisecond per batch norm. Models repeat their blocks, so most calls of a pass are like an earlier one. The facts about
a call (`Describe`) depend on the same inputs, and are cached with it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec
import torch
from torch import Tensor
from torch._ops import OpOverload

from zoobench.counting.operators import schema, tensors_in

META = torch.device("meta")

Cached = TypeVar("Cached")
Describe = Callable[[OpOverload, Sequence[Any], Mapping[str, Any], Any], Cached]
"""Computes facts about an operator's call from the shapes of its arguments and result."""


class Memo(Generic[Cached]):
    """Cache of the calls so far, with the facts about them.

    A result is rebuilt from its shape, strides and dtype if the operator neither writes to an argument nor returns its
    memory, by its schema or in fact (aten._unsafe_view): a trace with cached calls holds as many storages, of the same
    size, as one without a cache.
    """

    def __init__(self, describe: Describe[Cached]) -> None:
        self._describe = describe
        self._known: dict[Hashable, _Known[Cached]] = {}

    def call(self, operator: OpOverload, args: Sequence[Any], kwargs: dict[str, Any]) -> tuple[Any, Cached]:
        """Return the result of the call (new meta tensors of the same kind if it is cached) and its facts."""
        call = (operator, _likeness(args), _likeness(kwargs))
        known = self._known.get(call)
        if known is not None:
            return self._again(known, operator, args, kwargs), known.facts
        result = operator(*args, **kwargs)
        facts = self._describe(operator, args, kwargs, result)
        is_in_place = _is_in_place(operator) and bool(args) and result is args[0] and result.device == META
        build = None if is_in_place else _builder(operator, (args, kwargs), result)
        self._known[call] = _Known(facts, build, is_in_place)
        return result, facts

    @staticmethod
    def _again(known: _Known[Cached], operator: OpOverload, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        if known.is_in_place:
            return args[0]
        return operator(*args, **kwargs) if known.build is None else known.build()


class _Known(msgspec.Struct, Generic[Cached], frozen=True):
    facts: Cached
    build: Callable[[], Any] | None
    """None if the result cannot be rebuilt: it has values, shares memory with an argument, or is not a tensor."""

    is_in_place: bool
    """The result is the first argument, with the same shape and without data that could change."""


def _builder(operator: OpOverload, arguments: object, result: Any) -> Callable[[], Any] | None:
    if not _is_functional(operator):
        return None
    parts = result if isinstance(result, tuple) else (result,)
    if not all(part is None or _can_be_rebuilt(part) for part in parts) or _shares_memory(arguments, parts):
        return None
    builders = [None if part is None else _blank_like(part) for part in parts]
    if not isinstance(result, tuple):
        return builders[0]
    return lambda: tuple(None if build is None else build() for build in builders)


def _blank_like(tensor: Tensor) -> Callable[[], Tensor]:
    return functools.partial(torch.empty_strided, tuple(tensor.shape), tensor.stride(), dtype=tensor.dtype, device=META)


@functools.cache
def _is_in_place(operator: OpOverload) -> bool:
    return schema(operator).is_mutable and torch.Tag.inplace_view not in operator.tags


@functools.cache
def _is_functional(operator: OpOverload) -> bool:
    """Whether, by its schema, all its results are new tensors, which other tensors can replace."""
    return not schema(operator).is_mutable and all(given.alias_info is None for given in schema(operator).returns)


def _shares_memory(arguments: object, parts: Sequence[Tensor | None]) -> bool:
    owned = [tensor.untyped_storage() for tensor in tensors_in(arguments)]
    return any(part.untyped_storage() is storage for part in parts if part is not None for storage in owned)


def _likeness(value: Any) -> Hashable:
    """Key that is equal for arguments with results of the same kind, and unique for a tensor that is not plain.

    It includes types, because 1, 1.0 and True are equal.
    """
    if isinstance(value, Tensor):
        return (value.shape, value.stride(), value.dtype, value.device) if _is_plain(value) else object()
    if isinstance(value, dict):
        return tuple((name, _likeness(item)) for name, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(map(_likeness, value))
    return (type(value), value)


def _is_plain(tensor: Tensor) -> bool:
    return tensor.layout is torch.strided and type(tensor) in (Tensor, torch.nn.Parameter)


def _can_be_rebuilt(value: Any) -> bool:
    return isinstance(value, Tensor) and value.device == META and _is_plain(value)
