from __future__ import annotations

import msgspec
import pytest
import torch
from fakes import BLOCK_BYTES, FakeAsyncDevice
from synthetic import make_case

from zoobench.cases import Budget, Mode
from zoobench.devices import CpuDevice, PeakMemory
from zoobench.measure.worker.probes.memory import MEMORY_PROBE, measure_memory
from zoobench.measure.worker.probes.probe import ProbeState
from zoobench.measure.worker.workload import Workload, build_workload
from zoobench.records import Measurement, Unavailable

FLOAT_BYTES = 4
CASE = make_case("lenet5", batch=2, threads=1)
WEIGHTS_BYTES = 61_706 * FLOAT_BYTES
PICTURES_BYTES = 2 * 32 * 32 * FLOAT_BYTES
TARGETS_BYTES = 2 * 8


def measure(workload: Workload, progress: ProbeState | None = None) -> dict[str, Measurement | Unavailable]:
    parts = list(measure_memory(workload, Budget(max_s=8.0), progress or ProbeState()))
    assert [part.metric for part in parts] == list(MEMORY_PROBE.metrics)
    return {part.metric: part for part in parts}


def bytes_of(part: Measurement | Unavailable) -> float:
    assert isinstance(part, Measurement)
    [size_bytes] = part.samples
    return size_bytes


class GrowingCpu(CpuDevice):
    """A device whose calls all grow the memory by so much."""

    def measure_peak_memory(self, call: object) -> PeakMemory:
        return PeakMemory(growth_bytes=1000, method="known")


def test_the_peak_is_what_is_held_and_the_growth_of_a_call() -> None:
    results = measure(build_workload(CASE, GrowingCpu()))

    assert bytes_of(results["peak_allocated"]) == WEIGHTS_BYTES + PICTURES_BYTES + 1000
    assert bytes_of(results["peak_above_weights"]) == PICTURES_BYTES + 1000
    assert results["peak_allocated"].method == "known"


def test_training_holds_momenta_and_targets_too() -> None:
    workload = build_workload(msgspec.structs.replace(CASE, mode=Mode.TRAIN), GrowingCpu())
    workload.call()

    results = measure(workload)

    above = WEIGHTS_BYTES + PICTURES_BYTES + TARGETS_BYTES + 1000
    assert bytes_of(results["peak_above_weights"]) == above
    assert bytes_of(results["peak_allocated"]) == WEIGHTS_BYTES + above


def test_a_training_step_needs_its_gradients_on_top() -> None:
    workload = build_workload(msgspec.structs.replace(CASE, mode=Mode.TRAIN), CpuDevice())
    workload.call()

    peak = bytes_of(measure(workload)["peak_allocated"])

    assert peak >= 3 * WEIGHTS_BYTES, "weights, momenta, gradients"


def test_the_call_on_a_device_is_waited_for_and_its_time_is_counted() -> None:
    device = FakeAsyncDevice()
    with device.settings(CASE):
        workload = build_workload(CASE, device)
        progress = ProbeState()
        results = measure(workload, progress)

    assert progress.in_calls_s > 0
    assert bytes_of(results["peak_reserved"]) >= device.allocator.current_bytes
    assert isinstance(results["process_memory"], Unavailable)


def test_the_peak_on_a_device_is_that_of_its_allocator() -> None:
    """LeNet-5's first feature maps, scaled ones and their hyperbolic tangent live at the same time."""
    device = FakeAsyncDevice()
    with device.settings(CASE):
        workload = build_workload(CASE, device)
        workload.call()
        at_rest_bytes = device.allocator.current_bytes
        results = measure(workload)

    growth_bytes = bytes_of(results["peak_allocated"]) - workload.held_bytes()
    map_bytes = 2 * 6 * 28 * 28 * FLOAT_BYTES
    assert growth_bytes == 3 * (-(-map_bytes // BLOCK_BYTES) * BLOCK_BYTES)
    assert device.allocator.current_bytes == at_rest_bytes


def test_out_of_memory_in_the_call_is_not_swallowed() -> None:
    device = FakeAsyncDevice()
    with device.settings(CASE):
        workload = build_workload(CASE, device)
        device.allocator.capacity_bytes = device.allocator.current_bytes
        with pytest.raises(torch.OutOfMemoryError):
            measure(workload)


def test_no_further_call_is_made_where_one_takes_longer_than_the_budget() -> None:
    class Refusing(CpuDevice):
        def measure_peak_memory(self, call: object) -> PeakMemory:
            raise AssertionError("no call fits the budget")

    results = measure(build_workload(CASE, Refusing()), ProbeState(call_s=8.5))

    reason = "a call takes 8.5 s, more than the budget of 8 s"
    assert results["peak_allocated"] == Unavailable(metric="peak_allocated", reason=reason)
    assert results["peak_above_weights"] == Unavailable(metric="peak_above_weights", reason=reason)
    assert isinstance(results["process_memory"], Measurement)
