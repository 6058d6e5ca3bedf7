"""The clock that everything is timed with: its smallest step, and what a reading of it costs."""

from __future__ import annotations

from zoobench.doctor.effort import Effort
from zoobench.isolate import Tell
from zoobench.records import Measurement
from zoobench.timing.rounds import HOST_CLOCK, Clock

_BATCHES = 20
_READINGS = 1000
"""In a batch. A clock that stands still for all of them has steps coarser than they take."""

_MOST_READINGS = 10**6
"""Until a coarse clock moves: a step of 10 ms takes this long at 10 ns a reading."""


def examine_timer(_device_name: str, _effort: Effort, tell: Tell) -> None:
    """Tell `timer_resolution` and `timer_cost`."""
    tell(measure_resolution(HOST_CLOCK))
    tell(measure_cost(HOST_CLOCK))


def measure_resolution(clock: Clock) -> Measurement:
    """The smallest step that is not zero, of each batch of readings."""
    steps = tuple(min(_step(clock) for _ in range(_READINGS)) for _ in range(_BATCHES))
    return Measurement(
        metric="timer_resolution", samples=steps, method=f"smallest step of {_READINGS}, {_BATCHES} times"
    )


def measure_cost(clock: Clock) -> Measurement:
    """The time of a batch of readings, over their number."""
    return Measurement(
        metric="timer_cost",
        samples=tuple(_time_of_readings(clock) / _READINGS for _ in range(_BATCHES)),
        method=f"{_READINGS} readings, {_BATCHES} times",
        calls_per_sample=_READINGS,
    )


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
