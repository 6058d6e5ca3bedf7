"""Totals of one pass, with what they leave out; and what a module holds."""

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
"""Raised when the same model would count differently; torch's own version stands beside it."""


class Uncounted(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of one operator that computes but has no cost, and the elements that they wrote, indices included."""

    calls: int
    elements: int


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """One pass (see `costs` for the conventions). `uncounted` is by operator, as `aten.relu_`, by name.

    `activations` are the elements that convolutions and matrix products write, `elements_written` those of all
    operators. Bytes are those of the tensors that operators take and give (see `work`).
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
        """Multiplications and additions apart: twice the multiply-accumulates."""
        return 2 * self.macs

    @property
    def intensity(self) -> float | None:
        """FLOPs a byte read or written (Williams, Waterman and Patterson, "Roofline", 2009); None without any."""
        moved = self.bytes_read + self.bytes_written
        return self.flops / moved if moved else None


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
    return total(trace_forward(module, images, costs.table(extra_costs)).operators)


def count_training(
    module: nn.Module,
    images: Tensor,
    *,
    extra_costs: Mapping[OpOverloadPacket, costs.CostFunction] | None = None,
) -> Counts:
    """What `module(images)` in training mode and the backward pass cost together, without loss and optimizer.

    Raises: UncountableError as `count_forward`, and if nothing has a gradient.
    """
    return total(trace_training(module, images, costs.table(extra_costs)).operators)


def trace_pass(
    module: nn.Module,
    images: Tensor,
    *,
    is_training: bool = False,
    extra_costs: Mapping[OpOverloadPacket, costs.CostFunction] | None = None,
) -> Trace:
    """The pass behind `count_forward` or `count_training`, to be summed up in several ways.

    Raises: UncountableError as they do.
    """
    return (trace_training if is_training else trace_forward)(module, images, costs.table(extra_costs))


def count_state(module: nn.Module) -> StateCounts:
    """Parameters and buffers (persistent or not) of a module on any device.

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
    """The sum of these calls."""
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


# A pass divided: by kind of layer, by operator, or by module to any depth.


class By(enum.StrEnum):
    """What a pass is divided by."""

    MODULE = "module"
    OPERATOR = "operator"
    KIND = "kind"


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a pass: its name, how many calls of operators it has, and what they come to."""

    name: str
    calls: int
    counts: Counts


def divide(trace: Trace, by: By, *, depth: int | None = None) -> tuple[Group, ...]:
    """The parts of a pass, in the order in which they first ran; views are left out, they cost nothing.

    By kind and by operator the parts add up to the whole. By module they nest: a part is all that ran in a module and
    in those inside it, down to `depth` ("features.3" has depth 2), and "" is the whole model.
    """
    calls: dict[str, list[OperatorCall]] = {}
    for call in trace.operators:
        if call.work.bytes_written:
            for name in _names(call, by, depth):
                calls.setdefault(name, []).append(call)
    return tuple(Group(name=name, calls=len(of_name), counts=total(of_name)) for name, of_name in calls.items())


def _names(call: OperatorCall, by: By, depth: int | None) -> Iterable[str]:
    """The parts that the call belongs to."""
    if by is By.KIND:
        return (call.work.kind.value,)
    if by is By.OPERATOR:
        return (str(call.operator.overloadpacket),)
    steps = call.path.split(".")[:depth] if call.path else []
    return (".".join(steps[:length]) for length in range(len(steps) + 1))
