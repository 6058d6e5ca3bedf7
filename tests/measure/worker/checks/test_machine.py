"""Against fabricated trees of /sys and /proc."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from zoobench.measure.messages import QUICK, MachineFacts
from zoobench.measure.worker.checks.machine import (
    examine_machine,
    read_allowed_share,
    read_facts,
    read_governors,
    read_threads_a_core,
    usable_processors,
)
from zoobench.records import Measurement, Unavailable

CPU = "sys/devices/system/cpu"


def put(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n", encoding="utf-8")
    return root


def samples(result: object) -> tuple[float, ...]:
    assert isinstance(result, Measurement)
    return result.samples


def test_governors_are_those_of_the_usable_processors(tmp_path: Path) -> None:
    kinds = {0: "performance", 1: "powersave", 2: "powersave"}
    root = put(tmp_path, {f"{CPU}/cpu{n}/cpufreq/scaling_governor": kind for n, kind in kinds.items()})

    assert samples(read_governors((0, 1), root)) == (1.0, 0.0)
    assert samples(read_governors((0,), root)) == (1.0,)
    assert read_governors((0, 1), root).method == "performance, powersave"  # type: ignore[union-attr]


def test_no_governor_is_told_as_such(tmp_path: Path) -> None:
    reason = "the kernel has no frequency governor here, as on most virtual machines: the host decides"

    assert read_governors((0, 1), tmp_path) == Unavailable(metric="performance_governor", reason=reason)


@pytest.mark.parametrize(
    ("usable", "threads"),
    [((0, 1, 2, 3), 2.0), ((0, 1), 1.0), ((0, 2), 2.0), ((0, 1, 2), 1.5), ((3,), 1.0)],
)
def test_threads_of_a_core_count_where_both_may_be_used(
    tmp_path: Path, usable: tuple[int, ...], threads: float
) -> None:
    """Two cores: processors 0 and 2 are threads of one, 1 and 3 of the other."""
    siblings = {0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"}
    root = put(tmp_path, {f"{CPU}/cpu{n}/topology/thread_siblings_list": text for n, text in siblings.items()})

    assert samples(read_threads_a_core(usable, root)) == (threads,)


def test_without_a_topology_nothing_is_known_of_cores(tmp_path: Path) -> None:
    assert isinstance(read_threads_a_core((0, 1), tmp_path), Unavailable)


@pytest.mark.parametrize(
    ("files", "share"),
    [
        ({"cpu.max": "max 100000"}, 1.0),
        ({"cpu.max": "100000 100000"}, 0.5),
        ({"cpu.max": "800000 100000"}, 1.0),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 1.0),
        ({"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"}, 0.25),
    ],
)
def test_the_quota_is_a_share_of_the_usable_processors(tmp_path: Path, files: dict[str, str], share: float) -> None:
    root = put(tmp_path, {f"sys/fs/cgroup/{name}": text for name, text in files.items()})

    assert samples(read_allowed_share((0, 1), root)) == (share,)


@pytest.mark.parametrize("files", [{}, {"sys/fs/cgroup/cpu.max": ""}, {"sys/fs/cgroup/cpu.max": "many 0"}])
def test_what_is_no_quota_is_not_one(tmp_path: Path, files: dict[str, str]) -> None:
    assert isinstance(read_allowed_share((0, 1), put(tmp_path, files)), Unavailable)


def test_facts_are_those_that_there_are(tmp_path: Path) -> None:
    root = put(
        tmp_path,
        {
            f"{CPU}/smt/active": "1",
            "sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet",
            "proc/cpuinfo": "processor : 0\nflags\t\t: fpu tsc hypervisor avx2",
        },
    )

    assert read_facts(root) == {"smt_active": "1", "clocksource": "hpet", "is_virtual": "true"}


@pytest.mark.parametrize(("cpuinfo", "is_virtual"), [("flags : fpu tsc", "false"), ("CPU part : 0xd0c", "unknown")])
def test_a_processor_tells_whether_a_hypervisor_is_below_it(tmp_path: Path, cpuinfo: str, is_virtual: str) -> None:
    assert read_facts(put(tmp_path, {"proc/cpuinfo": cpuinfo}))["is_virtual"] == is_virtual


def test_without_sys_and_proc_nothing_is_known_and_nothing_fails(tmp_path: Path) -> None:
    assert read_facts(tmp_path) == {"is_virtual": "unknown"}


def test_this_machine_says_something_of_each(tmp_path: Path) -> None:
    told: list[Any] = []

    examine_machine("cpu", QUICK, told.append)

    assert [part.metric for part in told[:3]] == ["performance_governor", "threads_a_core", "allowed_share"]
    assert isinstance(told[3], MachineFacts)
    assert usable_processors()
