from __future__ import annotations

import statistics
import time

import pytest
from fakes import FakeAsyncDevice, FakeClock
from timed_devices import BusyDevice, DeafDevice, ForgetfulDevice

from zoobench.devices import CpuDevice
from zoobench.measure.worker.checks import timer
from zoobench.measure.worker.checks.timer import DURATIONS_S, ROUNDS, busy_work, measure_known_time, spin
from zoobench.records import Measurement, Unavailable
from zoobench.stats.calibration import judge_known_time


def verdict(result: object) -> list[str]:
    assert isinstance(result, Measurement)
    return [finding.code for finding in judge_known_time(result)]


def test_a_call_that_takes_exactly_so_long_is_read_so() -> None:
    device = BusyDevice()

    result = measure_known_time(device, device.clock)

    assert isinstance(result, Measurement)
    assert result.samples == (0.0,) * (ROUNDS * len(DURATIONS_S))
    assert verdict(result) == []


def test_a_device_whose_clock_runs_slow_is_read_wrong_by_that() -> None:
    """Its work takes a quarter longer than its own clock, the one that is believed, says."""
    device = BusyDevice(truth=1.25)

    result = measure_known_time(device, device.clock)

    assert isinstance(result, Measurement)
    assert set(result.samples) == {0.25}
    assert verdict(result) == ["wrong-time"]


def test_finding_out_how_to_be_busy_is_in_no_reading() -> None:
    """On a GPU the first work of known duration is preceded by some that finds the rate of its clock."""

    class Calibrating(BusyDevice):
        is_calibrated = False

        def keep_busy(self, seconds: float) -> float:
            if not self.is_calibrated:
                self.launch(1.0)
                self.is_calibrated = True
            return super().keep_busy(seconds)

    device = Calibrating()

    result = measure_known_time(device, device.clock)

    assert isinstance(result, Measurement)
    assert set(result.samples) == {0.0}


def test_it_is_the_reading_of_the_device_that_is_checked_where_it_has_one() -> None:
    """The host is late to notice the end, which is no error of the device's own marks."""

    class SlowToWait(BusyDevice):
        def wait(self) -> None:
            super().wait()
            self.clock.advance(2.0)

    device = SlowToWait()

    assert verdict(measure_known_time(device, device.clock)) == []


def test_a_harness_that_forgets_to_wait_is_caught() -> None:
    """It reads the host's clock before the device has done anything: the whole duration is missing."""
    device = ForgetfulDevice()

    result = measure_known_time(device, device.clock)

    assert isinstance(result, Measurement)
    assert set(result.samples) == {-1.0}
    assert verdict(result) == ["wrong-time"]


def test_a_device_that_cannot_be_kept_busy_is_not_checked() -> None:
    device = DeafDevice()

    result = measure_known_time(device, device.clock)

    assert result == Unavailable(metric="known_time_error", reason="no work of known duration is known for fake here")


def test_the_host_spins_until_the_time_is_over_and_says_how_long_it_took() -> None:
    clock = FakeClock()

    def reading() -> float:
        clock.advance(0.375)
        return clock()

    assert spin(1.0, reading) == 1.125


def test_without_a_second_clock_there_is_nothing_to_hold_the_first_against(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(timer.time, "CLOCK_MONOTONIC_RAW", raising=False)

    assert busy_work(CpuDevice()) is None
    assert isinstance(measure_known_time(CpuDevice()), Unavailable)


@pytest.mark.skipif(not hasattr(time, "CLOCK_MONOTONIC_RAW"), reason="this system has no second clock")
def test_this_machine_reads_no_less_than_there_is() -> None:
    """A busy machine may read more, never less, but for what the clocks are apart: 500 ppm at most (adjtimex(2))."""
    result = measure_known_time(CpuDevice())

    assert isinstance(result, Measurement)
    assert min(result.samples) > -0.001
    assert statistics.median(result.samples) < 0.5


def test_a_fake_that_is_only_a_fake_is_not_busy() -> None:
    assert busy_work(FakeAsyncDevice()) is None
