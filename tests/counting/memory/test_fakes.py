"""Fake tensors have as many storages as real ones, and operators on them the results of real kernels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from zoobench.counting.memory import Answers, StandIns
from zoobench.counting.operators import storage_bytes, tensors_in

ATEN = torch.ops.aten
CPU = torch.device("cpu")
FLOAT_BYTES = 4


@pytest.fixture
def fakes() -> Iterator[FakeTensorMode]:
    with FakeTensorMode() as mode:
        yield mode


def fake(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """A fake tensor, inside the mode."""
    return torch.empty(shape, dtype=dtype)


def described(result: Any) -> list[tuple[Any, ...] | None]:
    parts = result if isinstance(result, tuple) else (result,)
    return [None if part is None else (part.shape, part.stride(), part.dtype, part.device) for part in parts]


def test_a_cached_result_is_a_new_tensor(fakes: FakeTensorMode) -> None:
    answers = Answers(fakes)
    x = fake(2, 3)
    first, second = (answers.give(ATEN.relu.default, [x], {}) for _ in range(2))

    assert described(first) == described(second)
    assert first.untyped_storage() is not second.untyped_storage()


def test_a_result_depends_on_shape_strides_and_dtype(fakes: FakeTensorMode) -> None:
    answers = Answers(fakes)
    for x in (fake(2, 3), fake(3, 2), fake(3, 2).t(), fake(2, 3, dtype=torch.bfloat16)):
        assert described(answers.give(ATEN.neg.default, [x], {})) == described(x.neg())


def test_what_is_written_in_place_is_the_argument_itself(fakes: FakeTensorMode) -> None:
    answers = Answers(fakes)
    for _ in range(2):
        x = fake(2, 3)
        assert answers.give(ATEN.relu_.default, [x], {}) is x


@pytest.mark.parametrize(
    ("operator", "rest"),
    [(ATEN.t.default, ()), (ATEN.slice.Tensor, (1, 1, 3)), (ATEN.split.Tensor, (2, 1)), (ATEN.view.default, ([3, 8],))],
    ids=str,
)
def test_a_view_is_over_its_own_base(fakes: FakeTensorMode, operator: Any, rest: tuple[Any, ...]) -> None:
    answers = Answers(fakes)
    x = fake(6, 4)
    for found, real in zip(
        tensors_in(answers.give(operator, [x, *rest], {})), tensors_in(operator(torch.empty(6, 4), *rest)), strict=True
    ):
        assert found.untyped_storage() is x.untyped_storage()
        assert (described(found), found.storage_offset()) == (described(real), real.storage_offset())


@pytest.mark.parametrize("is_made_in_inference_mode", [True, False])
def test_a_view_is_an_inference_tensor_if_its_base_is(
    fakes: FakeTensorMode, *, is_made_in_inference_mode: bool
) -> None:
    with torch.inference_mode(mode=is_made_in_inference_mode):
        x = fake(6, 4)
    with torch.inference_mode():
        assert Answers(fakes).give(ATEN.t.default, [x], {}).is_inference() == is_made_in_inference_mode


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last], ids=str)
def test_results_of_batch_norm_are_as_the_real_ones(dtype: torch.dtype, memory_format: torch.memory_format) -> None:
    maps = torch.randn(2, 4, 5, 5, dtype=dtype).contiguous(memory_format=memory_format)
    four = [torch.ones(4) for _ in range(4)]
    in_training = (maps, *four, True, 0.1, 1e-5)
    _, mean, deviation = ATEN.native_batch_norm(*in_training)
    backward = (maps, maps, *four[:1], *four[2:], mean, deviation, True, 1e-5)
    calls: list[tuple[Any, tuple[Any, ...]]] = [
        (ATEN.native_batch_norm.default, in_training),
        (ATEN.native_batch_norm.default, (maps, *four, False, 0.1, 1e-5)),
        (ATEN._native_batch_norm_legit_no_training.default, (maps, *four, 0.1, 1e-5)),
        (ATEN.native_batch_norm_backward.default, (*backward, [True, True, True])),
        (ATEN.native_batch_norm_backward.default, (*backward, [False, True, True])),
    ]
    mode = FakeTensorMode()
    answers, stand_ins = Answers(mode), StandIns(mode, CPU)
    for operator, args in calls:
        faked = [stand_ins.of(arg) if isinstance(arg, Tensor) else arg for arg in args]
        with mode:
            answer = answers.give(operator, faked, {})
        assert described(answer) == described(operator(*args))


def test_stand_ins_have_no_data_and_the_requested_device() -> None:
    weight = nn.Parameter(torch.zeros(1, 1).expand(10**6, 10**6))
    stand_in = StandIns(FakeTensorMode(), torch.device("cuda", 0)).of(weight)

    assert (stand_in.shape, stand_in.stride(), stand_in.device.type) == (weight.shape, weight.stride(), "cuda")
    assert stand_in.requires_grad
    assert stand_in.is_leaf


def test_tied_parameters_and_views_of_one_storage_stay_so() -> None:
    table = torch.zeros(10, 4)

    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one = self.other = nn.Parameter(table)
            self.register_buffer("view", table[:5])
            self.register_buffer("absent", None)

    module = Tied()
    StandIns(FakeTensorMode(), CPU).take_over(module)

    assert module.one is module.other
    assert module.view.shape == (5, 4)
    assert storage_bytes([module.one, module.other, module.view]) == FLOAT_BYTES * table.numel()
    assert module.absent is None


def test_a_dtype_for_all_is_that_of_numbers_alone() -> None:
    module = nn.BatchNorm2d(3)
    StandIns(FakeTensorMode(), CPU, torch.bfloat16).take_over(module)

    assert module.weight.dtype is torch.bfloat16
    assert module.num_batches_tracked.dtype is torch.int64
