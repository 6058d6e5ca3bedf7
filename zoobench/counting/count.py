"""Totals of one forward pass, with what they leave out; and what a module holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
import torch
from torch import Tensor, nn
from torch._ops import OpOverloadPacket

from zoobench.counting import costs
from zoobench.counting.operators import computes
from zoobench.counting.trace import OperatorCall, refuse_uninitialised, trace_forward

COUNTER = "zoobench.counting"

COUNTER_VERSION = "1"
"""Raised when the same model would count differently; torch's own version stands beside it."""


class Uncounted(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of one operator that computes but has no cost, and the elements that they wrote, indices included."""

    calls: int
    elements: int


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """One forward pass (see `costs` for the conventions). `uncounted` is by operator, as `aten.relu_`, by name."""

    macs: int
    activations: int
    uncounted: dict[str, Uncounted]
    counter: str
    counter_version: str


class StateCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Elements and bytes of what a module holds; what is shared, or tied, once."""

    parameters: int
    trainable_parameters: int
    parameter_bytes: int
    buffers: int
    buffer_bytes: int


def count_forward(
    module: nn.Module,
    images: Tensor,
    *,
    extra_costs: Mapping[OpOverloadPacket, costs.CostFunction] | None = None,
) -> Counts:
    """What `module(images)` costs in eval mode; of `images`, only shape and dtype matter, and any device will do.

    `extra_costs` come on top of the table in `costs` for this count alone.
    Raises: UncountableError if the pass needs values that meta tensors have not, or fails.
    """
    return _totals(trace_forward(module, images, costs.table(extra_costs)))


def count_state(module: nn.Module) -> StateCounts:
    """Parameters and buffers (persistent or not) of a module on any device.

    Raises: UncountableError if a lazy module has no shapes yet.
    """
    refuse_uninitialised(module)
    parameters, buffers = list(module.parameters()), list(module.buffers())
    return StateCounts(
        parameters=_elements(parameters),
        trainable_parameters=_elements(parameter for parameter in parameters if parameter.requires_grad),
        parameter_bytes=_bytes(parameters),
        buffers=_elements(buffers),
        buffer_bytes=_bytes(buffers),
    )


def _totals(calls: Iterable[OperatorCall]) -> Counts:
    calls = tuple(calls)
    counted = [call.cost for call in calls if call.cost is not None]
    return Counts(
        macs=sum(cost.macs for cost in counted),
        activations=sum(cost.activations for cost in counted),
        uncounted=_uncounted(call for call in calls if call.cost is None and computes(call.operator)),
        counter=COUNTER,
        counter_version=f"{COUNTER_VERSION} (torch {torch.__version__})",
    )


def _uncounted(calls: Iterable[OperatorCall]) -> dict[str, Uncounted]:
    by_name: dict[str, list[int]] = {}
    for call in calls:
        by_name.setdefault(str(call.operator.overloadpacket), []).append(call.elements_written)
    return {name: Uncounted(calls=len(elements), elements=sum(elements)) for name, elements in sorted(by_name.items())}


def _elements(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors)


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
