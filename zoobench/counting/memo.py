"""Calls of an operator that were made before need not be made again.

Without data, a result is its shape, strides and dtype; torch works those out in Python for many operators, at about a
millisecond a batch norm. Nets repeat their blocks, so most calls of a pass are like an earlier one.
"""

from __future__ import annotations

import functools
from collections.abc import Hashable, Sequence
from typing import Any

import msgspec
import torch
from torch import Tensor
from torch._ops import OpOverload

from zoobench.counting.operators import schema

META = torch.device("meta")


class Memo:
    """Results of the calls so far, of operators that neither write to an argument nor give a view of one.

    Shapes are exact; memory is not: what an operator shares without its schema saying so (aten._unsafe_view) is apart.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, _Blueprint | tuple[_Blueprint | None, ...] | None] = {}

    def call(self, operator: OpOverload, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """What `operator` gives: worked out the first time, then fresh meta tensors of the same kind."""
        if not _is_functional(operator):
            return operator(*args, **kwargs)
        call = (operator, _likeness(args), _likeness(kwargs))
        known = self._known.get(call)
        if known is not None:
            return tuple(_built(part) for part in known) if isinstance(known, tuple) else known.build()
        result = operator(*args, **kwargs)
        self._known[call] = _blueprint(result)
        return result


class _Blueprint(msgspec.Struct, frozen=True):
    size: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: torch.dtype

    def build(self) -> Tensor:
        return torch.empty_strided(self.size, self.strides, dtype=self.dtype, device=META)


@functools.cache
def _is_functional(operator: OpOverload) -> bool:
    """Whether its results are all new, so that other tensors can stand for them."""
    return not schema(operator).is_mutable and all(given.alias_info is None for given in schema(operator).returns)


def _likeness(value: Any) -> Hashable:
    """Equal for arguments that give results of the same kind; a tensor that is not plain is like no other.

    Types tell 1 from 1.0 and True, which are equal.
    """
    if isinstance(value, Tensor):
        return (value.shape, value.stride(), value.dtype, value.device) if _is_plain(value) else object()
    if isinstance(value, dict):
        return tuple((name, _likeness(item)) for name, item in value.items())
    if isinstance(value, list | tuple):
        return tuple(map(_likeness, value))
    return (type(value), value)


def _blueprint(result: Any) -> _Blueprint | tuple[_Blueprint | None, ...] | None:
    """None if the result cannot be made again: it has values, or is no tensor, or a list of them."""
    if isinstance(result, Tensor):
        return _Blueprint(tuple(result.shape), result.stride(), result.dtype) if _can_be_rebuilt(result) else None
    if isinstance(result, tuple) and all(part is None or _can_be_rebuilt(part) for part in result):
        return tuple(
            None if part is None else _Blueprint(tuple(part.shape), part.stride(), part.dtype) for part in result
        )
    return None


def _built(part: _Blueprint | None) -> Tensor | None:
    return None if part is None else part.build()


def _is_plain(tensor: Tensor) -> bool:
    return tensor.layout is torch.strided and type(tensor) in (Tensor, torch.nn.Parameter)


def _can_be_rebuilt(value: Any) -> bool:
    return isinstance(value, Tensor) and value.device == META and _is_plain(value)
