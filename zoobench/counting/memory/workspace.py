"""Predict from shapes the bytes that oneDNN's CPU convolutions allocate beside their tensors.

A kernel computes in special layouts, with channels in blocks as wide as a vector register (oneDNN, "Understanding
memory formats": nChw16c), so torch's plain tensors are copied into such layouts and back. Each function lists the
moments of a kernel, as the bytes held at that moment. They were derived from the allocator's events of single operators
(torch 2.14, oneDNN 3.12, AVX-512 and AVX2); the tests compare them with these events again.

To add a custom operator: `cpu_onednn(threads=2, extra={torch.ops.mylib.mix: lambda x, *, out: x.numel() * 4})`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import msgspec
import torch
from torch import Tensor
from torch._ops import OpOverload, OpOverloadPacket

from zoobench.counting.operators import size_bytes, tensors_in

SMALL_BATCH = 16
SMALL_IMAGES = 20480
LARGE_KERNEL = 3
SMALLEST_BLOCK = 8
FIRST_CHANNELS = 3
FLOAT_BYTES = 4


class Processor(msgspec.Struct, frozen=True):
    """What kernels depend on: fp32 numbers in a vector register, threads, oneDNN's support of half precision, and AMX.

    `cache_bytes` is the size of a core's second-level cache, by which matrix products are divided (512 KiB if unknown).

    With AMX, dense convolutions in half precision run in separate kernels. Their buffers (up to 1 MB for a 3×3 kernel
    over 256 channels) are not in the table.
    """

    block: int
    threads: int
    has_half_kernels: bool
    has_avx2: bool = True
    has_amx: bool = False
    cache_bytes: int = 2**19


class Convolution(msgspec.Struct, frozen=True):
    """Input of a convolution kernel: an image of shape (batch, channels, *space), a weight, and the result's shape."""

    x: Tensor
    weight: Tensor
    out_shape: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int

    @property
    def kernel(self) -> tuple[int, ...]:
        return tuple(self.weight.shape[2:])

    @property
    def is_pointwise(self) -> bool:
        return prod(self.kernel) == 1

    @property
    def is_strided(self) -> bool:
        return max(self.stride) > 1

    @property
    def is_depthwise(self) -> bool:
        return self.groups > 1 and self.weight.shape[1] == 1 and self.weight.shape[0] == self.groups

    @property
    def is_half(self) -> bool:
        return self.x.dtype in (torch.bfloat16, torch.float16)

    @property
    def is_channels_last(self) -> bool:
        return is_channels_last(self.x) or is_channels_last(self.weight)


def forward_bytes(conv: Convolution, processor: Processor) -> int:
    """Bytes beside arguments and result: blocked image, weight and result, then blocked and plain result."""
    if not runs_in_onednn(conv, processor):
        return _made_contiguous(conv.x) + _columns_bytes(conv)
    if _forward_by_matrices(conv, processor) and not conv.is_channels_last:
        columns = processor.threads * _columns_in_cache(conv, processor)
        return _made_contiguous(conv.x) + max(columns, _plain_bytes(conv.out_shape, conv.x))
    uses_amx = processor.has_amx and conv.is_half and conv.groups == 1
    weight, out = _blocked_weight(conv, processor), _blocked_out(conv, processor)
    scratch = 0 if uses_amx else _pointwise_scratch(conv, conv.weight.shape[0], processor)
    if conv.is_channels_last:
        return weight + scratch + _columns_of_last(conv, processor)
    plain = _plain_bytes(conv.out_shape, conv.x)
    copies = _made_contiguous(conv.x)
    last = 2 * plain if uses_amx else out  # channels last, which takes one more copy
    return copies + max(_blocked_x(conv, processor) + weight + out + scratch - plain, last)


def backward_bytes(conv: Convolution, grad: Tensor, wanted: Sequence[bool], processor: Processor) -> int:
    """Bytes beside arguments and results; `wanted` requests gradients of image, weight and bias, in that order."""
    if not runs_in_onednn(conv, processor):
        return _made_contiguous(conv.x) + _made_contiguous(grad) + _columns_bytes(conv)
    grad_x = size_bytes(conv.x) if wanted[0] else 0
    grad_weight = size_bytes(conv.weight) if wanted[1] else 0
    moments = [
        *(_image_moments(conv, processor) if wanted[0] else ()),
        *(grad_x + moment for moment in (_weight_moments(conv, processor) if wanted[1] else ())),
    ]
    copies = _made_contiguous(conv.x) + _made_contiguous(grad)
    return copies + max(0, *moments) - grad_x - grad_weight if moments else 0


def runs_in_onednn(conv: Convolution, processor: Processor) -> bool:
    """Whether torch runs the convolution in oneDNN (ATen/native/Convolution.cpp, `use_mkldnn`)."""
    if conv.is_half:
        return processor.has_half_kernels
    batch = conv.x.shape[0]
    is_worth_it = (
        conv.is_strided
        or max(conv.dilation) > 1
        or batch >= SMALL_BATCH
        or not conv.is_pointwise
        or processor.threads > 1
    )
    is_large = conv.groups > 1 or min(conv.kernel[-2:]) > LARGE_KERNEL or batch > 1 or conv.x.numel() > SMALL_IMAGES
    return conv.x.dtype is torch.float32 and is_worth_it and is_large


def is_channels_last(tensor: Tensor) -> bool:
    """Whether the tensor is in channels-last order, and not contiguous as well."""
    dimensions = {4: torch.channels_last, 5: torch.channels_last_3d}
    memory_format = dimensions.get(tensor.dim())
    return (
        memory_format is not None and not tensor.is_contiguous() and tensor.is_contiguous(memory_format=memory_format)
    )


def _image_moments(conv: Convolution, processor: Processor) -> tuple[int, ...]:
    """Moments of the image's gradient: computed blocked from blocked gradient and weight, then copied to plain.

    The kernel for strides writes channels last, without blocks, and needs one more copy.
    """
    plain = size_bytes(conv.x)
    if _image_by_matrices(conv, processor):
        return _image_moments_by_matrices(conv, processor)
    scratch = _pointwise_scratch(conv, conv.x.shape[1], processor)
    weight = _blocked_weight(conv, processor, few=processor.block)
    if conv.is_channels_last:
        return (weight + plain + scratch,)
    if _goes_by_channels_last(conv, processor):
        return (_blocked_out(conv, processor) + weight + plain + scratch, 3 * plain)
    blocked = _blocked(conv.x.shape, conv, processor)
    return (_blocked_out(conv, processor) + weight + blocked + scratch, plain + blocked)


def _goes_by_channels_last(conv: Convolution, processor: Processor) -> bool:
    """Whether the kernel for strides is used."""
    is_possible = conv.is_half if conv.is_depthwise else _fills_blocks(conv, 2 * processor.block)
    return conv.is_strided and is_possible


def _weight_moments(conv: Convolution, processor: Processor) -> tuple[int, ...]:
    """Moments of the weight's gradient: computed from blocked gradient and image."""
    if _weight_by_matrices(conv, processor):
        return _weight_moments_by_matrices(conv, processor)
    few = SMALLEST_BLOCK if _pads_few_channels(conv, processor) else 1
    blocked, plain = _blocked_weight(conv, processor, few=few), size_bytes(conv.weight)
    is_blocked = _weight_gradient_is_blocked(conv, processor)
    if conv.is_channels_last:
        if not is_blocked:  # each group takes a block by a block
            blocked = conv.groups * processor.block**2 * prod(conv.kernel) * conv.weight.element_size()
        return (blocked + _weight_scratch(conv, blocked, processor), blocked + 2 * plain)
    scratch = _weight_scratch(conv, blocked, processor)
    if not is_blocked:  # in half precision, by matrix products
        return (plain + scratch + _image_columns(conv) + 2 * processor.threads * plain,)
    x = _padded_x(conv) if _pads_few_channels(conv, processor) else _blocked_x(conv, processor)
    gathered = 0 if conv.is_half else _pointwise_scratch(conv, conv.weight.shape[0], processor)
    return (_blocked_out(conv, processor) + x + blocked + scratch + gathered, plain + blocked)


# Matrix products over plain tensors, which oneDNN uses where it has no vector kernel. Each thread that processes whole
# images (or groups) unfolds one into columns; else one image is unfolded, and the threads divide its product. The rules
# are those of oneDNN's src/cpu/gemm_convolution_utils.cpp, `init_conf`.


SMALL_PRODUCT = 64 * 1024
LARGE_WINDOW = 64
FEW_WEIGHT_POSITIONS = 256
FEW_IMAGE_POSITIONS = 512
FEW_LAST_POSITIONS = 64
"""For images in channels last."""
SSE_NUMBERS = 4
"""fp32 numbers in a vector register below AVX2, where layouts still have blocks of 8."""


def _forward_by_matrices(conv: Convolution, processor: Processor) -> bool:
    if conv.is_half or processor.block > SMALLEST_BLOCK:
        return False
    if processor.has_avx2:
        return conv.groups > 1 and not conv.is_depthwise and not _fills_blocks(conv, SMALLEST_BLOCK)
    return not _has_sse_kernel(conv)


def _has_sse_kernel(conv: Convolution) -> bool:
    """Whether there is a kernel below AVX2: these pad no channels; first-layer ones read 3 channels unblocked."""
    out_channels, in_channels = conv.weight.shape[0] // conv.groups, conv.weight.shape[1]
    if conv.is_depthwise:
        return conv.groups % SMALLEST_BLOCK == 0
    is_first_layer = in_channels == FIRST_CHANNELS and conv.groups == 1
    return out_channels % SMALLEST_BLOCK == 0 and (in_channels % SMALLEST_BLOCK == 0 or is_first_layer)


def _image_by_matrices(conv: Convolution, processor: Processor) -> bool:
    """Whether matrix products compute the image's gradient; below AVX2, only depthwise gradients have kernels."""
    if conv.is_half or processor.has_avx2:
        return not conv.is_channels_last and _forward_by_matrices(conv, processor)
    return not (conv.is_depthwise and _has_sse_kernel(conv))


def _weight_by_matrices(conv: Convolution, processor: Processor) -> bool:
    """With AVX2: whether images are smaller than the weight's kernel, or a group's channels do not fill blocks."""
    if conv.is_half:
        return False
    if not processor.has_avx2:
        return not (conv.is_depthwise and _has_sse_kernel(conv) and max(conv.kernel) <= LARGE_KERNEL)
    is_small = min(conv.x.shape[2:]) < max(conv.kernel)
    is_refused = is_small and conv.groups == 1 and processor.block == SMALLEST_BLOCK
    return not conv.is_channels_last and (is_refused or not _weight_gradient_is_blocked(conv, processor))


def _image_moments_by_matrices(conv: Convolution, processor: Processor) -> tuple[int, ...]:
    """For images in channels last, the weight is copied to that order, and each group has its own sum."""
    plain = size_bytes(conv.x)
    columns = _image_threads(conv, processor) * _image_columns(conv)
    if not conv.is_channels_last:
        return (plain + columns, 2 * plain)
    sums = 0 if conv.groups == 1 else _image_threads(conv, processor) * _group_image_bytes(conv)
    return (plain + size_bytes(conv.weight) + columns + sums,)


def _weight_moments_by_matrices(conv: Convolution, processor: Processor) -> tuple[int, ...]:
    """A thread holds columns and 4 weights (oneDNN uses the weight's bytes as its number of elements)."""
    plain = size_bytes(conv.weight)
    a_thread = _image_columns(conv) + FLOAT_BYTES * plain
    threads = _weight_threads(conv, processor)
    if not conv.is_channels_last:
        return (plain + threads * a_thread, 2 * plain)
    return (plain + threads * (a_thread + _group_image_bytes(conv)), 3 * plain)


def _weight_threads(conv: Convolution, processor: Processor) -> int:
    """Number of threads that process whole images."""
    is_few = _positions(conv) // processor.threads < FEW_WEIGHT_POSITIONS
    is_divided = is_few and _has_several(conv)
    return processor.threads if is_divided else 1


def _image_threads(conv: Convolution, processor: Processor) -> int:
    """Number of threads that process whole images: all, if images are small and this keeps as many threads busy."""
    is_divided = _images_are_small(conv, processor.threads) and _is_worth_dividing(conv, processor)
    return processor.threads if is_divided else 1


def _images_are_small(conv: Convolution, threads: int) -> bool:
    if conv.is_channels_last:
        is_few = prod(conv.x.shape[2:]) // threads < FEW_LAST_POSITIONS
        return conv.is_depthwise or (is_few and conv.x.shape[0] > 1)
    is_few = _positions(conv) // threads < FEW_IMAGE_POSITIONS or prod(conv.kernel) < LARGE_WINDOW
    return is_few and _has_several(conv)


def _is_worth_dividing(conv: Convolution, processor: Processor) -> bool:
    numbers = processor.block if processor.has_avx2 else SSE_NUMBERS
    positions, threads = prod(conv.x.shape[2:]), processor.threads
    out_channels, in_channels = conv.weight.shape[0] // conv.groups, conv.weight.shape[1]
    whole = _share_at_work(conv.groups * conv.x.shape[0], threads)
    within = _share_at_work(-(-positions // numbers) * -(-in_channels // numbers), threads)
    return whole >= within or positions * in_channels * out_channels // threads < SMALL_PRODUCT


def _share_at_work(pieces: int, threads: int) -> float:
    return pieces / round_up(pieces, threads)


def _has_several(conv: Convolution) -> bool:
    """Whether there are several images, or at least three groups."""
    return conv.x.shape[0] > 1 or conv.groups > 2  # noqa: PLR2004 - oneDNN's own number


def _positions(conv: Convolution) -> int:
    return prod(conv.out_shape[2:])


def _image_columns(conv: Convolution) -> int:
    return _columns_bytes(conv) // conv.x.shape[0]


def _columns_of_last(conv: Convolution, processor: Processor) -> int:
    """In channels last, a thread transposes its image of a group and holds it beside its columns."""
    if not _forward_by_matrices(conv, processor) or processor.has_avx2:
        return 0
    return processor.threads * (_columns_in_cache(conv, processor) + _group_image_bytes(conv))


def _columns_in_cache(conv: Convolution, processor: Processor) -> int:
    """Bytes a thread unfolds at a time: as many of an image's channels as fit the cache with weight and result."""
    positions, window = _positions(conv), prod(conv.kernel)
    out_channels, in_channels = conv.weight.shape[0] // conv.groups, conv.weight.shape[1]
    room = processor.cache_bytes // FLOAT_BYTES - out_channels * positions
    a_channel = (prod(conv.stride) + window) * positions + window * out_channels
    at_a_time = in_channels // -(-in_channels // max(1, room // a_channel))
    return _image_columns(conv) * at_a_time // in_channels


def _group_image_bytes(conv: Convolution) -> int:
    return size_bytes(conv.x) // conv.x.shape[0] // conv.groups


def _pads_few_channels(conv: Convolution, processor: Processor) -> bool:
    """Whether the gradient of the weight copies images of few channels into blocks of 8.

    Kernels for the first layer read them unblocked: with AVX2 images of 3 channels, with AVX-512 of up to 3.
    """
    channels = conv.x.shape[1]
    is_first_layer = channels == FIRST_CHANNELS or (channels < FIRST_CHANNELS and processor.block > SMALLEST_BLOCK)
    return not conv.is_half and conv.groups == 1 and channels < processor.block and not is_first_layer


def _padded_x(conv: Convolution) -> int:
    batch, channels, *space = conv.x.shape
    return batch * round_up(channels, SMALLEST_BLOCK) * prod(space) * conv.x.element_size()


def _weight_gradient_is_blocked(conv: Convolution, processor: Processor) -> bool:
    """Whether it is blocked; otherwise matrix products over plain tensors compute it, one image per thread."""
    if conv.is_depthwise:
        return max(conv.kernel) <= LARGE_KERNEL
    if conv.is_half and not _blocked_x(conv, processor):
        return conv.out_shape[1] % processor.block == 0
    return _fills_blocks(conv, processor.block if conv.is_half else SMALLEST_BLOCK)


def _fills_blocks(conv: Convolution, block: int) -> bool:
    """Whether no block of channels spans two groups."""
    in_channels, out_channels = conv.weight.shape[1], conv.weight.shape[0] // conv.groups
    return conv.groups == 1 or (in_channels % block == 0 and out_channels % block == 0)


def _weight_scratch(conv: Convolution, weight: int, processor: Processor) -> int:
    """In half precision, sums are fp32, and kernels larger than 1×1 transpose an image and a gradient per thread."""
    if not conv.is_half:
        return 0
    image, grad = _blocked_x(conv, processor), _blocked_out(conv, processor)
    sums = weight * FLOAT_BYTES // conv.x.element_size()
    if conv.is_depthwise:
        return sums
    if 2 * sums <= image + grad:  # dividing the images among the threads is faster than dividing the weight
        sums *= processor.threads
    turned = 0 if conv.is_pointwise else (image + grad) // conv.x.shape[0] // (1 if image else 2)
    return sums + turned * processor.threads


def _pointwise_scratch(conv: Convolution, channels: int, processor: Processor) -> int:
    """A 1×1 convolution sums in fp32, and with a stride gathers the positions it reads; one image per thread."""
    is_divisible = all(side % step == 0 for side, step in zip(conv.x.shape[2:], conv.stride, strict=True))
    if not (conv.is_pointwise and is_divisible and _fills_blocks(conv, processor.block)):
        return 0
    sums = _rounded(channels, processor) * FLOAT_BYTES if conv.is_half else 0
    gathered = _rounded(conv.x.shape[1], processor) * conv.x.element_size() if conv.is_strided else 0
    return (sums + gathered) * prod(conv.out_shape[2:]) * processor.threads


def _blocked_x(conv: Convolution, processor: Processor) -> int:
    """Images of few channels (the first layer's) are read unblocked."""
    if conv.groups == 1 and conv.x.shape[1] < processor.block:
        return 0
    return _blocked(conv.x.shape, conv, processor)


def _blocked_out(conv: Convolution, processor: Processor) -> int:
    return _blocked(conv.out_shape, conv, processor)


def _blocked(shape: Sequence[int], conv: Convolution, processor: Processor) -> int:
    batch, channels, *space = shape
    return batch * _rounded(channels, processor) * prod(space) * conv.x.element_size()


def _blocked_weight(conv: Convolution, processor: Processor, few: int = 1) -> int:
    """The weight, rounded up to blocks of channels (depthwise: of groups); groups that fill no blocks are unchanged.

    Input channels that do not fill a block are rounded up to a multiple of `few`.
    """
    out_channels, in_channels, *kernel = conv.weight.shape
    if conv.is_depthwise:
        out_channels = _rounded(out_channels, processor)
    elif conv.groups == 1:
        out_channels = _rounded(out_channels, processor)
        in_channels = round_up(in_channels, processor.block if in_channels >= processor.block else few)
    return out_channels * in_channels * prod(kernel) * conv.weight.element_size()


def _rounded(channels: int, processor: Processor) -> int:
    return round_up(channels, processor.block)


def round_up(number: int, step: int) -> int:
    """Smallest multiple of `step` that is not less than `number`."""
    return -(-number // step) * step


def _columns_bytes(conv: Convolution) -> int:
    """Bytes of the matrix (a group's channels × kernel, positions) that kernels outside oneDNN unfold; none for 1×1."""
    if conv.is_pointwise and not conv.is_strided:
        return 0
    positions = prod((conv.out_shape[0], *conv.out_shape[2:]))
    return prod(conv.weight.shape[1:]) * positions * conv.x.element_size()


def _made_contiguous(tensor: Tensor) -> int:
    """A part of a tensor (half of the channels, for example) is copied first."""
    return 0 if tensor.is_contiguous() or is_channels_last(tensor) else size_bytes(tensor)


def _plain_bytes(shape: tuple[int, ...], like: Tensor) -> int:
    return prod(shape) * like.element_size()


# The table of kernels: a function is called with the operator's arguments and, as `out`, its result, all without data,
# and returns the most bytes that the kernel holds beside them. Operators not in the table are taken to hold nothing.


WorkspaceFunction = Callable[..., int]


class Backend(msgspec.Struct, frozen=True):
    """The kernels of one kind of device."""

    name: str
    table: Mapping[OpOverloadPacket, WorkspaceFunction]

    def workspace_bytes(self, operator: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> int:
        """Bytes that this call holds beside its arguments and result."""
        function = self.table.get(operator.overloadpacket)
        return 0 if function is None else function(*args, **{**kwargs, "out": result})


NOTHING = Backend("none", {})
"""Unknown kernels: only tensors are counted."""


def cpu_onednn(*, threads: int, extra: Mapping[OpOverloadPacket, WorkspaceFunction] | None = None) -> Backend:
    """Return torch's CPU kernels with oneDNN, on this machine's processor.

    Small buffers (the size of a row, a channel or a block of a matrix product) are left out.
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
        _ATEN.max_pool2d_with_indices_backward: _contiguous_gradient,
        _ATEN.avg_pool2d_backward: _contiguous_gradient,
        _ATEN.roll: _rolled,
    }
    return Backend("cpu-onednn", {**table, **(extra or {})})


def this_processor(threads: int) -> Processor:
    """This machine's processor with these threads, as oneDNN uses it; ATEN_CPU_CAPABILITY does not restrict oneDNN."""
    has_avx2 = torch.cpu._is_avx2_supported() and not _is_restricted_below(_AVX2)  # noqa: SLF001 - torch has no public name
    has_avx512 = torch.cpu._is_avx512_supported() and not _is_restricted_below(_AVX512)  # noqa: SLF001 - as above
    return Processor(
        block=16 if has_avx512 else SMALLEST_BLOCK,
        threads=threads,
        has_half_kernels=bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()),  # noqa: SLF001 - as above
        has_avx2=has_avx2,
        has_amx=_has_amx(),
        cache_bytes=_cache_bytes(),
    )


def _cache_bytes() -> int:
    """Size of the second-level cache; 512 KiB if unknown (as in oneDNN), since musl and macOS do not report it."""
    name = "SC_LEVEL2_CACHE_SIZE"
    known = os.sysconf(name) if name in getattr(os, "sysconf_names", {}) else 0
    return known if known > 0 else 2**19


_AVX2 = ("AVX2", "AVX512", "AVX10", "ALL", "DEFAULT")
_AVX512 = ("AVX512", "AVX10", "ALL", "DEFAULT")
"""Prefixes of ONEDNN_MAX_CPU_ISA values that allow such kernels (oneDNN, "CPU Dispatcher Control")."""


def _max_isa() -> str:
    """The instruction set that oneDNN is restricted to; like oneDNN, reads the DNNL name of the variable too."""
    return (os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA") or "DEFAULT").upper()


def _is_restricted_below(names: tuple[str, ...]) -> bool:
    return not _max_isa().startswith(names)


def _has_amx() -> bool:
    """Whether oneDNN may use AMX: the processor has it, and ONEDNN_MAX_CPU_ISA does not exclude it."""
    most = _max_isa()
    is_allowed = most in {"ALL", "DEFAULT"} or "AMX" in most
    return is_allowed and torch.cpu._is_amx_tile_supported()  # noqa: SLF001 - torch has no public name


_ATEN = torch.ops.aten


class _Geometry(NamedTuple):
    """Arguments of the convolution operators after the tensors, in order."""

    stride: Sequence[int]
    padding: Sequence[int]
    dilation: Sequence[int]
    is_transposed: bool
    output_padding: Sequence[int]
    groups: int


def _convolution(
    processor: Processor, x: Tensor, weight: Tensor, _bias: Tensor | None, *geometry: Any, out: Tensor
) -> int:
    """A transposed convolution is treated as the image's gradient of the convolution that it transposes."""
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
    """The fast path for contiguous tensors allocates the gradient twice."""
    return size_bytes(x) if grad.is_contiguous() and x.is_contiguous() else 0


def _mean(x: Tensor, *_: object, out: Tensor, **__: object) -> int:
    """In half precision, the whole tensor is converted to fp32 first."""
    return 0 if x.dtype is torch.float32 else FLOAT_BYTES * (x.numel() + out.numel())


def _mixed(*args: object, **_: object) -> int:
    """If two tensors differ in precision, one is converted."""
    tensors = [tensor for tensor in tensors_in(args) if tensor.dim()]
    common = max((tensor.dtype.itemsize for tensor in tensors), default=0)
    return sum(prod(tensor.shape) * common for tensor in tensors if tensor.dtype.itemsize != common)


def _contiguous_gradient(grad: Tensor, *_: object, **__: object) -> int:
    return 0 if grad.is_contiguous() or is_channels_last(grad) else size_bytes(grad)


def _rolled(x: Tensor, *_: object, **__: object) -> int:
    return size_bytes(x)
