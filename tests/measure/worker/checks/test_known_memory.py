from __future__ import annotations

import torch
from fakes import FakeAsyncDevice
from synthetic import make_case

from zoobench.devices import Call, CpuDevice, PeakMemory
from zoobench.measure.worker.checks.memory import SIZES_BYTES, measure_known_memory
from zoobench.stats.calibration import judge_known_bytes


def test_the_cpus_measure_is_exact() -> None:
    measured = measure_known_memory(CpuDevice())

    assert measured.samples == (0.0,) * len(SIZES_BYTES)
    assert list(judge_known_bytes(measured)) == []


def test_a_caching_allocators_measure_is_exact_too() -> None:
    device = FakeAsyncDevice()

    with device.settings(make_case("lenet5")):
        assert set(measure_known_memory(device).samples) == {0.0}


def test_a_device_that_misses_what_is_freed_in_the_call_is_caught() -> None:
    class Late(CpuDevice):
        def measure_peak_memory(self, call: Call) -> PeakMemory:
            call()
            return PeakMemory(growth_bytes=0, method="looked at when all is over")

    measured = measure_known_memory(Late())

    assert set(measured.samples) == {-1.0}
    assert [finding.code for finding in judge_known_bytes(measured)] == ["wrong-memory"]


def test_no_memory_is_left_behind() -> None:
    """Only what is asked for is allocated, and it is not touched: a check must not fill the machine."""
    peak = CpuDevice().measure_peak_memory(lambda: torch.empty(SIZES_BYTES[-1], dtype=torch.uint8))

    assert peak.growth_bytes == max(SIZES_BYTES)
