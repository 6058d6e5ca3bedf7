from __future__ import annotations

import pytest
import torch

from zoobench.cases import Allocator
from zoobench.devices import CpuDevice, host_memory

pytestmark = pytest.mark.skipif(host_memory.in_use_bytes() is None, reason="the C library does not report it")

SMALL_BYTES = 2**23
LARGE_BYTES = 2**26
SLACK_BYTES = 2**20
"""Tolerance for what the interpreter allocates and frees meanwhile."""


@pytest.mark.parametrize("kind", Allocator)
@pytest.mark.parametrize("size_bytes", [SMALL_BYTES, LARGE_BYTES])
def test_what_a_tensor_holds_is_allocated_until_it_is_freed(kind: Allocator, size_bytes: int) -> None:
    device = CpuDevice()
    with host_memory.allocator(kind):
        before = device.allocated_bytes()
        tensor = torch.empty(size_bytes, dtype=torch.uint8)
        within = device.allocated_bytes()
        del tensor
        after = device.allocated_bytes()

    assert before is not None
    assert within is not None
    assert after is not None
    assert within - before == pytest.approx(size_bytes, abs=SLACK_BYTES)
    assert after - before == pytest.approx(0, abs=SLACK_BYTES)


def test_a_c_library_without_mallinfo2_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_memory, "can_retain", lambda: False)

    assert CpuDevice().allocated_bytes() is None
    assert host_memory.read_allocator() == "unknown"
