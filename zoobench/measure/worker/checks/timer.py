"""An operation of known duration, read by the harness: a reading that is off here is off in every case.

A timer that forgets to wait for the device reads next to nothing, an error of -100 %.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from zoobench.devices import Device
from zoobench.measure.messages import Effort, Emit, example_case
from zoobench.measure.worker.checks import as_in_a_case, rounded
from zoobench.measure.worker.rounds import HOST_CLOCK, CallPhase, Clock, take_round
from zoobench.records import Measurement, MetricResult, Unavailable

# What a round reads when there is nothing to read: every latency is too long by this.


EMPTY_ROUNDS = 200
_WARM_UP_ROUNDS = 10


def examine_empty_round(device_name: str, _effort: Effort, emit: Emit) -> None:
    """Send `round_overhead`."""
    with as_in_a_case(example_case(device_name)) as device:
        emit(measure_overhead(device))


def measure_overhead(device: Device, clock: Clock = HOST_CLOCK) -> Measurement:
    """Readings of rounds of a call that does nothing."""
    phases = [CallPhase("latency", _nothing)]
    rounds = [take_round(phases, device, clock) for _ in range(_WARM_UP_ROUNDS + EMPTY_ROUNDS)]
    samples = tuple(rounded(r.device_s) for r in rounds[_WARM_UP_ROUNDS:])
    return Measurement(metric="round_overhead", samples=samples, method="rounds of a call that does nothing")


def _nothing() -> None:
    pass


# The clock that everything is timed with: its smallest step, and what a reading of it costs.


_BATCHES = 20
_READINGS = 1000
"""In a batch."""

_MOST_READINGS = 10**6
"""Until a coarse clock moves: a step of 10 ms takes this long at 10 ns a reading."""


def examine_timer(_device_name: str, _effort: Effort, emit: Emit) -> None:
    """Send `timer_resolution` and `timer_cost`."""
    emit(measure_resolution(HOST_CLOCK))
    emit(measure_cost(HOST_CLOCK))


def measure_resolution(clock: Clock) -> Measurement:
    """The smallest step that is not zero, of each batch of readings."""
    return Measurement(
        metric="timer_resolution",
        samples=tuple(_smallest_step(clock) for _ in range(_BATCHES)),
        method=f"smallest step among {_READINGS} readings, {_BATCHES} times",
    )


def measure_cost(clock: Clock) -> Measurement:
    """The time of a batch of readings, over their number."""
    return Measurement(
        metric="timer_cost",
        samples=tuple(_time_of_readings(clock) / _READINGS for _ in range(_BATCHES)),
        method=f"{_READINGS} readings, {_BATCHES} times",
        calls_per_sample=_READINGS,
    )


def _smallest_step(clock: Clock) -> float:
    """Of one step, waited for however coarse the clock is, and of those among as many readings as a batch has."""
    smallest, before = _step(clock), clock()
    for _ in range(_READINGS):
        now = clock()
        if now > before:
            smallest = min(smallest, now - before)
        before = now
    return smallest


def _step(clock: Clock) -> float:
    """From one reading to the next that differs.

    Raises: RuntimeError if the clock stands still.
    """
    before = clock()
    for _ in range(_MOST_READINGS):
        if (now := clock()) != before:
            return now - before
    raise RuntimeError(f"the clock stood still for {_MOST_READINGS} readings")


def _time_of_readings(clock: Clock) -> float:
    began = clock()
    for _ in range(_READINGS - 1):
        clock()
    return clock() - began


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


def examine_known_time(device_name: str, _effort: Effort, emit: Emit) -> None:
    """Send `known_time_error`."""
    with as_in_a_case(example_case(device_name)) as device:
        emit(measure_known_time(device))


def measure_known_time(device: Device, clock: Clock = HOST_CLOCK) -> MetricResult:
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
    read = take_round([CallPhase("latency", lambda: took_s.append(busy(seconds)))], device, clock)
    return read.device_s / took_s[0] - 1
