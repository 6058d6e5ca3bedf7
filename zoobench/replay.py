"""Hands measured rounds to pytest-benchmark, so that its table, storage and comparison work with our numbers.

pytest-benchmark reads a timer before and after each call of a function. Here the function does nothing, and the timer
tells the durations that were measured in the worker. Only public interface: the `timer` of its marker, `pedantic`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Protocol


class PedanticBenchmark(Protocol):
    """The part of pytest-benchmark's fixture used here."""

    extra_info: dict[str, object]

    def pedantic(self, target: object, *, rounds: int, iterations: int, warmup_rounds: int) -> object:
        """Call the target in rounds, each between two readings of the timer."""
        ...


class ReplayTimer:
    """A timer whose readings, taken in pairs, differ by the durations loaded into it (seconds)."""

    __name__ = "zoobench"

    def __init__(self) -> None:
        self._readings: list[float] = []

    def load(self, durations_s: Sequence[float]) -> None:
        """Set the durations that the next pairs of readings tell."""
        self._readings = [reading for duration_s in reversed(durations_s) for reading in (duration_s, 0.0)]

    def __call__(self) -> float:
        """The next reading: zero before a call, its duration after it."""
        return self._readings.pop()


def replay(benchmark: PedanticBenchmark, timer: ReplayTimer, samples_s: Sequence[float]) -> None:
    """Let pytest-benchmark take these samples as its rounds. `timer` must be the fixture's."""
    timer.load(samples_s)
    benchmark.pedantic(_nothing, rounds=len(samples_s), iterations=1, warmup_rounds=0)


def mark_failed(benchmark: PedanticBenchmark, timer: ReplayTimer) -> None:
    """Tell pytest-benchmark that this case has no rounds because it failed, or it warns of a fixture not used."""
    timer.load([0.0])
    with contextlib.suppress(_CaseFailedError):
        benchmark.pedantic(_fail, rounds=1, iterations=1, warmup_rounds=0)


class _CaseFailedError(Exception):
    """Raised where pytest-benchmark expects a failing function to raise."""


def _fail() -> None:
    raise _CaseFailedError


def _nothing() -> None:
    """What pytest-benchmark calls between two readings."""
