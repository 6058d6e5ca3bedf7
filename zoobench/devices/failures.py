"""From an exception to a `Failure`: the only place that tells the kinds apart."""

from __future__ import annotations

import torch

from zoobench.cases.errors import ZoobenchError
from zoobench.records import Failure, FailureKind

BUILD = "build"
"""The step in which errors are the model's own making."""

_OUT_OF_MEMORY_TEXTS = (
    "can't allocate memory",  # DefaultCPUAllocator
    "not enough memory",  # the same on other systems
    "CUDNN_STATUS_ALLOC_FAILED",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDA error: out of memory",
)
"""What torch, cuDNN and cuBLAS say in a plain RuntimeError when memory is short."""


def failure_of(error: Exception, where: str) -> Failure:
    """How an exception in the step `where` of a case is recorded."""
    return Failure(kind=_kind(error, where), message=_first_line(error), where=where)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory was short. A shape bug is not: its messages are none of the known ones."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _OUT_OF_MEMORY_TEXTS)


def _kind(error: Exception, where: str) -> FailureKind:
    if is_out_of_memory(error):
        return FailureKind.OUT_OF_MEMORY
    return FailureKind.BUILD if where == BUILD else FailureKind.ERROR


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    if not lines:
        return type(error).__name__
    return lines[0] if isinstance(error, ZoobenchError) else f"{type(error).__name__}: {lines[0]}"
