"""One forward pass over tensors without data: every operator that ran, with its cost and what it wrote.

The pass is what all totals are made of; whatever sums it up (`count`) needs no torch mode of its own.
"""

from __future__ import annotations

import contextlib
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import torch
from torch import Tensor, nn
from torch._ops import OpOverload, OpOverloadPacket
from torch.utils._python_dispatch import TorchDispatchMode

from zoobench.counting.costs import Cost, CostFunction
from zoobench.counting.memo import META, Memo
from zoobench.counting.operators import schema
from zoobench.counting.uncountable import UncountableError
from zoobench.counting.untouched import left_as_found

_FORWARD_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a forward raises when it meets a tensor without values, or an input it cannot take."""

_REASON_LENGTH = 200


class OperatorCall(msgspec.Struct, frozen=True):
    """One call of one operator. `cost` is None where the table has none; written elements include all its results."""

    operator: OpOverload
    cost: Cost | None
    elements_written: int


def trace_forward(
    module: nn.Module, images: Tensor, costs: Mapping[OpOverloadPacket, CostFunction]
) -> tuple[OperatorCall, ...]:
    """The operators of `module(images)` in eval mode, in the order in which they ran.

    Nothing is computed and no weight is copied: parameters, buffers and images are stood in for by meta tensors of
    their shape. The module is left as it was found.
    Raises: UncountableError if the pass needs values, or fails.
    """
    refuse_uninitialised(module)
    recorder = _Recorder(costs)
    with left_as_found(module), _ambient_state():
        for part in module.modules():
            part.training = False
        try:
            stand_ins = _stand_ins(module)
            with recorder:
                torch.func.functional_call(module, stand_ins, (images.to(META),), tie_weights=False)
        except _FORWARD_ERRORS as error:
            raise UncountableError(_reason(module, error)) from error
    return tuple(recorder.calls)


def refuse_uninitialised(module: nn.Module) -> None:
    """Raises: UncountableError if a lazy module has not seen its first input yet."""
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        if nn.parameter.is_lazy(tensor):
            raise UncountableError(f"{type(module).__name__} cannot be counted: {name} is lazy and has no shape yet")


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types for it
    """Notes every operator below autograd, and keeps the pass on the meta device."""

    def __init__(self, costs: Mapping[OpOverloadPacket, CostFunction]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[OperatorCall] = []
        self._costs = costs
        self._memo = Memo()

    def __torch_dispatch__(
        self, operator: OpOverload, _types: object, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if operator.overloadpacket not in self._costs and _is_inference(args):
            with self:
                result = operator.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        args, kwargs = _moved_to_meta(operator, args, kwargs)
        result = self._memo.call(operator, args, kwargs)
        self.calls.append(self._noted(operator, args, kwargs, result))
        return result

    def _noted(self, operator: OpOverload, args: Sequence[Any], kwargs: dict[str, Any], result: Any) -> OperatorCall:
        function = self._costs.get(operator.overloadpacket)
        cost = None if function is None else function(*_shapes(args), **{**_shapes(kwargs), "out": _shapes(result)})
        written = list(_tensors((result,))) or _written_arguments(operator, args, kwargs)
        return OperatorCall(operator, cost, sum(tensor.numel() for tensor in written))


@contextlib.contextmanager
def _ambient_state() -> Iterator[None]:
    """No gradients, no inference mode, no fused attention layer: each would hide operators from the recorder."""
    was_enabled = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.inference_mode(mode=False), torch.no_grad():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(was_enabled)


def _stand_ins(module: nn.Module) -> dict[str, Tensor]:
    """A meta tensor for every name of a parameter or buffer; tied names share theirs."""
    named = (
        *module.named_parameters(remove_duplicate=False),
        *module.named_buffers(remove_duplicate=False),
    )
    stand_ins = {id(tensor): tensor.to(META) for _, tensor in named}
    return {name: stand_ins[id(tensor)] for name, tensor in named}


def _is_inference(args: Sequence[Any]) -> bool:
    """Whether a forward uses `inference_mode` itself.

    Composites such as aten.linear then arrive whole, and what they are made of has the costs.
    """
    return torch.is_inference_mode_enabled() or any(tensor.is_inference() for tensor in _tensors(args))


def _moved_to_meta(
    operator: OpOverload, args: Sequence[Any], kwargs: dict[str, Any]
) -> tuple[Sequence[Any], dict[str, Any]]:
    """Arguments such that the result has no data either.

    A forward may make tensors on a device it names itself, and a module may hold tensors that it never registered.
    What works on such tensors alone stays real, so that literals keep their values.
    """
    devices = {tensor.device for tensor in _tensors((*args, *kwargs.values()))}
    if devices and META not in devices:
        return args, kwargs
    if len(devices) > 1:
        _refuse_lost_write(operator, args, kwargs)
        args, kwargs = _on_meta(args), _on_meta(kwargs)
    if kwargs.get("device") is not None:
        kwargs = {**kwargs, "device": META}
    return args, kwargs


def _refuse_lost_write(operator: OpOverload, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
    """A real tensor that takes a result without data would go on with its old values, and nobody would know."""
    if any(tensor.device != META for tensor in _written_arguments(operator, args, kwargs)):
        raise UncountableError(
            f"{operator.overloadpacket} writes a result into a tensor that the module did not register"
        )


def _written_arguments(operator: OpOverload, args: Sequence[Any], kwargs: dict[str, Any]) -> list[Tensor]:
    arguments = schema(operator).arguments
    given = {argument.name: value for argument, value in zip(arguments, args, strict=False)} | kwargs
    written = [a.name for a in arguments if a.alias_info is not None and a.alias_info.is_write]
    return list(_tensors(given[name] for name in written if name in given))


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def _shapes(value: Any) -> Any:
    return _mapped(value, lambda tensor: tuple(tensor.shape))


def _on_meta(value: Any) -> Any:
    return _mapped(value, lambda tensor: tensor.to(META))


def _mapped(value: Any, function: Any) -> Any:
    """`value`, with `function` applied to the tensors in its lists, tuples and dicts."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, dict):
        return {key: _mapped(item, function) for key, item in value.items()}
    if isinstance(value, list):
        return [_mapped(item, function) for item in value]
    if isinstance(value, tuple):
        return tuple(_mapped(item, function) for item in value)
    return value


def _reason(module: nn.Module, error: Exception) -> str:
    text = f"{type(module).__name__} cannot be counted: {error or type(error).__name__}"
    return textwrap.shorten(text, _REASON_LENGTH, placeholder=" …")
