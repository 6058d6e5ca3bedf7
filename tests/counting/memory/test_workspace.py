"""What kernels hold beside tensors, against the allocator's events of single operators."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from zoobench.counting.memory import cpu_onednn
from zoobench.counting.memory.workspace import Convolution, Processor, backward_bytes, forward_bytes, this_processor
from zoobench.counting.operators import storage_bytes, tensors_in
from zoobench.devices import CpuDevice

ATEN = torch.ops.aten
FLOAT_BYTES = 4
TOLERANCE_RATIO = 0.05
SMALL_BYTES = 128 * 1024
"""Buffers that the model leaves out."""

Make = Callable[[], Tensor]

FIRST_LAYER = "first layer"
"""No gradient reaches its images."""

CONVOLUTIONS = {
    # name: images, weight, stride, padding, groups
    FIRST_LAYER: ((4, 3, 64, 64), (32, 3, 3, 3), 2, 1, 1),
    "dense": ((4, 64, 28, 28), (64, 64, 3, 3), 1, 1, 1),
    "dense, strided": ((4, 64, 28, 28), (64, 64, 3, 3), 2, 1, 1),
    "pointwise": ((4, 96, 28, 28), (32, 96, 1, 1), 1, 0, 1),
    "pointwise, strided": ((4, 64, 28, 28), (128, 64, 1, 1), 2, 0, 1),
    "pointwise, channels that fill no block": ((4, 58, 28, 28), (58, 58, 1, 1), 1, 0, 1),
    "depthwise": ((4, 96, 28, 28), (96, 1, 3, 3), 1, 1, 96),
    "depthwise, strided": ((4, 96, 28, 28), (96, 1, 3, 3), 2, 1, 96),
    "depthwise 5×5": ((4, 96, 28, 28), (96, 1, 5, 5), 1, 2, 96),
    "grouped": ((4, 128, 28, 28), (128, 4, 3, 3), 1, 1, 32),
    "grouped, whole blocks": ((4, 128, 28, 28), (128, 32, 3, 3), 1, 1, 4),
    "one small image": ((1, 16, 14, 14), (16, 16, 3, 3), 1, 1, 1),
    "images of one channel": ((16, 1, 64, 64), (8, 1, 5, 5), 1, 0, 1),
    "images of six channels": ((16, 6, 64, 64), (16, 6, 5, 5), 1, 0, 1),
    "images of twelve channels": ((16, 12, 64, 64), (16, 12, 3, 3), 1, 1, 1),
    "six channels, strided": ((32, 6, 64, 64), (32, 6, 3, 3), 2, 1, 1),
    "images smaller than the kernel": ((4, 256, 2, 2), (256, 256, 3, 3), 1, 1, 1),
    "one image smaller than the kernel": ((1, 256, 2, 2), (256, 256, 3, 3), 1, 1, 1),
    "grouped, small images": ((3, 192, 8, 8), (192, 12, 3, 3), 1, 1, 16),
    "grouped, one image": ((1, 192, 14, 14), (192, 12, 3, 3), 1, 1, 16),
    "depthwise, channels that fill no block": ((5, 58, 28, 28), (58, 1, 3, 3), 1, 1, 58),
}


def measured_bytes(call: Callable[[], object]) -> tuple[object, int]:
    """Result of the call, and the peak of allocated bytes above it."""
    results: list[object] = []
    peak = CpuDevice().measure_peak_memory(lambda: results.append(call()))
    return results[0], peak.growth_bytes - storage_bytes(tensors_in(results))


def check(operator: torch._ops.OpOverload, *args: object) -> None:
    """Difference of the table's bytes and the allocator's, relative to all that the operator allocates."""
    operator(*args)
    result, workspace_bytes = measured_bytes(lambda: operator(*args))
    found = cpu_onednn(threads=torch.get_num_threads()).workspace_bytes(operator, args, {}, result)
    whole_bytes = workspace_bytes + storage_bytes(tensors_in(result))
    assert found == pytest.approx(workspace_bytes, abs=max(TOLERANCE_RATIO * whole_bytes, SMALL_BYTES))


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def threads(request: pytest.FixtureRequest) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


def convolution(name: str) -> tuple[Tensor, Tensor, tuple[object, ...]]:
    images, weight, stride, padding, groups = CONVOLUTIONS[name]
    geometry = ([stride] * 2, [padding] * 2, [1, 1], False, [0, 0], groups)
    return torch.randn(images), torch.randn(weight), geometry


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_a_convolution_copies_into_blocks_and_back(name: str) -> None:
    images, weight, geometry = convolution(name)
    check(ATEN.convolution.default, images, weight, None, *geometry)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_the_backward_of_a_convolution_copies_for_image_and_weight_in_turn(name: str) -> None:
    images, weight, geometry = convolution(name)
    grad = torch.randn_like(ATEN.convolution(images, weight, None, *geometry))
    for wanted in ([name != FIRST_LAYER, True, False], [False, True, False]):
        check(ATEN.convolution_backward.default, grad, images, weight, [0], *geometry, wanted)


@pytest.mark.parametrize("name", ["dense", "pointwise", "depthwise"])
def test_half_precision_adds_sums_in_fp32(name: str) -> None:
    if not this_processor(1).has_half_kernels:
        pytest.skip("this processor converts to fp32")
    images, weight, geometry = convolution(name)
    check(ATEN.convolution.default, images.bfloat16(), weight.bfloat16(), None, *geometry)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("name", ["dense", "dense, strided", "pointwise", "depthwise", "depthwise 5×5", "grouped"])
def test_channels_last_needs_no_copies_of_maps(name: str) -> None:
    images, weight, geometry = convolution(name)
    images, weight = (tensor.contiguous(memory_format=torch.channels_last) for tensor in (images, weight))
    check(ATEN.convolution.default, images, weight, None, *geometry)
    grad = torch.randn_like(ATEN.convolution(images, weight, None, *geometry))
    check(ATEN.convolution_backward.default, grad, images, weight, [0], *geometry, [True, True, False])


def test_a_part_of_the_channels_is_copied_first() -> None:
    images, weight, geometry = convolution("pointwise, channels that fill no block")
    half = torch.cat([images, images], dim=1)[:, images.shape[1] :]
    check(ATEN.convolution.default, half, weight, None, *geometry)


def test_batch_norm_makes_its_gradient_twice() -> None:
    maps, weight, zeros, ones = torch.randn(4, 32, 28, 28), torch.ones(32), torch.zeros(32), torch.ones(32)
    _, mean, deviation = ATEN.native_batch_norm(maps, weight, zeros, zeros, ones, True, 0.1, 1e-5)
    grad = torch.randn_like(maps)
    for given in (grad, torch.cat([grad, grad], dim=1)[:, 32:]):
        check(
            ATEN.native_batch_norm_backward.default,
            *(given, maps, weight, zeros, ones, mean, deviation, True, 1e-5, [True, True, True]),
        )


def test_a_mean_in_half_precision_is_taken_in_fp32() -> None:
    check(ATEN.mean.dim, torch.randn(8, 256, 14, 14).bfloat16(), [2, 3])
    check(ATEN.mean.dim, torch.randn(8, 256, 14, 14), [2, 3])


def test_of_two_precisions_one_is_converted() -> None:
    check(ATEN.add.Tensor, torch.randn(256, 256), torch.randn(256, 256).bfloat16())
    check(ATEN.mul.Tensor, torch.randn(256, 256), torch.randn(256, 256))


def test_pooling_backward_copies_what_is_a_part() -> None:
    maps = torch.randn(4, 32, 28, 28)
    out, indices = ATEN.max_pool2d_with_indices(maps, [2, 2], [2, 2])
    part = torch.cat([out, out], dim=1)[:, 32:]
    check(ATEN.max_pool2d_with_indices_backward.default, part, maps, [2, 2], [2, 2], [0, 0], [1, 1], False, indices)
    check(ATEN.avg_pool2d_backward.default, part, maps, [2, 2], [2, 2], [0, 0], False, True, None)


@pytest.mark.parametrize("block", [8, 16])
def test_blocks_round_channels_up(block: int) -> None:
    """58 channels use the space of 64, with either width of registers."""
    x, weight = torch.empty(2, 58, 10, 10, device="meta"), torch.empty(58, 58, 3, 3, device="meta")
    conv = Convolution(x, weight, (2, 58, 10, 10), (1, 1), (1, 1), 1)
    processor = Processor(block=block, threads=2, has_half_kernels=True)
    maps, blocked_weight = 2 * 64 * 100 * FLOAT_BYTES, 64 * 64 * 9 * FLOAT_BYTES
    plain = 2 * 58 * 100 * FLOAT_BYTES

    assert forward_bytes(conv, processor) == 2 * maps + blocked_weight - plain
    grad = torch.empty(2, 58, 10, 10, device="meta")
    assert backward_bytes(conv, grad, (False, False, True), processor) == 0


def test_one_thread_multiplies_matrices_for_a_pointwise_convolution() -> None:
    x, weight = torch.empty(2, 64, 10, 10, device="meta"), torch.empty(64, 64, 1, 1, device="meta")
    conv = Convolution(x, weight, (2, 64, 10, 10), (1, 1), (1, 1), 1)
    assert forward_bytes(conv, Processor(block=16, threads=1, has_half_kernels=True)) == 0
    assert forward_bytes(conv, Processor(block=16, threads=2, has_half_kernels=True)) > 0


def test_one_small_image_is_laid_out_in_columns() -> None:
    x, weight = torch.empty(1, 8, 10, 10, device="meta"), torch.empty(4, 8, 3, 3, device="meta")
    conv = Convolution(x, weight, (1, 4, 8, 8), (1, 1), (1, 1), 1)
    assert forward_bytes(conv, Processor(block=16, threads=2, has_half_kernels=True)) == 8 * 9 * 64 * FLOAT_BYTES


SSE, AVX2, AVX512 = (8, False), (8, True), (16, True)
"""Fp32 numbers in a block, and whether there are kernels for AVX2."""


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        ("SSE41", SSE),
        ("AVX", SSE),
        ("AVX2", AVX2),
        ("avx2_vnni_2", AVX2),
        ("AVX512_CORE", AVX512),
        ("AVX10_1_512_AMX", AVX512),
        ("ALL", AVX512),
        (None, AVX512),
    ],
)
@pytest.mark.parametrize("variable", ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"])
def test_the_processor_is_what_onednn_is_confined_to(
    monkeypatch: pytest.MonkeyPatch, variable: str, most: str | None, expected: tuple[int, bool]
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx2_supported", lambda: True)
    monkeypatch.setattr(torch.cpu, "_is_avx512_supported", lambda: True)
    for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
        monkeypatch.delenv(name, raising=False)
    if most is not None:
        monkeypatch.setenv(variable, most)
    processor = this_processor(2)
    assert (processor.block, processor.has_avx2) == expected


def test_torchs_own_capability_does_not_restrict_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    before = this_processor(2)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    assert this_processor(2) == before
