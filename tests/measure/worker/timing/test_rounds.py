from __future__ import annotations

from collections.abc import Callable

import pytest
from fakes import FakeAsyncDevice, FakeClock, NotReadyError

from zoobench.devices import CpuDevice
from zoobench.measure.worker import rounds
from zoobench.measure.worker.rounds import CallPhase, Counters, take_round


class DeviceThatDoesNotWait(FakeAsyncDevice):
    """As a timer that forgets to wait sees it."""

    def wait(self) -> None:
        pass


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def device(clock: FakeClock) -> FakeAsyncDevice:
    return FakeAsyncDevice(clock)


def launching(device: FakeAsyncDevice, *kernels_s: float, launch_s: float = 0.0) -> Callable[[], None]:
    def run() -> None:
        for kernel_s in kernels_s:
            device.launch(kernel_s, launch_s=launch_s)

    return run


def test_a_call_that_only_queues_work_is_timed_to_its_end(device: FakeAsyncDevice, clock: FakeClock) -> None:
    taken = take_round([CallPhase("forward_latency", launching(device, 0.25, 0.5))], device, clock)

    assert taken.device_s == 0.75
    assert taken.host_s == 0.75


def test_without_a_wait_there_is_no_reading(clock: FakeClock) -> None:
    device = DeviceThatDoesNotWait(clock)

    with pytest.raises(NotReadyError):
        take_round([CallPhase("forward_latency", launching(device, 0.25))], device, clock)


def test_work_that_was_queued_before_is_not_timed(device: FakeAsyncDevice, clock: FakeClock) -> None:
    device.launch(8.0)

    taken = take_round([CallPhase("forward_latency", launching(device, 0.25))], device, clock)

    assert (taken.device_s, taken.host_s) == (0.25, 0.25)


def test_a_launch_bound_call_takes_the_host_longer_than_its_kernels(device: FakeAsyncDevice, clock: FakeClock) -> None:
    """The device's first mark lies before the first launch, so its timeline shows the gap between launches."""
    taken = take_round([CallPhase("forward_latency", launching(device, 0.125, 0.125, launch_s=0.5))], device, clock)

    assert taken.host_s == 0.5 + 0.5 + 0.125
    assert taken.device_s == 0.5 + 0.5 + 0.125


def test_time_that_the_host_spends_after_the_last_mark_is_the_hosts_alone(clock: FakeClock) -> None:
    class SlowToWait(FakeAsyncDevice):
        def wait(self) -> None:
            super().wait()
            self.clock.advance(2.0)

    device = SlowToWait(clock)

    taken = take_round([CallPhase("forward_latency", launching(device, 0.25))], device, clock)

    assert (taken.device_s, taken.host_s) == (0.25, 2.25)


def test_phases_are_told_apart_and_sum_to_the_whole(device: FakeAsyncDevice, clock: FakeClock) -> None:
    phases = [
        CallPhase("forward_latency", launching(device, 0.25, launch_s=0.125)),
        CallPhase("backward_latency", launching(device, 0.5)),
        CallPhase("optimizer_latency", launching(device, 0.0625)),
    ]

    taken = take_round(phases, device, clock)

    assert taken.phases_s == (0.375, 0.5, 0.0625)
    assert sum(taken.phases_s) == taken.device_s


def test_phases_queue_up_without_waits_between_them(device: FakeAsyncDevice, clock: FakeClock) -> None:
    phases = [
        CallPhase("forward_latency", launching(device, 0.25)),
        CallPhase("backward_latency", launching(device, 0.5)),
    ]

    take_round(phases, device, clock)

    assert device.waits == 2, "one wait before the call and one after it"


def test_covariates_are_what_was_added_between_the_waits(
    device: FakeAsyncDevice, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    totals = {"page_faults": 100.0, "involuntary_switches": 7.0, "cpu_s": 3.0, "run_delay_s": 2.0}
    monkeypatch.setattr(rounds, "read_counters", lambda: Counters(steal_s=None, continued=None, **totals))

    def fault() -> None:
        totals["page_faults"] += 12
        totals["cpu_s"] += 0.5

    taken = take_round([CallPhase("forward_latency", fault)], device, clock)

    counted = {"page_faults": 12.0, "involuntary_switches": 0.0, "cpu_s": 0.5, "run_delay_s": 0.0}
    assert taken.covariates == counted | {"host_lead": 0.0}


@pytest.mark.parametrize(("seconds", "launch_s", "lead"), [(0.75, 0.25, 0.75), (0.25, 0.0, 1.0), (0.0, 0.25, 0.0)])
def test_how_far_the_host_was_ahead_of_the_device(
    device: FakeAsyncDevice, clock: FakeClock, seconds: float, launch_s: float, lead: float
) -> None:
    taken = take_round([CallPhase("forward_latency", lambda: device.launch(seconds, launch_s=launch_s))], device, clock)

    assert taken.covariates["host_lead"] == lead


def test_on_a_cpu_nobody_is_ahead() -> None:
    taken = take_round([CallPhase("forward_latency", lambda: None)], CpuDevice())

    assert "host_lead" not in taken.covariates


def test_conditions_are_those_before_the_call_and_none_of_its_time(clock: FakeClock) -> None:
    class SlowToTell(FakeAsyncDevice):
        def conditions(self) -> dict[str, float]:
            self.launch(2.0)
            self.clock.advance(1.0)
            return {"celsius": 40.0 + self.waits}

    device = SlowToTell(clock)

    taken = take_round([CallPhase("forward_latency", launching(device, 0.25))], device, clock)

    assert taken.conditions == {"celsius": 40.0}
    assert (taken.device_s, taken.host_s) == (0.25, 0.25)


def test_the_cpu_is_timed_by_its_own_clock() -> None:
    clock = FakeClock()
    device = CpuDevice(clock)
    phases = [
        CallPhase("forward_latency", lambda: clock.advance(0.25)),
        CallPhase("backward_latency", lambda: clock.advance(0.5)),
    ]

    taken = take_round(phases, device, clock)

    assert (taken.device_s, taken.phases_s, taken.host_s) == (0.75, (0.25, 0.5), 0.75)
