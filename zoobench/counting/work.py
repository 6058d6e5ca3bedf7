"""Describe one call of an operator by its name and shapes: its kind of layer, cost and memory traffic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from torch import Tensor
from torch._ops import OpOverload, OpOverloadPacket

from zoobench.counting.costs import Cost, CostFunction
from zoobench.counting.operators import (
    allocates_only,
    bare_name,
    overwrites,
    shapes,
    size_bytes,
    tensors_in,
    written_arguments,
)
from zoobench.records import LayerKind, Shape, kind_of_convolution

SPATIAL_MAPS = 4
"""Dimensions of (batch, channels, height, width)."""

_CONVOLUTIONS: Final = frozenset({"convolution", "_convolution", "convolution_overrideable", "convolution_backward"})
_CONVOLUTION_LAYERS: Final = frozenset({"conv1d", "conv2d", "conv3d"})
"""Composites of `_CONVOLUTIONS`, which the dispatcher decomposes before a trace records them."""

_NAMES: Final[dict[LayerKind, frozenset[str]]] = {
    LayerKind.FULLY_CONNECTED: frozenset({"mm", "addmm", "mv", "addmv", "_int_mm", "_scaled_mm", "_addmm_activation"}),
    LayerKind.ATTENTION: frozenset({"bmm", "baddbmm", "addbmm"}),
    LayerKind.NORMALISATION: frozenset(
        {"native_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training", "batch_norm"}
        | {"cudnn_batch_norm", "_batch_norm_with_update", "_batch_norm_no_update", "native_layer_norm"}
        | {"native_group_norm", "native_batch_norm_backward", "cudnn_batch_norm_backward", "batch_norm_backward"}
        | {"native_layer_norm_backward", "native_group_norm_backward", "mkldnn_batch_norm"}
    ),
    LayerKind.ACTIVATION: frozenset(
        {"relu", "relu6", "hardtanh", "hardswish", "hardsigmoid", "sigmoid", "silu", "gelu", "tanh", "elu", "mish"}
        | {"leaky_relu", "softplus", "celu", "log_sigmoid_forward", "_softmax", "_log_softmax", "softmax"}
        | {"log_softmax", "threshold_backward", "hardtanh_backward", "hardswish_backward", "hardsigmoid_backward"}
        | {"sigmoid_backward", "silu_backward", "gelu_backward", "tanh_backward", "elu_backward", "mish_backward"}
        | {"leaky_relu_backward", "_softmax_backward_data", "_log_softmax_backward_data", "_prelu_kernel"}
        | {"_prelu_kernel_backward", "clamp_min"}
    ),
    LayerKind.POOLING: frozenset(
        {"max_pool2d_with_indices", "max_pool2d", "avg_pool2d", "_adaptive_avg_pool2d", "adaptive_max_pool2d"}
        | {"adaptive_avg_pool2d", "max_pool2d_with_indices_backward", "avg_pool2d_backward", "mkldnn_max_pool2d"}
        | {"_adaptive_avg_pool2d_backward", "adaptive_max_pool2d_backward", "max_pool3d_with_indices", "avg_pool3d"}
    ),
    LayerKind.CHANNEL_SHUFFLE: frozenset({"channel_shuffle", "native_channel_shuffle"}),
    LayerKind.ADD: frozenset({"add", "_foreach_add"}),
    LayerKind.CONCAT: frozenset({"cat", "stack"}),
}
_KIND_OF = {name: kind for kind, names in _NAMES.items() for name in names}
_GROUPED_CHANNELS = 5
"""Dimensions of maps whose channels are viewed as (groups, channels of a group)."""


def kind_of_call(operator: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any]) -> LayerKind:
    """Kind of a call. A mean over the last two of four dimensions is a pooling; an unknown operator is `other`."""
    name = bare_name(operator)
    if name in _CONVOLUTIONS:
        return _kind_of_convolution(name, args, kwargs)
    if "scaled_dot_product" in name or name.startswith(("_flash_attention", "_efficient_attention")):
        return LayerKind.ATTENTION
    if name == "mean" and _is_over_space(args):
        return LayerKind.POOLING
    if name == "clone" and _interleaves_channels(args[0]):
        return LayerKind.CHANNEL_SHUFFLE
    return _KIND_OF.get(name, LayerKind.OTHER)


def kind_of_profiled(name: str, shapes: Sequence[Shape], values: Sequence[Any]) -> LayerKind:
    """Kind of a call from the torch profiler's record of its arguments' shapes and values, without the tensors.

    A convolution is taken as not transposed, and a copy of maps of five dimensions as a channel shuffle: the profiler
    does not record strides.
    """
    name = name.removesuffix("_")
    if name in _CONVOLUTIONS or name in _CONVOLUTION_LAYERS:
        return _kind_of_shapes(*(shapes[1:3] if name.endswith("backward") else shapes[:2]))
    if "scaled_dot_product" in name:
        return LayerKind.ATTENTION
    if name == "mean" and len(shapes[0]) == SPATIAL_MAPS and _are_spatial(values[1]):
        return LayerKind.POOLING
    if name == "clone" and len(shapes[0]) == _GROUPED_CHANNELS:
        return LayerKind.CHANNEL_SHUFFLE
    return _KIND_OF.get(name, LayerKind.OTHER)


def _kind_of_shapes(images: Shape, weight: Shape) -> LayerKind:
    in_channels, kernel = images[-len(weight) + 1], weight[2:]
    return kind_of_convolution(in_channels=in_channels, groups=in_channels // weight[1], kernel=kernel)


def _kind_of_convolution(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> LayerKind:
    """Arguments are in the order of the operators' schemas; those of the backward start with the gradient."""
    is_backward = name.endswith("backward")
    images, weight = args[1:3] if is_backward else args[:2]
    groups = kwargs.get("groups", args[9 if is_backward else 8] if len(args) > (9 if is_backward else 8) else 1)
    kernel = tuple(weight.shape[2:])
    return kind_of_convolution(in_channels=images.shape[-len(kernel) - 1], groups=groups, kernel=kernel)


def _is_over_space(args: Sequence[Any]) -> bool:
    return args[0].dim() == SPATIAL_MAPS and len(args) > 1 and _are_spatial(args[1])


def _are_spatial(dimensions: object) -> bool:
    """Whether these are the last two of four."""
    return isinstance(dimensions, list | tuple) and {number % SPATIAL_MAPS for number in dimensions} == {2, 3}


def _interleaves_channels(maps: Tensor) -> bool:
    """Whether (batch, a, b, height, width) is in memory as (batch, b, a, height, width): groups were exchanged."""
    if maps.dim() != _GROUPED_CHANNELS:
        return False
    _, outer, inner, *_ = maps.stride()
    return inner > outer and maps.shape[1] > 1 and maps.shape[2] > 1


class Work(msgspec.Struct, frozen=True):
    """Work of one call. `cost` is None if the table of costs has none for the operator.

    Elements and bytes are those of the argument and result tensors, each counted once: repeated reads, caches and
    buffers of a kernel are not included. A view, or an empty tensor, is no work.
    """

    kind: LayerKind
    cost: Cost | None
    elements_written: int
    bytes_read: int
    bytes_written: int


def describe_with(
    costs: Mapping[OpOverloadPacket, CostFunction],
) -> Callable[[OpOverload, Sequence[Any], Mapping[str, Any], Any], Work]:
    """Return a function that computes the `Work` of a call (operator, arguments, result) with this table of costs."""

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
    """The tensors that the call reads, and those that it writes."""
    if allocates_only(operator):
        return [], []
    taken = _distinct((*args, *kwargs.values()))
    written = written_arguments(operator, args, kwargs) or list(tensors_in(result))
    if overwrites(operator):
        taken = [tensor for tensor in taken if all(tensor is not target for target in written)]
    return taken, written


def _distinct(values: Sequence[Any]) -> list[Tensor]:
    return list({id(tensor): tensor for tensor in tensors_in(list(values))}.values())
