from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes import EmittingExecutor
from processes import interruptible
from synthetic import QUIET, TROUBLED, make_calibration

from zoobench.cases import DeviceFacts
from zoobench.cli.doctor import render_calibration
from zoobench.measure import doctor, session
from zoobench.measure.messages import FULL, QUICK
from zoobench.measure.session import Machine
from zoobench.records import Calibration, Environment, Unavailable
from zoobench.records.machine import read_calibration, write_calibration

ENVIRONMENT = Environment(
    host={},
    software={},
    settings={},
    commit={},
    devices=(
        DeviceFacts(name="cpu", is_available=True, model="Test CPU"),
        DeviceFacts(name="cuda", is_available=False, reason="torch finds no CUDA GPU"),
    ),
)
GONE_WITHIN_S = 60.0


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the examination was asked for; nothing is measured."""
    arguments: list[Any] = []

    def examine(machine: Machine, case: Any, effort: Any, announce: Callable[[int, int, str], None]) -> Calibration:
        machine.device(case.device)
        arguments.append((case.device, effort))
        announce(1, 11, "clock")
        return make_calibration(TROUBLED)

    machine = Machine(executor=EmittingExecutor(), environment=ENVIRONMENT)
    monkeypatch.setattr(session, "open_machine", lambda *_, **__: machine)
    monkeypatch.setattr(doctor, "examine", examine)
    return arguments


def test_a_troubled_machine_in_words(golden: Callable) -> None:
    lacking = (Unavailable(metric="faults_retained", reason="the C library is not glibc"),)
    facts = make_calibration().facts | {"is_virtual": "true", "busiest_processes": "cc1plus 7 (1.0)"}
    measured = [measurement for measurement in TROUBLED if measurement.metric != "faults_retained"]
    made = make_calibration(measured, unavailable=lacking, facts=facts)
    golden("doctor_troubled", "\n".join(render_calibration(made)) + "\n")


def test_a_quiet_machine_in_words(golden: Callable) -> None:
    golden("doctor_quiet", "\n".join(render_calibration(make_calibration(QUIET))) + "\n")


def test_one_thing_is_one_thing() -> None:
    load = [measurement for measurement in TROUBLED if measurement.metric == "other_load"]
    assert render_calibration(make_calibration(load))[-1] == "1 thing to change"


def test_the_page_is_printed_and_the_file_written(program: Callable, tmp_path: Path, asked: list[Any]) -> None:
    results = tmp_path / "results"

    outcome = program("doctor", "--results", str(results))

    assert outcome.code == 0, "advice is no failure"
    assert outcome.err == "[ 1/11] clock …\n"
    assert outcome.out.splitlines()[-2:] == [
        "18 things to change",
        f"written to {results / 'doctor.json'}: runs that start in {results} carry it",
    ]
    assert read_calibration(results) == make_calibration(TROUBLED)
    assert asked == [("cpu", FULL)]


def test_quick_is_less_effort(program: Callable, tmp_path: Path, asked: list[Any]) -> None:
    assert program("doctor", "--quick", "--device", "cpu", "--results", str(tmp_path)).code == 0
    assert asked == [("cpu", QUICK)]


def test_a_device_that_is_not_here_is_one_line(refusal: Callable, tmp_path: Path, asked: list[Any]) -> None:
    text = refusal("doctor", "--device", "cuda", "--results", str(tmp_path))
    assert text == "device 'cuda' is not available here: torch finds no CUDA GPU"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_one_line_at_once(
    refusal: Callable, tmp_path: Path, asked: list[Any]
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    assert refusal("doctor", "--results", str(blocked)) == f"cannot write {blocked / 'doctor.json'}: File exists"
    assert asked == []


def test_ctrl_c_leaves_what_was_there_and_no_half_of_anything(tmp_path: Path) -> None:
    """It is sent while the first check sleeps; the real program, with real workers."""
    write_calibration(make_calibration(), tmp_path)
    command = [sys.executable, "-m", "zoobench", "doctor", "--results", str(tmp_path)]
    with interruptible(command) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if re.match(r"\[ 1/\d+\] other load", line):
                break
        os.kill(process.pid, signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(GONE_WITHIN_S) == 130
    assert "Traceback" not in rest
    assert read_calibration(tmp_path) == make_calibration()
    assert [entry.name for entry in tmp_path.iterdir()] == ["doctor.json"]
