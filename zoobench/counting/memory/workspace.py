"""What kernels allocate for themselves while they run, and no trace of tensors shows: a table by operator and backend.

A function of the table is called with the operator's arguments and, as `out`, its result, all of them tensors without
data, and gives the most bytes that the kernel holds beside them. For an operator of one's own that is

    cpu_onednn(threads=2, extra={torch.ops.mylib.mix: lambda x, weight, *, out: x.numel() * 4})

An operator that the table does not know is taken to hold nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import msgspec
import torch
from torch import Tensor
from torch._ops import OpOverload, OpOverloadPacket

from zoobench.counting.memory.onednn import Convolution, Processor, backward_bytes, forward_bytes, is_channels_last
from zoobench.counting.tensors import size_bytes, tensors_in

WorkspaceFunction = Callable[..., int]

FLOAT_BYTES = 4
_BLOCKS = {"AVX512": 16}
"""fp32 numbers in a vector register, by what torch calls the processor's capability; 8 for all others."""


class Backend(msgspec.Struct, frozen=True):
    """The kernels of one kind of device; its name says which."""

    name: str
    table: Mapping[OpOverloadPacket, WorkspaceFunction]

    def workspace_bytes(self, operator: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> int:
        """What this call holds beside its arguments and result."""
        function = self.table.get(operator.overloadpacket)
        return 0 if function is None else function(*args, **{**kwargs, "out": result})


NOTHING = Backend("none", {})
"""Kernels of which nothing is known: tensors alone."""


def cpu_onednn(*, threads: int, extra: Mapping[OpOverloadPacket, WorkspaceFunction] | None = None) -> Backend:
    """Torch's CPU kernels with oneDNN, on this machine's processor.

    Small buffers (of the size of a row, a channel or a block of a matrix product) are left out.
    """
    processor = this_processor(threads)
    table = {
        _ATEN.convolution: lambda *args, **given: _convolution(processor, *args, **given),
        _ATEN.convolution_backward: lambda *args, **given: _convolution_backward(processor, *args, **given),
        _ATEN.native_batch_norm_backward: _batch_norm_backward,
        _ATEN.mean: _mean,
        _ATEN.add: _mixed,
        _ATEN.add_: _mixed,
        _ATEN.mul: _mixed,
        _ATEN.max_pool2d_with_indices_backward: _made_contiguous,
        _ATEN.avg_pool2d_backward: _made_contiguous,
        _ATEN.roll: _rolled,
    }
    return Backend("cpu-onednn", {**table, **(extra or {})})


def this_processor(threads: int) -> Processor:
    """This machine's, computing with so many threads."""
    return Processor(
        block=_BLOCKS.get(torch.backends.cpu.get_cpu_capability(), 8),
        threads=threads,
        has_half_kernels=bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()),  # noqa: SLF001 - torch has no public name
    )


_ATEN = torch.ops.aten


class _Geometry(NamedTuple):
    """What the operators of a convolution take after their tensors, in their order."""

    stride: Sequence[int]
    padding: Sequence[int]
    dilation: Sequence[int]
    is_transposed: bool
    output_padding: Sequence[int]
    groups: int


def _convolution(
    processor: Processor, x: Tensor, weight: Tensor, _bias: Tensor | None, *geometry: Any, out: Tensor
) -> int:
    """A transposed one is taken as the gradient of the image of the convolution that it turns round."""
    given = _Geometry(*geometry)
    if given.is_transposed:
        return backward_bytes(_described(out, weight, x, given), x, (True, False, False), processor)
    return forward_bytes(_described(x, weight, out, given), processor)


def _convolution_backward(
    processor: Processor, grad: Tensor, x: Tensor, weight: Tensor, _bias: object, *rest: Any, **_: object
) -> int:
    *geometry, wanted = rest
    given = _Geometry(*geometry)
    if given.is_transposed:
        x, grad = grad, x
    return backward_bytes(_described(x, weight, grad, given), grad, wanted, processor)


def _described(x: Tensor, weight: Tensor, out: Tensor, given: _Geometry) -> Convolution:
    dimensions = out.dim() - 2
    return Convolution(
        x=x,
        weight=weight,
        out_shape=tuple(out.shape),
        stride=_sides(given.stride, dimensions),
        dilation=_sides(given.dilation, dimensions),
        groups=given.groups,
    )


def _sides(given: Sequence[int], dimensions: int) -> tuple[int, ...]:
    return tuple(given) * dimensions if len(given) == 1 else tuple(given)


def _batch_norm_backward(grad: Tensor, x: Tensor, *_: object, **__: object) -> int:
    """The quick way over contiguous tensors makes the gradient twice."""
    return size_bytes(x) if grad.is_contiguous() and x.is_contiguous() else 0


def _mean(x: Tensor, *_: object, out: Tensor, **__: object) -> int:
    """In half precision, all of it is made fp32 first."""
    return 0 if x.dtype is torch.float32 else FLOAT_BYTES * (x.numel() + out.numel())


def _mixed(*args: object, **_: object) -> int:
    """Of two tensors that differ in precision, one is converted."""
    tensors = [tensor for tensor in tensors_in(args) if tensor.dim()]
    common = max((tensor.dtype.itemsize for tensor in tensors), default=0)
    return sum(prod(tensor.shape) * common for tensor in tensors if tensor.dtype.itemsize != common)


def _made_contiguous(grad: Tensor, *_: object, **__: object) -> int:
    return 0 if grad.is_contiguous() or is_channels_last(grad) else size_bytes(grad)


def _rolled(x: Tensor, *_: object, **__: object) -> int:
    return size_bytes(x)
