"""Make `Layer` records of the modules of a forward pass: the work and the shapes of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from torch import nn

from zoobench.counting.modules import ModuleCall
from zoobench.counting.trace import OperatorCall, Trace
from zoobench.records import Layer, LayerKind

WEIGHT_DIMENSIONS = 2
"""Minimum of a weight's dimensions; a parameter with fewer is a bias, scale or shift."""


def layers_of(module: nn.Module, trace: Trace) -> tuple[Layer, ...]:
    """Return a record of each module that the pass called, in the order of the first calls."""
    work: defaultdict[str, list[OperatorCall]] = defaultdict(list)
    for call in trace.operators:
        work[call.path].append(call)
    parts = dict(module.named_modules())
    first_calls: dict[str, ModuleCall] = {}
    for called in trace.modules:
        first_calls.setdefault(called.path, called)
    parameters = _own_parameters(module, first_calls)
    return tuple(_layer(called, parts[path], work[path], parameters[path]) for path, called in first_calls.items())


def _layer(
    called: ModuleCall, part: nn.Module, work: Sequence[OperatorCall], parameters: Sequence[nn.Parameter]
) -> Layer:
    costs = [call.work.cost for call in work if call.work.cost is not None]
    macs = sum(cost.macs for cost in costs)
    weight = getattr(part, "weight", None)
    stride = getattr(part, "stride", ())
    return Layer(
        path=called.path,
        type=called.type,
        kind=_kind(work),
        macs=macs,
        activations=sum(cost.activations for cost in costs),
        parameters=sum(parameter.numel() for parameter in parameters),
        weights=sum(p.numel() for p in parameters if p.dim() >= WEIGHT_DIMENSIONS) if macs else 0,
        input_shape=called.input_shape,
        output_shape=called.output_shape,
        weight_shape=tuple(weight.shape) if isinstance(weight, nn.Parameter) else (),
        stride=_sides(stride, len(called.output_shape) - WEIGHT_DIMENSIONS),
        bytes_read=sum(call.work.bytes_read for call in work),
        bytes_written=sum(call.work.bytes_written for call in work),
    )


def _kind(work: Iterable[OperatorCall]) -> str:
    """The kind of the operator with the most multiply-accumulates, or else the most elements; "" if none writes any.

    An operator of unknown kind is used only if there is no other.
    """

    def weight(call: OperatorCall) -> tuple[int, bool, int]:
        macs = call.work.cost.macs if call.work.cost else 0
        return (
            macs,
            call.work.kind is not LayerKind.OTHER and call.work.elements_written > 0,
            call.work.elements_written,
        )

    heaviest = max(work, key=weight, default=None)
    return heaviest.work.kind.value if heaviest and heaviest.work.elements_written else ""


def _own_parameters(module: nn.Module, called: Collection[str]) -> dict[str, list[nn.Parameter]]:
    """Parameters by the path of the module that holds them; a shared parameter belongs to the first module.

    Parameters of a module that is never called itself, only read by others, belong to its nearest called ancestor.
    """
    owned: dict[str, list[nn.Parameter]] = {path: [] for path in called}
    for name, parameter in module.named_parameters():
        path = name.rpartition(".")[0]
        while path not in owned:
            path = path.rpartition(".")[0]
        owned[path].append(parameter)
    return owned


def _sides(stride: object, dimensions: int) -> tuple[int, ...]:
    """A module's stride, which torch stores as one number for all dimensions or as one for each."""
    if isinstance(stride, int):
        return (stride,) * max(dimensions, 1)
    if isinstance(stride, tuple) and all(isinstance(side, int) for side in stride):
        return stride
    return ()
