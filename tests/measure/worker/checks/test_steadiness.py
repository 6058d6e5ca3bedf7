from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import msgspec
import psutil
import pytest
from fakes import FakeAsyncDevice
from timed_devices import BusyDevice

from zoobench.measure.messages import QUICK
from zoobench.measure.worker.checks import steadiness
from zoobench.measure.worker.checks.known_work import PRODUCT
from zoobench.measure.worker.checks.steadiness import (
    PIECE_S,
    ProcessorTime,
    examine_steadiness,
    measure_pace,
    read_steal,
    steal_between,
)
from zoobench.records import Measurement, Unavailable
from zoobench.stats import calibration
from zoobench.stats.calibration import judge_drift, judge_pace

CALL_S = 2.0**-9


def working(device: FakeAsyncDevice, times_s: Callable[[], float]) -> Callable[[], None]:
    return lambda: device.launch(times_s())


def test_the_same_work_at_the_same_pace_is_steady() -> None:
    device = BusyDevice()

    measured = measure_pace(working(device, lambda: CALL_S), device, 1.0, device.clock)

    assert set(measured.samples) == {round(CALL_S, 9)}
    assert measured.calls_per_sample == round(PIECE_S / CALL_S) == 5
    assert (calibration.pace_ratio(measured), calibration.slow_share(measured), calibration.drift(measured)) == (
        0,
        0,
        0,
    )


def test_the_work_is_the_product_that_lasts_on_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU the one that a processor is busy with would be over before the next is launched."""
    asked: list[object] = []
    monkeypatch.setattr(steadiness, "lasting_product", lambda _: PRODUCT.scaled(3))
    monkeypatch.setattr(steadiness, "product_call", lambda *arguments: asked.append(arguments[1:]) or (lambda: None))

    examine_steadiness("cpu", msgspec.structs.replace(QUICK, pace_s=0.0), lambda _: None)

    assert asked == [(PRODUCT.scaled(3),)]


def test_pieces_fill_the_time_that_was_given() -> None:
    device = BusyDevice()

    measured = measure_pace(working(device, lambda: 0.125), device, 2.0, device.clock)

    assert measured.calls_per_sample == 1, "a call longer than a piece is a piece"
    assert len(measured.samples) == 16


def test_a_clock_that_follows_the_heat_drifts() -> None:
    device = BusyDevice()
    calls = itertools.count()

    measured = measure_pace(working(device, lambda: 0.125 * (1 + next(calls) / 100)), device, 4.0, device.clock)

    assert [finding.code for finding in judge_drift(measured)] == ["drifting"]
    assert calibration.drift(measured) > 0


def test_a_machine_that_is_mostly_slow_is_said_to_be() -> None:
    device = BusyDevice()
    times_s = itertools.cycle([0.125, 0.25, 0.25])

    measured = measure_pace(working(device, lambda: next(times_s)), device, 6.0, device.clock)

    assert calibration.pace_ratio(measured) == 1.0
    assert [finding.code for finding in judge_pace(measured)] == ["slow-pace"]


def test_work_that_takes_no_time_at_all_ends_too() -> None:
    device = BusyDevice()

    assert set(measure_pace(lambda: None, device, 0.0, device.clock).samples) == {0.0}


# Steal


def test_steal_is_a_share_of_the_time_between_two_readings() -> None:
    result = steal_between(ProcessorTime((1.0, 100.0)), ProcessorTime((2.0, 108.0)))

    assert isinstance(result, Measurement)
    assert result.samples == (0.125,)


def test_a_counter_that_steps_back_is_no_negative_share() -> None:
    result = steal_between(ProcessorTime((2.0, 100.0)), ProcessorTime((1.0, 108.0)))

    assert isinstance(result, Measurement)
    assert result.samples == (0.0,)


def test_no_time_between_two_readings_is_no_share() -> None:
    assert isinstance(steal_between(ProcessorTime((1.0, 100.0)), ProcessorTime((1.0, 100.0))), Unavailable)


def test_without_proc_there_is_no_steal(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))

    result = steal_between(read_steal(), read_steal())

    reason = "processor times cannot be read: No such file or directory"
    assert result == Unavailable(metric="steal", reason=reason)


def test_a_system_that_knows_no_steal_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    class Times:
        user, system, idle = 1.0, 1.0, 1.0

    monkeypatch.setattr(psutil, "cpu_times", Times)

    assert read_steal() == "this system does not tell what a hypervisor takes"


class LinuxTimes(NamedTuple):
    """As psutil's `cpu_times` on Linux, in part."""

    user: float = 50.0
    nice: float = 20.0
    idle: float = 100.0
    steal: float = 7.0
    guest: float = 30.0
    guest_nice: float = 10.0


def test_guests_are_not_counted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their time is in that of user and nice already (proc(5))."""
    monkeypatch.setattr(psutil, "cpu_times", LinuxTimes)

    assert read_steal() == ProcessorTime((7.0, 50.0 + 20.0 + 100.0 + 7.0))
