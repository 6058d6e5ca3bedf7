from __future__ import annotations

import pytest
import torch

from zoobench.counting.operators import computes

ATEN = torch.ops.aten


@pytest.mark.parametrize(
    "operator",
    [
        ATEN.relu.default,
        ATEN.relu_.default,
        ATEN.add.Tensor,
        ATEN.gt.Scalar,
        ATEN.native_batch_norm.default,
        ATEN.max_pool2d_with_indices.default,
        ATEN.mean.dim,
        ATEN._softmax.default,
        ATEN.where.self,
        ATEN.rand.default,
        ATEN.normal_.default,
        ATEN.upsample_bilinear2d.default,
        ATEN._foreach_add_.Scalar,
    ],
    ids=str,
)
def test_arithmetic_comparison_and_chance_compute(operator: torch._ops.OpOverload) -> None:
    assert computes(operator)


@pytest.mark.parametrize(
    "operator",
    [
        ATEN.view.default,
        ATEN.permute.default,
        ATEN.detach.default,
        ATEN._unsafe_view.default,
        ATEN.squeeze_.dim,
        ATEN.split.Tensor,
        ATEN.unsafe_split.Tensor,
    ],
    ids=str,
)
def test_views_do_not(operator: torch._ops.OpOverload) -> None:
    assert not computes(operator)


@pytest.mark.parametrize(
    "operator",
    [
        ATEN.empty.memory_format,
        ATEN.zeros.default,
        ATEN.arange.default,
        ATEN.new_zeros.default,
        ATEN.ones_like.default,
        ATEN.fill_.Scalar,
        ATEN.zero_.default,
    ],
    ids=str,
)
def test_allocation_and_constants_do_not(operator: torch._ops.OpOverload) -> None:
    assert not computes(operator)


@pytest.mark.parametrize(
    "operator",
    [
        ATEN.clone.default,
        ATEN.copy_.default,
        ATEN._to_copy.default,
        ATEN.cat.default,
        ATEN.constant_pad_nd.default,
        ATEN.roll.default,
        ATEN.index.Tensor,
        ATEN.embedding.default,
    ],
    ids=str,
)
def test_moving_elements_does_not(operator: torch._ops.OpOverload) -> None:
    assert not computes(operator)


@pytest.mark.parametrize("operator", [ATEN.sym_size.int, ATEN._local_scalar_dense.default], ids=str)
def test_questions_about_a_tensor_do_not(operator: torch._ops.OpOverload) -> None:
    assert not computes(operator)
