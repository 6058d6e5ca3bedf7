"""An operation of known duration, read by the harness: a reading that is off here is off in every case.

A timer that forgets to wait for the device reads next to nothing, an error of -100 %.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from zoobench.devices import Device, Result
from zoobench.doctor.effort import Effort
from zoobench.doctor.example import example_case
from zoobench.doctor.surroundings import as_in_a_case
from zoobench.isolate import Tell
from zoobench.records import Measurement, Unavailable
from zoobench.timing.rounds import HOST_CLOCK, Clock, Phase, take_round

METRIC = "known_time_error"

DURATIONS_S = (2.0**-8, 2.0**-6, 2.0**-4)
"""About 4, 16 and 64 ms: an error that is the same in each is the clock's, one that shrinks is a round's. All are long
beside launching work on a GPU, which is in every round and takes 50 µs on some."""

ROUNDS = 10

Busy = Callable[[float], float]
"""Starts work that takes about so many seconds; how many it takes exactly, by another clock than the harness's."""


@runtime_checkable
class KeepsBusy(Protocol):
    """A device that works behind the host's back and can be given work of known duration."""

    def keep_busy(self, seconds: float) -> float:
        """Queue such work and return at once; how long the device will be at it."""
        ...


def examine_known_time(device_name: str, _effort: Effort, tell: Tell) -> None:
    """Tell `known_time_error`."""
    with as_in_a_case(example_case(device_name)) as device:
        tell(measure_known_time(device))


def measure_known_time(device: Device, clock: Clock = HOST_CLOCK) -> Result:
    """The reading over the true duration, less 1: for each duration a few times."""
    busy = busy_work(device)
    if busy is None:
        return Unavailable(metric=METRIC, reason=f"no work of known duration is known for {device.name} here")
    _error(busy, DURATIONS_S[0], device, clock)  # the first finds out how to be busy for so long
    errors = [_error(busy, seconds, device, clock) for _ in range(ROUNDS) for seconds in DURATIONS_S]
    durations = ", ".join(f"{1e3 * seconds:.0f}" for seconds in DURATIONS_S)
    return Measurement(
        metric=METRIC,
        samples=tuple(round(error, 9) for error in errors),
        method=f"work of {durations} ms in turn, {ROUNDS} times, by a clock of its own",
    )


def busy_work(device: Device) -> Busy | None:
    """How to keep the device busy; None if that is not known, or this system has no second clock."""
    if isinstance(device, KeepsBusy):
        return device.keep_busy
    if device.has_own_timeline() or not hasattr(time, "CLOCK_MONOTONIC_RAW"):
        return None
    return spin


def raw_clock() -> float:
    """Seconds of the hardware's counter, which nobody adjusts (clock_gettime(2)); the harness's clock is adjusted."""
    return time.clock_gettime(time.CLOCK_MONOTONIC_RAW)


def spin(seconds: float, clock: Clock = raw_clock) -> float:
    """Keep this thread busy for that long; how long it took."""
    began = clock()
    while (took_s := clock() - began) < seconds:
        pass
    return took_s


def _error(busy: Busy, seconds: float, device: Device, clock: Clock) -> float:
    took_s: list[float] = []
    read = take_round([Phase("latency", lambda: took_s.append(busy(seconds)))], device, clock)
    return read.device_s / took_s[0] - 1
