"""Build a model without weights, for counting only: it has shapes but no values, and needs little memory and time.

Tensors that a constructor allocates without values (torch.empty), or draws, are on the meta device from the start, and
filling them does nothing. Tensors it computes with (torch.arange, torch.linspace) keep their values, since constructors
read them: torchvision's regnet_* derive their widths from such, and cannot be built under torch.device("meta").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode

from zoobench.cases import ModelRef, ZoobenchError
from zoobench.zoo.build import BuildError, build_model

META: Final = torch.device("meta")

_ATEN = torch.ops.aten
_ALLOCATE: Final = frozenset({_ATEN.empty, _ATEN.empty_strided, _ATEN.rand, _ATEN.randn})
_FILL: Final = frozenset(
    {_ATEN.uniform_, _ATEN.normal_, _ATEN.erfinv_, _ATEN.clamp_, _ATEN.fill_, _ATEN.zero_, _ATEN.mul_, _ATEN.add_}
)
"""Operators that torch.nn.init uses. Torch computes the shapes of some in Python, at a millisecond each."""


def build_skeleton(model: str | ModelRef, *, num_classes: int | None = None) -> nn.Module:
    """Build the model in training mode with parameters and buffers on the meta device; shared or tied ones stay so.

    A constructor that reads values it has drawn is run as in `build_model`, and the values are discarded.
    Raises: as `build_model`.
    """
    try:
        with _WithoutValues():  # type: ignore[no-untyped-call]
            built = build_model(model, num_classes=num_classes)
    except Exception as error:  # of the model's code; a bug there raises again below
        if isinstance(error, ZoobenchError) and not isinstance(error, BuildError):
            raise
        built = build_model(model, num_classes=num_classes)
    _move_to_meta(built)
    return built


class _WithoutValues(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types for it
    """Allocates on the meta device: few operators allocate below autograd and Python's ways to make a tensor."""

    def __torch_dispatch__(
        self, operator: OpOverload, _types: object, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if operator.overloadpacket in _FILL and args[0].device == META:
            return args[0]
        if operator.overloadpacket in _ALLOCATE:
            kwargs = {**kwargs, "device": META}
        return operator(*args, **kwargs)


def _move_to_meta(module: nn.Module) -> None:
    """Like `module.to("meta")`, which would separate tensors that two modules share."""
    moved: dict[int, Tensor] = {}
    for part in module.modules():
        named = (
            *part.named_parameters(recurse=False, remove_duplicate=False),
            *part.named_buffers(recurse=False, remove_duplicate=False),
        )
        for name, tensor in named:
            if not is_lazy(tensor) and tensor.device != META:
                setattr(part, name, moved.setdefault(id(tensor), _on_meta(tensor)))


def _on_meta(tensor: Tensor) -> Tensor:
    if tensor.layout is torch.strided:  # a copy's shape would be computed in Python
        on_meta = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=META)
    else:
        on_meta = tensor.detach().to(META)
    return nn.Parameter(on_meta, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else on_meta
