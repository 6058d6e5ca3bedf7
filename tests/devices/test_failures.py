from __future__ import annotations

import pytest
import torch
from torch import nn

from zoobench.cases import BadInputError
from zoobench.devices.device import BUILD, failure_of, is_out_of_memory
from zoobench.records import Failure, FailureKind

MORE_THAN_THERE_IS = 2**60


def raised_by_cpu_allocator() -> RuntimeError:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(MORE_THAN_THERE_IS, dtype=torch.uint8)
    return caught.value


def raised_by_wrong_shapes() -> RuntimeError:
    with pytest.raises(RuntimeError) as caught:
        nn.Linear(3, 4)(torch.zeros(1, 5))
    return caught.value


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 1 GiB"),
        MemoryError(),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"),
    ],
    ids=lambda error: str(error)[:30],
)
def test_out_of_memory_is_recognised_by_its_type_or_message(error: Exception) -> None:
    assert is_out_of_memory(error)
    assert failure_of(error, "latency").kind is FailureKind.OUT_OF_MEMORY


def test_the_cpu_allocators_own_message_is_recognised() -> None:
    failure = failure_of(raised_by_cpu_allocator(), "latency")

    assert failure.kind is FailureKind.OUT_OF_MEMORY
    assert "can't allocate memory" in failure.message
    assert str(MORE_THAN_THERE_IS) in failure.message


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED"),
        RuntimeError("CUDA error: an illegal memory access was encountered"),
        ValueError("can't allocate memory"),
        KeyError("memory"),
    ],
    ids=str,
)
def test_other_errors_are_not_short_memory(error: Exception) -> None:
    assert failure_of(error, "latency").kind is FailureKind.ERROR


def test_a_shape_bug_is_an_error_and_not_short_memory() -> None:
    failure = failure_of(raised_by_wrong_shapes(), "latency")

    assert failure.kind is FailureKind.ERROR
    assert failure.message.startswith("RuntimeError: mat1 and mat2 shapes cannot be multiplied")


def test_what_goes_wrong_while_building_is_the_models_own_making() -> None:
    assert failure_of(ValueError("no such width"), BUILD).kind is FailureKind.BUILD
    assert failure_of(raised_by_cpu_allocator(), BUILD).kind is FailureKind.OUT_OF_MEMORY


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("first line\nsecond line"), "ValueError: first line"),
        (ValueError("\n  padded\n"), "ValueError: padded"),
        (ValueError(), "ValueError"),
        (BadInputError("image size 3 is too small"), "image size 3 is too small"),
        (BadInputError(""), "BadInputError"),
    ],
)
def test_the_message_is_one_line(error: Exception, message: str) -> None:
    assert failure_of(error, "memory") == Failure(kind=FailureKind.ERROR, message=message, where="memory")
