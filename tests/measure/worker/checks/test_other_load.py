from __future__ import annotations

import os
from typing import Any, NamedTuple

import psutil
import pytest

from zoobench.measure.messages import Effort, MachineFacts
from zoobench.measure.worker.checks.machine import (
    INTERVALS,
    busiest,
    examine_other_load,
    measure_load_average,
    measure_other_load,
    processes,
)
from zoobench.records import Measurement, Unavailable

EFFORT = Effort(load_s=0.05, product_s=0.0, paging_s=0.0, pace_s=0.0, processes=2, case_s=0.1)


class Times(NamedTuple):
    """As psutil's `cpu_times` on Linux; a guest's time is in that of users already."""

    user: float
    system: float
    idle: float
    iowait: float
    steal: float
    guest: float


SPENT = Times(0.04, 0.01, 0.1, 0.03, 0.02, 0.04)
"""By two processors in a tenth of a second: a quarter of it busy."""


def test_load_is_what_is_neither_idle_nor_stolen(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("zoobench.measure.worker.checks.machine.time.sleep", slept.append)
    monkeypatch.setattr(psutil, "cpu_times", lambda: Times(*((100 + len(slept)) * spent for spent in SPENT)))

    result = measure_other_load(0.1)

    assert isinstance(result, Measurement)
    assert result.samples == pytest.approx((0.25,) * INTERVALS)
    assert slept == [0.1] * INTERVALS


def test_a_clock_of_ticks_that_did_not_move_has_seen_no_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "cpu_times", lambda: SPENT)

    result = measure_other_load(0.0)

    assert isinstance(result, Measurement)
    assert result.samples == (0.0,) * INTERVALS


def test_the_busiest_are_named_with_the_processors_that_they_fill() -> None:
    before = {1: ("init", 5.0), 2: ("cc1plus", 10.0), 3: ("idle", 0.0)}
    after = {1: ("init", 5.01), 2: ("cc1plus", 13.0), 3: ("idle", 0.0), 4: ("python", 1.0)}

    assert busiest(before, after, 2.0) == ["cc1plus 2 (1.5)", "python 4 (0.5)"]


def test_no_more_than_three_are_named() -> None:
    after = {number: ("busy", float(number)) for number in range(1, 9)}

    assert busiest({}, after, 1.0) == ["busy 8 (8.0)", "busy 7 (7.0)", "busy 6 (6.0)"]


def test_this_process_is_among_the_processes() -> None:
    assert os.getpid() in dict(processes())


def test_without_proc_the_reason_is_told_and_the_load_average_still(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path))
    told: list[Any] = []

    examine_other_load("cpu", EFFORT, told.append)

    load, average, facts = told
    reason = "processor times cannot be read: No such file or directory"
    assert load == Unavailable(metric="other_load", reason=reason)
    assert isinstance(average, Measurement)
    assert facts == MachineFacts({"busiest_processes": "none"})


def test_a_system_without_a_load_average_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError

    monkeypatch.setattr(os, "getloadavg", fail)

    assert measure_load_average() == Unavailable(metric="load_average", reason="the system does not tell its load")


def test_this_machine_tells_its_load() -> None:
    told: list[Any] = []

    examine_other_load("cpu", EFFORT, told.append)

    assert [part.metric for part in told[:2]] == ["other_load", "load_average"]
    assert all(0 <= share <= 1 for share in told[0].samples)
