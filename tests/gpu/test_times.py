"""The three times against what is known: cycles that a kernel was told to take, and their order."""

from __future__ import annotations

import statistics
import time
from typing import Any

import pytest
import torch

from zoobench.cases import Mode, Precision
from zoobench.devices import CudaDevice
from zoobench.devices.device import interval_s
from zoobench.records import Failure, Measurement

pytestmark = pytest.mark.gpu

CYCLES = 20_000_000
"""About 10 ms."""

TOLERANCE = 1.1

LARGE_BATCH = 256
"""Kernels of tens of milliseconds, on the largest GPUs too."""


def sleep_s(device: CudaDevice, cycles: int) -> float:
    """The shortest of some: clocks rise while the GPU works."""
    torch.cuda._sleep(cycles)
    return min(interval_s(device, lambda: torch.cuda._sleep(cycles), 1) for _ in range(10))


def test_twice_the_cycles_take_twice_the_time(device: CudaDevice) -> None:
    assert sleep_s(device, 2 * CYCLES) / sleep_s(device, CYCLES) == pytest.approx(2.0, rel=0.05)


def test_cycles_are_timed_at_a_clock_that_the_gpu_can_have(device: CudaDevice) -> None:
    pynvml = pytest.importorskip("pynvml")
    if "sm_clock_hz" not in device.conditions():
        pytest.skip(device.why_no_conditions())
    handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(0).uuid}")
    highest_hz = pynvml.nvmlDeviceGetMaxClockInfo(handle, pynvml.NVML_CLOCK_SM) * 1e6

    rate_hz = CYCLES / sleep_s(device, CYCLES)

    assert 0.2 * highest_hz < rate_hz < 1.05 * highest_hz


def test_launching_does_not_wait_and_waiting_does(device: CudaDevice) -> None:
    device.wait()
    began = time.perf_counter()
    torch.cuda._sleep(10 * CYCLES)
    launched_s = time.perf_counter() - began
    device.wait()

    assert launched_s < (time.perf_counter() - began) / 4


def test_calls_back_to_back_take_what_their_kernels_take(device: CudaDevice) -> None:
    kernel_s = sleep_s(device, CYCLES)

    assert interval_s(device, lambda: torch.cuda._sleep(CYCLES), 20) == pytest.approx(kernel_s, rel=0.05)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("precision", [Precision.FP32, Precision.AMP_FP16])
@pytest.mark.parametrize("batch", [1, LARGE_BATCH])
def test_device_time_is_at_most_the_interval_and_that_at_most_the_latency(
    measured: Any, mode: Mode, precision: Precision, batch: int
) -> None:
    """The second where the device is what takes the time: a host that launches slowly has its own ups and downs."""
    told = measured(mode=mode, precision=precision, batch=batch)

    assert [part for part in told if isinstance(part, Failure)] == []
    times = {part.metric: statistics.median(part.samples) for part in told if isinstance(part, Measurement)}
    assert times["device_time"] <= TOLERANCE * times["interval"]
    if batch == LARGE_BATCH:
        assert times["interval"] <= TOLERANCE * times["latency"]
    assert times["latency"] <= TOLERANCE * times["host_latency"]
