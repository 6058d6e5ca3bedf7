from __future__ import annotations

import math
import time

import pytest

from zoobench.measure.messages import QUICK
from zoobench.measure.worker.checks.timer import examine_timer, measure_cost, measure_resolution
from zoobench.records import Measurement
from zoobench.stats.calibration import judge_resolution

READING_S = 2.0**-20
STEP_S = 2.0**-10


class TickingClock:
    """Time passes only by reading it; what is read moves in whole steps."""

    def __init__(self, step_s: float = STEP_S, reading_s: float = READING_S) -> None:
        self._step_s = step_s
        self._reading_s = reading_s
        self._now_s = 1000.0

    def __call__(self) -> float:
        self._now_s += self._reading_s
        return math.floor(self._now_s / self._step_s) * self._step_s


def test_a_clock_that_ticks_in_steps_has_their_resolution() -> None:
    measured = measure_resolution(TickingClock())

    assert set(measured.samples) == {STEP_S}
    assert [finding.code for finding in judge_resolution(measured)] == ["coarse-clock"]


def test_a_clock_finer_than_a_reading_has_the_steps_of_readings() -> None:
    measured = measure_resolution(TickingClock(step_s=READING_S / 4))

    assert set(measured.samples) == {READING_S}
    assert list(judge_resolution(measured)) == []


def test_the_smallest_step_counts_where_they_differ() -> None:
    """Every reading takes 1.5 steps: the clock moves by 1 and by 2 in turn."""
    measured = measure_resolution(TickingClock(step_s=STEP_S, reading_s=1.5 * STEP_S))

    assert set(measured.samples) == {STEP_S}


def test_the_cost_is_that_of_one_reading() -> None:
    measured = measure_cost(TickingClock(step_s=READING_S))

    assert set(measured.samples) == {READING_S}


def test_a_clock_that_stands_still_is_no_clock() -> None:
    with pytest.raises(RuntimeError, match="the clock stood still for 1000000 readings"):
        measure_resolution(lambda: 7.0)


def test_this_machines_clock() -> None:
    told: list[Measurement] = []

    examine_timer("cpu", QUICK, told.append)

    by_metric = {measured.metric: measured for measured in told}
    promised_s = time.get_clock_info("perf_counter").resolution
    assert min(by_metric["timer_resolution"].samples) >= promised_s * 0.99
    assert min(by_metric["timer_cost"].samples) > 0
