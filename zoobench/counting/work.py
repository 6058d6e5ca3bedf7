"""What one call of an operator does, by the shapes of what it takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from torch import Tensor
from torch._ops import OpOverload, OpOverloadPacket

from zoobench.counting.costs import Cost, CostFunction
from zoobench.counting.kinds import kind_of_call
from zoobench.counting.operators import allocates_only, overwrites, written_arguments
from zoobench.counting.tensors import shapes, size_bytes, tensors_in
from zoobench.kinds import LayerKind


class Work(msgspec.Struct, frozen=True):
    """One call's work. `cost` is None where the table of costs has none for the operator.

    Elements and bytes are those of the tensors that it takes and gives, each once, as they are: what a kernel reads
    twice, keeps in a cache or allocates for itself is not seen. A view, or an empty tensor, is no work.
    """

    kind: LayerKind
    cost: Cost | None
    elements_written: int
    bytes_read: int
    bytes_written: int


def describe_with(
    costs: Mapping[OpOverloadPacket, CostFunction],
) -> Callable[[OpOverload, Sequence[Any], Mapping[str, Any], Any], Work]:
    """A function from a call (operator, arguments, result) to its `Work`, by this table of costs."""

    def describe(operator: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> Work:
        function = costs.get(operator.overloadpacket)
        cost = None if function is None else function(*shapes(args), **{**shapes(kwargs), "out": shapes(result)})
        read, written = _traffic(operator, args, kwargs, result)
        return Work(
            kind=kind_of_call(operator, args, kwargs),
            cost=cost,
            elements_written=sum(tensor.numel() for tensor in written),
            bytes_read=sum(map(size_bytes, read)),
            bytes_written=sum(map(size_bytes, written)),
        )

    return describe


def _traffic(
    operator: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any
) -> tuple[list[Tensor], list[Tensor]]:
    """The tensors that it reads, and those that it writes."""
    if allocates_only(operator):
        return [], []
    taken = _distinct((*args, *kwargs.values()))
    written = written_arguments(operator, args, kwargs) or list(tensors_in(result))
    if overwrites(operator):
        taken = [tensor for tensor in taken if all(tensor is not target for target in written)]
    return taken, written


def _distinct(values: Sequence[Any]) -> list[Tensor]:
    return list({id(tensor): tensor for tensor in tensors_in(list(values))}.values())
