"""Trace a pass over tensors without data: each operator that runs, with its work and the module that runs it.

All totals are computed from the trace, so what sums it up (`count`, `layers`) needs no torch mode of its own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import torch
from torch import Tensor, nn
from torch._ops import OpOverload, OpOverloadPacket
from torch.utils._python_dispatch import TorchDispatchMode

from zoobench.counting.costs import FORWARD_ERRORS, CostFunction, UncountableError, refusal
from zoobench.counting.memo import META, Memo
from zoobench.counting.modules import ModuleCall, ModuleWatch, gives_gradients
from zoobench.counting.operators import mapped, tensors_in, written_arguments
from zoobench.counting.work import Work, describe_with

_CONTAINERS = (dict, list, set)


@contextlib.contextmanager
def left_as_found(module: nn.Module) -> Iterator[None]:
    """Restore every attribute of `module` and of its submodules after the block.

    This includes training flags, hooks, buffers that a forward registers, tensors that it caches, and what it adds to
    or removes from its own dicts, lists or sets (not nested ones). In-place changes of a tensor's values remain.
    """
    attributes = {part: dict(vars(part)) for part in module.modules()}
    contents: list[tuple[Any, Any]] = [
        (owned, owned.copy() if owned else ())  # most are empty, and copying all those of torch's modules is slow
        for kept in attributes.values()
        for owned in kept.values()
        if isinstance(owned, _CONTAINERS)
    ]
    try:
        yield
    finally:
        for part, kept in attributes.items():
            _refill(vars(part), kept)
        for owned, kept in contents:
            _refill(owned, kept)


def _refill(container: Any, content: Any) -> None:
    if not container and not content:
        return
    container.clear()
    if isinstance(container, list):
        container.extend(content)
    else:
        container.update(content)


class OperatorCall(msgspec.Struct, frozen=True):
    """One call of one operator, made by the module at `path`, in the forward or the backward pass."""

    operator: OpOverload
    work: Work
    path: str
    is_backward: bool


class Trace(msgspec.Struct, frozen=True):
    """Operators and modules of one pass, each in the order in which they ran."""

    operators: tuple[OperatorCall, ...]
    modules: tuple[ModuleCall, ...]


Observer = Callable[[OpOverload, Sequence[Any], Mapping[str, Any], Any], None]
"""Is called with each operator, its arguments and its result, while these are alive."""


def trace_forward(
    module: nn.Module,
    images: Tensor,
    costs: Mapping[OpOverloadPacket, CostFunction],
    observer: Observer | None = None,
) -> Trace:
    """Trace `module(images)` in eval mode.

    Nothing is computed and no weight is copied: meta tensors of the same shape replace parameters, buffers and images.
    The module's attributes are restored.
    Raises: UncountableError if the pass needs values, or fails.
    """
    with _prepared(module, costs, observer, is_training=False) as recorder, torch.no_grad():
        recorder.run(module, images)
    return recorder.trace()


def trace_training(module: nn.Module, images: Tensor, costs: Mapping[OpOverloadPacket, CostFunction]) -> Trace:
    """The operators of `module(images)` in training mode and of the backward pass from all that it gives.

    The backward pass starts at every floating-point output (auxiliary heads too), with a gradient of its shape: a loss
    would add next to nothing. No gradient reaches the images, nor parameters that need none.
    Raises: UncountableError if the pass needs values, or fails, or if no output has a gradient.
    """
    with _prepared(module, costs, None, is_training=True) as recorder, torch.enable_grad():
        output = recorder.run(module, images)
        roots = [tensor for tensor in tensors_in(_plain(output)) if gives_gradients(tensor)]
        if not roots:
            raise UncountableError(f"{type(module).__name__} has no output with a gradient: no training to count")
        recorder.run_backward(roots)
    return recorder.trace()


def refuse_uninitialised(module: nn.Module) -> None:
    """Raise an UncountableError if a lazy module has not had its first input yet."""
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        if nn.parameter.is_lazy(tensor):
            raise UncountableError(f"{type(module).__name__} cannot be counted: {name} is lazy and has no shape yet")


@contextlib.contextmanager
def _prepared(
    module: nn.Module,
    costs: Mapping[OpOverloadPacket, CostFunction],
    observer: Observer | None,
    *,
    is_training: bool,
) -> Iterator[_Recorder]:
    refuse_uninitialised(module)
    with left_as_found(module), _ambient_state():
        for part in module.modules():
            part.training = is_training
        try:
            yield _Recorder(module, costs, observer)
        except FORWARD_ERRORS as error:
            raise refusal(f"{type(module).__name__} cannot be counted", error) from error


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types for it
    """Records each operator below autograd, and keeps the pass on the meta device."""

    def __init__(
        self, module: nn.Module, costs: Mapping[OpOverloadPacket, CostFunction], observer: Observer | None
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._calls: list[OperatorCall] = []
        self._costs = costs
        self._memo: Memo[Work] = Memo(describe_with(costs))
        self._modules = ModuleWatch(module)
        self._observer = observer
        self._is_backward = False

    def run(self, module: nn.Module, images: Tensor) -> Any:
        """Run the forward pass, on stand-ins of the module's tensors."""
        stand_ins, images = _stand_ins(module), images.to(META)
        with self._modules.watching(), self:
            return torch.func.functional_call(module, stand_ins, (images,), tie_weights=False)

    def run_backward(self, roots: Sequence[Tensor]) -> None:
        """Run the backward pass from these outputs."""
        self._is_backward = True
        with self:
            torch.autograd.backward(list(roots), [torch.empty_like(root) for root in roots])

    def trace(self) -> Trace:
        return Trace(tuple(self._calls), tuple(self._modules.calls))

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
        result, work = self._memo.call(operator, args, kwargs)
        self._calls.append(OperatorCall(operator, work, self._modules.path, self._is_backward))
        if self._observer is not None:
            self._observer(operator, args, kwargs, result)
        return result


@contextlib.contextmanager
def _ambient_state() -> Iterator[None]:
    """Disable inference mode and the fused attention layer, which would hide operators from the recorder."""
    was_enabled = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.inference_mode(mode=False):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(was_enabled)


def _stand_ins(module: nn.Module) -> dict[str, Tensor]:
    """A meta tensor for each name of a parameter or buffer; tied names share one."""
    named = (
        *module.named_parameters(remove_duplicate=False),
        *module.named_buffers(remove_duplicate=False),
    )
    stand_ins = {id(tensor): _stand_in(tensor) for _, tensor in named}
    return {name: stand_ins[id(tensor)] for name, tensor in named}


def _stand_in(tensor: Tensor) -> Tensor:
    """A separate leaf, so that no gradient reaches the module."""
    if tensor.layout is not torch.strided:
        return torch.empty_like(tensor, device=META).requires_grad_(tensor.requires_grad)
    # ten times as fast as torch.empty_like, which computes the strides in Python
    blank = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=META)
    return blank.requires_grad_(tensor.requires_grad)


def _plain(output: Any) -> Any:
    """The values of a mapping, which need not be a dict, as a list; any other `output` unchanged."""
    if isinstance(output, Mapping):
        return list(output.values())
    return output


def _is_inference(args: Sequence[Any]) -> bool:
    """Whether the forward itself enables `inference_mode`.

    Composites such as aten.linear are then not decomposed, and only their parts have costs.
    """
    return torch.is_inference_mode_enabled() or any(tensor.is_inference() for tensor in tensors_in(args))


def _moved_to_meta(
    operator: OpOverload, args: Sequence[Any], kwargs: dict[str, Any]
) -> tuple[Sequence[Any], dict[str, Any]]:
    """Move arguments to the meta device, so that the result has no data either.

    A forward may make tensors on an explicit device, and a module may hold tensors that it did not register. Calls
    on such tensors alone stay real, so that literals keep their values.
    """
    devices = {tensor.device for tensor in tensors_in((*args, *kwargs.values()))}
    if devices and META not in devices:
        return args, kwargs
    if len(devices) > 1:
        _refuse_lost_write(operator, args, kwargs)
        args, kwargs = _on_meta(args), _on_meta(kwargs)
    if kwargs.get("device") is not None:
        kwargs = {**kwargs, "device": META}
    return args, kwargs


def _refuse_lost_write(operator: OpOverload, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
    """Raise if a result without data would be written to a real tensor, which would silently keep its old values."""
    if any(tensor.device != META for tensor in written_arguments(operator, args, kwargs)):
        raise UncountableError(
            f"{operator.overloadpacket} writes a result into a tensor that the module did not register"
        )


def _on_meta(value: Any) -> Any:
    return mapped(value, lambda tensor: tensor.to(META))
