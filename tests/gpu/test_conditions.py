"""What NVML tells is plausible, or there is a reason."""

from __future__ import annotations

import time

import pytest

from zoobench.devices import REFERENCE, CudaDevice
from zoobench.devices.nvml import SLOWING_REASONS

pytestmark = pytest.mark.gpu

NAMES = ("sm_clock_hz", "memory_clock_hz", "temperature_c", "power_w", "throttle_reasons", "other_processes")

PLAUSIBLE = {
    "sm_clock_hz": (1e8, 5e9),
    "memory_clock_hz": (1e8, 2e10),
    "temperature_c": (1, 120),
    "power_w": (1, 3000),
    "throttled": (0, 1),
    "other_processes": (0, 1000),
    REFERENCE: (1e-6, 1),
}


def test_every_condition_is_there_or_has_a_reason(device: CudaDevice) -> None:
    found, missing = device.conditions(), device.why_no_conditions()

    for name in NAMES:
        assert name in found or name in missing


def test_conditions_are_plausible(device: CudaDevice) -> None:
    for name, value in device.conditions().items():
        lowest, highest = PLAUSIBLE.get(name, (0, 2**32))
        assert lowest <= value <= highest, name


def test_throttled_is_what_the_reasons_say(device: CudaDevice) -> None:
    found = device.conditions()
    if "throttle_reasons" not in found:
        pytest.skip(device.why_no_conditions())

    assert found["throttled"] == any(int(found["throttle_reasons"]) & bit for bit in SLOWING_REASONS)


def test_asking_again_at_once_is_free(device: CudaDevice) -> None:
    first = device.conditions()
    began = time.perf_counter()
    for _ in range(100):
        assert device.conditions() == first or time.perf_counter() - began > 0.01
