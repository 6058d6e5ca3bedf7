"""Memory against allocations of known size, of whole segments: the allocator splits none of these (10 MiB and more)."""

from __future__ import annotations

import pytest
import torch

from zoobench.devices import CudaDevice
from zoobench.records import Measurement

pytestmark = pytest.mark.gpu

SIZE_BYTES = 64 * 2**20


def allocate() -> torch.Tensor:
    return torch.empty(SIZE_BYTES, dtype=torch.uint8, device="cuda")


def test_the_peak_of_a_known_allocation_is_exact(device: CudaDevice) -> None:
    assert device.measure_peak_memory(allocate).growth_bytes == SIZE_BYTES


def test_what_lives_at_the_same_time_adds_up_and_what_does_not_does_not(device: CudaDevice) -> None:
    def together() -> None:
        both = allocate(), allocate()
        del both

    def one_by_one() -> None:
        for _ in range(2):
            allocate()

    assert device.measure_peak_memory(together).growth_bytes == 2 * SIZE_BYTES
    assert device.measure_peak_memory(one_by_one).growth_bytes == SIZE_BYTES


def test_what_was_there_before_is_not_in_the_peak(device: CudaDevice) -> None:
    held = allocate()

    assert device.measure_peak_memory(allocate).growth_bytes == SIZE_BYTES
    del held


def test_at_least_what_is_allocated_is_reserved(device: CudaDevice) -> None:
    device.measure_peak_memory(allocate)

    reserved, process = device.measure_other_memory()

    assert isinstance(reserved, Measurement)
    assert reserved.samples[0] >= SIZE_BYTES
    if isinstance(process, Measurement):
        assert process.samples[0] >= SIZE_BYTES
    else:
        assert process.reason


def test_free_memory_is_what_can_be_had(device: CudaDevice) -> None:
    """With a margin, since others may use the GPU too."""
    device.wait()
    before_bytes = device.free_memory_bytes()
    held = allocate()
    after_bytes = device.free_memory_bytes()

    assert before_bytes is not None
    assert after_bytes is not None
    assert before_bytes - after_bytes == pytest.approx(SIZE_BYTES, rel=0.5)
    assert before_bytes <= torch.cuda.get_device_properties(0).total_memory
    del held
