"""The clock that everything is timed with: its smallest step, and what a reading of it costs."""

from __future__ import annotations

from zoobench.doctor.effort import Effort
from zoobench.isolate import Tell
from zoobench.records import Measurement
from zoobench.timing.rounds import HOST_CLOCK, Clock

_BATCHES = 20
_READINGS = 1000
"""In a batch."""

_MOST_READINGS = 10**6
"""Until a coarse clock moves: a step of 10 ms takes this long at 10 ns a reading."""


def examine_timer(_device_name: str, _effort: Effort, tell: Tell) -> None:
    """Tell `timer_resolution` and `timer_cost`."""
    tell(measure_resolution(HOST_CLOCK))
    tell(measure_cost(HOST_CLOCK))


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
