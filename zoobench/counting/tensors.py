"""Tensors inside an operator's arguments, which may be lists, tuples and dicts of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor

_SEQUENCES = (list, tuple)


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Every tensor in nested lists, tuples and dicts, in order; one that stands twice comes twice."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        yield from tensors_in(tuple(value.values()))
    elif isinstance(value, _SEQUENCES):
        for item in value:
            yield from tensors_in(item)


def mapped(value: Any, function: Callable[[Tensor], Any]) -> Any:
    """`value`, with `function` applied to the tensors in its lists, tuples and dicts."""
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
    """`value` with each tensor replaced by its shape."""
    return mapped(value, lambda tensor: tuple(tensor.shape))


def size_bytes(tensor: Tensor) -> int:
    """Of its elements, wherever they are kept."""
    return tensor.numel() * tensor.element_size()
