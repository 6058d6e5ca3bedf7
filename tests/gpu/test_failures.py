"""Out of memory is that, a bug is not, and the next case works."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from zoobench.cases import Mode
from zoobench.records import Failure, FailureKind, Measurement

pytestmark = pytest.mark.gpu

MODEST_BYTES = 512 * 2**20


@pytest.fixture
def little_memory() -> Iterator[None]:
    """The allocator may have so much and no more."""
    gc.collect()
    total_bytes = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(MODEST_BYTES / total_bytes)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)


def failures_of(told: list[Any]) -> list[Failure]:
    return [part for part in told if isinstance(part, Failure)]


def test_out_of_memory_is_a_failure_of_that_kind_and_the_next_case_works(little_memory: None, measured: Any) -> None:
    [failure] = failures_of(measured(batch=128, mode=Mode.TRAIN))
    assert failure.kind is FailureKind.OUT_OF_MEMORY

    gc.collect()
    told = measured(batch=1)

    assert failures_of(told) == []
    assert any(isinstance(part, Measurement) and part.metric == "latency" for part in told)


def test_a_bug_is_not_out_of_memory(measured: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "zoobench.measure.worker.workload.example_images", lambda *_, **__: torch.ones(1, 4, 64, 64, device="cuda")
    )

    [failure] = failures_of(measured())

    assert failure.kind is FailureKind.ERROR
    assert "expected input[1, 4, 64, 64] to have 3 channels" in failure.message
