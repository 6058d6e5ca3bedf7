from __future__ import annotations

from collections.abc import Callable

import pytest
from fakes import FakeAsyncDevice
from synthetic import make_case
from torch import nn

from zoobench.cases import Budget
from zoobench.devices import REFERENCE, CpuDevice, Device
from zoobench.measure.worker.probes.probe import ProbeState
from zoobench.measure.worker.probes.throughput import measure_interval
from zoobench.measure.worker.rounds import CallPhase, take_round
from zoobench.measure.worker.workload import Workload
from zoobench.records import Measurement, Unavailable
from zoobench.stats.interference import HOST_LEAD, PACE

CASE = make_case("lenet5", device="fake", threads=1)
BUDGET = Budget(max_s=8.0)


class Launching:
    """A call of one phase."""

    is_capturable = True

    def __init__(self, run: Callable[[], object]) -> None:
        self.phases = (CallPhase("forward_latency", run),)


def subject_of(device: Device, run: Callable[[], object]) -> Workload:
    return Workload(case=CASE, device=device, module=nn.Module(), images=None, model_call=Launching(run), build_s=0.0)  # type: ignore[arg-type]


def measure(workload: Workload, progress: ProbeState, budget: Budget = BUDGET) -> object:
    (result,) = measure_interval(workload, budget, progress)
    return result


@pytest.fixture
def device() -> FakeAsyncDevice:
    return FakeAsyncDevice()


def test_an_interval_is_what_a_busy_device_needs_and_latency_what_an_idle_one_does(device: FakeAsyncDevice) -> None:
    workload = subject_of(device, lambda: device.launch(0.25, launch_s=0.125))
    latency_s = take_round(workload.model_call.phases, device, device.clock).device_s

    result = measure(workload, ProbeState(call_s=0.001))

    assert isinstance(result, Measurement)
    assert latency_s == 0.375
    assert result.samples == (0.2525,) * 10, "0.125 s of launching once in 50 calls"
    assert result.calls_per_sample == 50
    assert result.method == "device events around 50 calls back to back, one wait at the end"


def test_the_device_is_waited_for_only_around_a_sample(device: FakeAsyncDevice) -> None:
    measure(subject_of(device, lambda: device.launch(0.25)), ProbeState(call_s=0.01))

    assert device.waits == 2 * 10


@pytest.mark.parametrize(("call_s", "calls"), [(1e-6, 100), (0.01, 5), (1.0, 2)])
def test_a_sample_is_long_against_the_clocks_resolution_and_not_longer(
    device: FakeAsyncDevice, call_s: float, calls: int
) -> None:
    result = measure(subject_of(device, lambda: device.launch(call_s)), ProbeState(call_s=call_s))

    assert isinstance(result, Measurement)
    assert result.calls_per_sample == calls


def test_a_quarter_of_the_budget_bounds_it(device: FakeAsyncDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Samples of two calls take 1 s: three fit the 3 s, a fourth does not."""
    monkeypatch.setattr("zoobench.measure.worker.probes.throughput.time.perf_counter", device.clock)
    progress = ProbeState(call_s=0.5, in_calls_s=1.0)

    result = measure(subject_of(device, lambda: device.launch(0.5)), progress, Budget(max_s=12.0))

    assert isinstance(result, Measurement)
    assert result.samples == (0.5,) * 3
    assert progress.in_calls_s == 1.0 + 3 * 2 * 0.5


def test_one_sample_is_always_taken_of_calls_that_the_budget_allows(
    device: FakeAsyncDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoobench.measure.worker.probes.throughput.time.perf_counter", device.clock)

    result = measure(subject_of(device, lambda: device.launch(4.0)), ProbeState(call_s=4.0))

    assert isinstance(result, Measurement)
    assert result.samples == (4.0,)


def test_two_calls_longer_than_the_budget_are_not_made(device: FakeAsyncDevice) -> None:
    result = measure(subject_of(device, lambda: device.launch(5.0)), ProbeState(call_s=5.0))

    reason = "a call takes 5.0 s, two in a row more than the budget of 8 s"
    assert result == Unavailable(metric="interval", reason=reason)
    assert device.waits == 0


def test_on_a_cpu_it_would_be_the_latency() -> None:
    calls: list[int] = []

    result = measure(subject_of(CpuDevice(), lambda: calls.append(1)), ProbeState(call_s=0.01))

    assert result == Unavailable(metric="interval", reason="a call on a CPU ends when it returns: see latency")
    assert calls == []


class Losing(FakeAsyncDevice):
    """A device that stops telling its temperature after five samples."""

    told = 0

    def conditions(self) -> dict[str, float]:
        self.told += 1
        return {"sm_clock_hz": 1e9 + self.told} | ({"temperature_c": 60.0} if self.told <= 5 else {})


def test_a_condition_that_went_missing_is_dropped_as_a_whole() -> None:
    device = Losing()

    result = measure(subject_of(device, lambda: device.launch(0.25)), ProbeState(call_s=0.01))

    assert isinstance(result, Measurement)
    assert result.covariates["sm_clock_hz"] == tuple(1e9 + 2 * sample for sample in range(1, 11)), "after each"
    assert set(result.covariates) == {"sm_clock_hz", HOST_LEAD}


class Slowing(FakeAsyncDevice):
    """Whose host has another pace from the fourth reading on: after the second sample."""

    readings = 0

    def conditions(self) -> dict[str, float]:
        self.readings += 1
        return {REFERENCE: 1.0 if self.readings < 4 else 1.5}


@pytest.mark.parametrize(("seconds", "launch_s", "host_lead"), [(0.25, 0.0, 1.0), (0.5, 0.25, 0.6), (0.0, 0.25, 0.0)])
def test_a_sample_has_the_pace_of_its_host_and_how_far_that_was_ahead(
    monkeypatch: pytest.MonkeyPatch, seconds: float, launch_s: float, host_lead: float
) -> None:
    """Of 1.25 s for two calls, 0.75 s are left when both were launched."""
    device = Slowing()
    monkeypatch.setattr("zoobench.measure.worker.probes.throughput.time.perf_counter", device.clock)
    call = subject_of(device, lambda: device.launch(seconds, launch_s=launch_s))

    result = measure(call, ProbeState(call_s=1.0, known_reference_s=1.0), Budget(max_s=80.0))

    assert isinstance(result, Measurement)
    assert result.covariates[PACE] == (1.0, *[1.5] * 9)
    assert set(result.covariates[HOST_LEAD]) == {host_lead}
