from __future__ import annotations

from typing import Any

import pytest
import torch

from zoobench.counting.memo import Memo as MemoOf

ATEN = torch.ops.aten


class Memo(MemoOf[None]):
    """Cache results only."""

    def __init__(self) -> None:
        super().__init__(lambda *_: None)

    def call(self, *call: Any) -> Any:
        return super().call(*call)[0]


def empty(*shape: int, **options: Any) -> torch.Tensor:
    return torch.empty(shape, device="meta", **options)


def kind(result: Any) -> Any:
    if isinstance(result, tuple):
        return tuple(map(kind, result))
    return result if result is None else (result.shape, result.stride(), result.dtype, result.device)


X = empty(2, 3, 4, 4).to(memory_format=torch.channels_last)
STATISTICS = [empty(3) for _ in range(4)]


@pytest.mark.parametrize(
    ("operator", "args"),
    [
        (ATEN.relu.default, (X,)),
        (ATEN.add.Tensor, (X, 1.5)),
        (ATEN.native_batch_norm.default, (X, *STATISTICS, False, 0.1, 1e-5)),
        (ATEN.cat.default, ([X, X], 1)),
        (ATEN.max_pool2d_with_indices.default, (X, [2, 2])),
    ],
    ids=str,
)
def test_a_second_call_gives_the_same_kind_of_tensors_anew(operator: Any, args: Any) -> None:
    memo = Memo()
    first, second = memo.call(operator, args, {}), memo.call(operator, args, {})
    assert len(memo._known) == 1
    assert kind(second) == kind(first) == kind(operator(*args))
    assert second is not first


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((ATEN.mul.Tensor, (empty(2, dtype=torch.int32), 1)), (ATEN.mul.Tensor, (empty(2, dtype=torch.int32), 1.0))),
        ((ATEN.relu.default, (X,)), (ATEN.relu.default, (X.contiguous(),))),
        ((ATEN.relu.default, (empty(2),)), (ATEN.relu.default, (empty(2, dtype=torch.float16),))),
        ((ATEN.sum.dim_IntList, (X, [1], True)), (ATEN.sum.dim_IntList, (X, [1], False))),
        ((ATEN.relu.default, (X,)), (ATEN.logical_not.default, (X,))),
    ],
    ids=["number's type", "strides", "dtype", "flag", "operator"],
)
def test_calls_that_differ_are_distinguished(one: Any, other: Any) -> None:
    memo = Memo()
    memo.call(*one, {})
    assert kind(memo.call(*other, {})) == kind(other[0](*other[1]))


def test_options_distinguish_calls() -> None:
    memo = Memo()
    memo.call(ATEN.sum.default, (X,), {"dtype": torch.float64})
    assert memo.call(ATEN.sum.default, (X,), {"dtype": torch.float16}).dtype == torch.float16


def test_values_are_never_remembered() -> None:
    memo = Memo()
    first = memo.call(ATEN.mul.Tensor, (torch.tensor([2.0]), 3), {})
    second = memo.call(ATEN.mul.Tensor, (torch.tensor([5.0]), 3), {})
    assert (first.item(), second.item()) == (6.0, 15.0)


def test_writes_and_views_reach_their_own_tensor() -> None:
    memo = Memo()
    for _ in range(2):
        x = empty(4)
        assert memo.call(ATEN.relu_.default, (x,), {}) is x
        assert memo.call(ATEN.view.default, (x, [2, 2]), {})._base is x


def test_a_sparse_result_stays_sparse() -> None:
    options = {"dtype": torch.float32, "layout": torch.sparse_coo, "device": torch.device("meta")}
    memo = Memo()
    for _ in range(2):
        assert memo.call(ATEN.sparse_coo_tensor.size, ([3, 3],), options).layout is torch.sparse_coo
