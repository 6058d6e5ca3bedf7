"""Count one pass of a model (totals, and operators without a cost) and its parameters and buffers."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping

import msgspec
import torch
from torch import Tensor, nn
from torch._ops import OpOverloadPacket

from zoobench.counting import costs
from zoobench.counting.operators import computes, size_bytes
from zoobench.counting.trace import OperatorCall, Trace, refuse_uninitialised, trace_forward, trace_training

COUNTER = "zoobench.counting"

COUNTER_VERSION = "2"
"""Increased when the count of the same model changes; torch's version is recorded with it."""


class Uncounted(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of one operator that computes but has no cost, and the elements they wrote, including indices."""

    calls: int
    elements: int


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one pass (see `costs` for the conventions).

    `activations` are the elements that convolutions and matrix products write, `elements_written` those of all
    operators. Bytes are those of the operators' argument and result tensors (see `work`). `uncounted` maps operator
    names, such as `aten.relu_`, sorted.
    """

    macs: int
    activations: int
    elements_written: int
    bytes_read: int
    bytes_written: int
    uncounted: dict[str, Uncounted]
    counter: str
    counter_version: str

    @property
    def flops(self) -> int:
        """Multiplications and additions counted separately: twice the multiply-accumulates."""
        return 2 * self.macs

    @property
    def intensity(self) -> float | None:
        """FLOPs per byte read or written (Williams, Waterman and Patterson, "Roofline", 2009); None for no bytes."""
        moved = self.bytes_read + self.bytes_written
        return self.flops / moved if moved else None


class StateCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Elements and bytes of a module's parameters and buffers; shared or tied tensors are counted once."""

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
    """Count `module(images)` in eval mode; only the shape and dtype of `images` matter, on any device.

    `extra_costs` are added to the table in `costs` for this count only.
    Raises: UncountableError if the pass fails, or needs values (meta tensors have none).
    """
    return total(trace_forward(module, images, costs.table(extra_costs)).operators)


def count_training(
    module: nn.Module,
    images: Tensor,
    *,
    extra_costs: Mapping[OpOverloadPacket, costs.CostFunction] | None = None,
) -> Counts:
    """Count `module(images)` in training mode plus the backward pass, without loss and optimizer.

    Raises: UncountableError as `count_forward`, and if no output has a gradient.
    """
    return total(trace_training(module, images, costs.table(extra_costs)).operators)


def trace_pass(
    module: nn.Module,
    images: Tensor,
    *,
    is_training: bool = False,
    extra_costs: Mapping[OpOverloadPacket, costs.CostFunction] | None = None,
) -> Trace:
    """Trace the pass that `count_forward` or `count_training` counts, for use in several totals.

    Raises: UncountableError as these functions do.
    """
    return (trace_training if is_training else trace_forward)(module, images, costs.table(extra_costs))


def count_state(module: nn.Module) -> StateCounts:
    """Count parameters and buffers (persistent or not) of a module on any device.

    Raises: UncountableError if a lazy module has no shapes yet.
    """
    refuse_uninitialised(module)
    parameters, buffers = list(module.parameters()), list(module.buffers())
    return StateCounts(
        parameters=_elements(parameters),
        trainable_parameters=_elements(parameter for parameter in parameters if parameter.requires_grad),
        parameter_bytes=sum(map(size_bytes, parameters)),
        buffers=_elements(buffers),
        buffer_bytes=sum(map(size_bytes, buffers)),
    )


def total(calls: Iterable[OperatorCall]) -> Counts:
    """Sum the work of these calls."""
    calls = tuple(calls)
    counted = [call.work.cost for call in calls if call.work.cost is not None]
    return Counts(
        macs=sum(cost.macs for cost in counted),
        activations=sum(cost.activations for cost in counted),
        elements_written=sum(call.work.elements_written for call in calls),
        bytes_read=sum(call.work.bytes_read for call in calls),
        bytes_written=sum(call.work.bytes_written for call in calls),
        uncounted=_uncounted(call for call in calls if call.work.cost is None and computes(call.operator)),
        counter=COUNTER,
        counter_version=f"{COUNTER_VERSION} (torch {torch.__version__})",
    )


def _uncounted(calls: Iterable[OperatorCall]) -> dict[str, Uncounted]:
    by_name: dict[str, list[int]] = {}
    for call in calls:
        by_name.setdefault(str(call.operator.overloadpacket), []).append(call.work.elements_written)
    return {name: Uncounted(calls=len(elements), elements=sum(elements)) for name, elements in sorted(by_name.items())}


def _elements(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors)


class By(enum.StrEnum):
    """How to divide a pass: by module, by operator or by kind of layer."""

    MODULE = "module"
    OPERATOR = "operator"
    KIND = "kind"


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a pass: its name, its number of operator calls, and their counts."""

    name: str
    calls: int
    counts: Counts


def divide(trace: Trace, by: By, *, depth: int | None = None) -> tuple[Group, ...]:
    """Divide a pass into parts, in the order in which they first ran; views cost nothing and are left out.

    By kind and by operator, the parts add up to the whole. By module they are nested: a part is everything that ran in
    a module and its submodules, down to `depth` ("features.3" has depth 2), and "" is the whole model.
    """
    calls: dict[str, list[OperatorCall]] = {}
    for call in trace.operators:
        if call.work.bytes_written:
            for name in _names(call, by, depth):
                calls.setdefault(name, []).append(call)
    return tuple(Group(name=name, calls=len(of_name), counts=total(of_name)) for name, of_name in calls.items())


def _names(call: OperatorCall, by: By, depth: int | None) -> Iterable[str]:
    """Names of the parts that the call belongs to."""
    if by is By.KIND:
        return (call.work.kind.value,)
    if by is By.OPERATOR:
        return (str(call.operator.overloadpacket),)
    steps = call.path.split(".")[:depth] if call.path else []
    return (".".join(steps[:length]) for length in range(len(steps) + 1))
