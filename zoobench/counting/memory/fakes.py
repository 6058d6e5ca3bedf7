"""Tensors that report a device but have no data: stand-ins of a module's tensors, and cached operator results.

torch's `FakeTensorMode` supports every operator on every device, but takes a tenth of a millisecond for each call, and
some milliseconds for some. Without data, a result depends only on shapes, strides and dtypes, so it is computed once
and cached.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, UntypedStorage, nn
from torch._ops import OpOverload
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._mode_utils import no_dispatch

from zoobench.counting.memo import META
from zoobench.counting.memory.workspace import is_channels_last
from zoobench.counting.operators import mapped, schema, tensors_in

_DEVICE = torch.ops.prim.device.default
_CPU = torch.device("cpu")

Build = Callable[[Sequence[Any]], Any]
"""Rebuilds an operator's result from its arguments."""


class StandIns:
    """Makes fake tensors that replace real ones on any device, with as many storages of the same size."""

    def __init__(self, fakes: FakeTensorMode, device: torch.device, dtype: torch.dtype | None = None) -> None:
        self._fakes = fakes
        self._device = device
        self._dtype = dtype
        self._storages: dict[int, tuple[UntypedStorage, UntypedStorage]] = {}
        self._made: dict[int, Tensor] = {}

    def take_over(self, module: nn.Module) -> None:
        """Replace every parameter and buffer of `module` by its stand-in."""
        for part in module.modules():
            for registered in (part._parameters, part._buffers):  # noqa: SLF001 - setattr takes Parameters only
                for name, tensor in registered.items():
                    if tensor is not None:
                        registered[name] = self.of(tensor)  # type: ignore[assignment]

    def of(self, tensor: Tensor) -> Tensor:
        """Return the stand-in of `tensor`, a leaf; tied tensors share one. `dtype` replaces floating-point dtypes."""
        if id(tensor) not in self._made:
            fake = FakeTensor(self._fakes, self._blank(tensor), self._device)
            self._made[id(tensor)] = fake.requires_grad_(tensor.requires_grad)
        return self._made[id(tensor)]

    def _blank(self, tensor: Tensor) -> Tensor:
        if self._dtype is not None and tensor.is_floating_point() and tensor.dtype != self._dtype:
            return torch.empty_strided(tensor.shape, tensor.stride(), dtype=self._dtype, device=META)
        blank = torch.empty(0, dtype=tensor.dtype, device=META)
        return blank.set_(self._storage_of(tensor), tensor.storage_offset(), tensor.shape, tensor.stride())

    def _storage_of(self, tensor: Tensor) -> UntypedStorage:
        """Views of one storage have stand-ins over one storage; both are kept alive, so that their ids stay unique."""
        storage = tensor.untyped_storage()
        if id(storage) not in self._storages:
            blank = torch.empty(storage.nbytes(), dtype=torch.uint8, device=META).untyped_storage()
            self._storages[id(storage)] = (storage, blank)
        return self._storages[id(storage)][1]


class Answers:
    """Cached results of operators on fake tensors, for use inside their mode.

    Each result has new storages unless it is an argument, so that storages are made and freed as without a cache.
    """

    def __init__(self, fakes: FakeTensorMode) -> None:
        self._fakes = fakes
        self._cached: dict[Hashable, Build | None] = {}

    def give(self, operator: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Return the result of this call."""
        if operator is _DEVICE:
            return args[0].fake_device
        if operator.is_view and _is_alone(args, kwargs):
            return self._view(operator, args, kwargs)
        call = (operator, _likeness(args), _likeness(tuple(kwargs.items())))
        if call not in self._cached:
            result = self._compute(operator, args, kwargs)
            self._cached[call] = self._builder(operator, args, kwargs, result)
            return result
        build = self._cached[call]
        return operator(*args, **kwargs) if build is None else build(args)

    def _view(self, operator: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Make a view without a kernel: a view of a meta tensor over the same storage is right on every device.

        It is an inference tensor if its base is, in any mode.
        """
        base, *rest = args
        with no_dispatch(), torch.inference_mode(mode=base.is_inference()):
            blank = torch.empty(0, dtype=base.dtype, device=META)
            blank.set_(base.untyped_storage(), base.storage_offset(), base.shape, base.stride())
            return mapped(
                operator(blank, *rest, **kwargs), lambda part: FakeTensor(self._fakes, part, base.fake_device)
            )

    def _compute(self, operator: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if _changes_values_only(operator) and _is_alone(args, kwargs):
            return args[0]
        compute = _CPU_RESULTS.get(operator)
        if compute is None or kwargs or not (_is_plain(args[0]) and args[0].fake_device == _CPU):
            return operator(*args, **kwargs)
        with no_dispatch():  # the mode would make fakes of the blanks
            parts = compute(*args)
            return tuple(part if part is None else FakeTensor(self._fakes, part, _CPU) for part in parts)

    def _builder(
        self, operator: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any
    ) -> Build | None:
        if _changes_values_only(operator):
            return _giver_of_argument(args, result)
        if not _makes_new_tensors(operator) or not all(map(_is_plain, tensors_in(result))):
            return None
        owned = [tensor.untyped_storage() for tensor in tensors_in((args, kwargs))]
        if any(tensor.untyped_storage() is storage for tensor in tensors_in(result) for storage in owned):
            return None
        return self._maker(result)

    def _maker(self, result: Any) -> Build | None:
        if isinstance(result, FakeTensor):
            device = result.fake_device
            blank = functools.partial(
                torch.empty_strided, tuple(result.shape), result.stride(), dtype=result.dtype, device=META
            )

            def make(_: Sequence[Any]) -> Tensor:
                with no_dispatch():  # the mode would make a fake of the blank
                    return FakeTensor(self._fakes, blank(), device)

            return make
        if isinstance(result, tuple):
            makers = [None if part is None else self._maker(part) for part in result]
            return lambda args: tuple(None if make is None else make(args) for make in makers)
        return None


def _batch_norm(x: Tensor, weight: Tensor | None, *rest: Any) -> tuple[Tensor, ...]:
    """Normalised maps, and in training (the fourth of `rest`) each channel's mean and inverse deviation."""
    channels = x.shape[1] if rest[3] is True else 0
    return (_like_maps(x), *(_of_channels(channels, x, weight) for _ in range(2)))


def _batch_norm_in_eval(x: Tensor, weight: Tensor | None, *_: Any) -> tuple[Tensor, ...]:
    return (_like_maps(x), *(_of_channels(0, x, weight) for _ in range(2)))


def _batch_norm_backward(_grad: Tensor, x: Tensor, weight: Tensor | None, *rest: Any) -> tuple[Tensor | None, ...]:
    """Gradients of maps, weight and bias, as requested by the last argument."""
    gradients = (_like_maps(x), *(_of_channels(x.shape[1], x, weight) for _ in range(2)))
    return tuple(part if is_wanted else None for part, is_wanted in zip(gradients, rest[-1], strict=True))


def _like_maps(x: Tensor) -> Tensor:
    memory_format = torch.channels_last if is_channels_last(x) and x.dim() == _MAPS else torch.contiguous_format
    return torch.empty(x.shape, dtype=x.dtype, device=META, memory_format=memory_format)


def _of_channels(channels: int, x: Tensor, weight: Tensor | None) -> Tensor:
    return torch.empty(channels, dtype=x.dtype if weight is None else weight.dtype, device=META)


_MAPS = 4
"""Dimensions of (batch, channels, height, width)."""

_CPU_RESULTS: dict[Any, Callable[..., tuple[Tensor | None, ...]]] = {
    torch.ops.aten.native_batch_norm.default: _batch_norm,
    torch.ops.aten._native_batch_norm_legit_no_training.default: _batch_norm_in_eval,  # noqa: SLF001 - an operator's name
    torch.ops.aten.native_batch_norm_backward.default: _batch_norm_backward,
}
"""Operators that fake tensors compute slowly, with wrong statistics for half-precision maps and fp32 weights."""


@functools.cache
def _makes_new_tensors(operator: OpOverload) -> bool:
    """Whether, by its schema, all its results are new tensors, which others of their kind can replace."""
    facts = schema(operator)
    return not facts.is_mutable and all(given.alias_info is None for given in facts.returns)


@functools.cache
def _changes_values_only(operator: OpOverload) -> bool:
    """Whether it is an in-place operator that keeps shape and memory: without values, it does nothing."""
    name = str(operator.overloadpacket)
    return name.endswith("_") and torch.Tag.inplace_view not in operator.tags and name not in _RESIZE


def _is_alone(args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether the first argument is the only tensor, so that no other shape can mismatch."""
    return _is_plain(args[0]) and sum(1 for _ in tensors_in([*args, *kwargs.values()])) == 1


_RESIZE = frozenset({"aten.resize_", "aten.set_", "aten.resize_as_"})


def _giver_of_argument(args: Sequence[Any], result: Any) -> Build | None:
    return (lambda later: later[0]) if args and result is args[0] else None


def _likeness(value: Any) -> Hashable:
    """Key that is equal for arguments with results of the same kind, and unique for a tensor that has a value."""
    if isinstance(value, Tensor):
        if not _is_plain(value):
            return object()
        return (value.shape, value.stride(), value.dtype, value.fake_device)  # type: ignore[attr-defined]
    if isinstance(value, list | tuple):
        return tuple(map(_likeness, value))
    return (type(value), value)


def _is_plain(tensor: Tensor) -> bool:
    return isinstance(tensor, FakeTensor) and tensor.constant is None and tensor.layout is torch.strided
