from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import psutil
import pytest
from synthetic import make_case, make_record, make_run, measurement

from zoobench.cases import DeviceFacts, Mode, Precision
from zoobench.records import Environment, Failure, FailureKind, Unavailable

ROOT = Path(__file__).parents[2]
GPU = DeviceFacts(
    name="cuda", is_available=True, model="NVIDIA Test", precisions=("fp32", "tf32"), facts={"cuda": "13"}
)
NO_GPU = DeviceFacts(name="cuda", is_available=False, reason="torch finds no CUDA GPU")
CASE = make_case("squeezenet1_1", device="cuda", threads=1)


def environment_with(gpu: DeviceFacts) -> Environment:
    return Environment(
        host={"machine": "x86_64"},
        software={"torch": "2.9.0"},
        settings={},
        commit={"revision": "c0ffee"},
        devices=(gpu,),
    )


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, at work in an empty folder."""
    spec = importlib.util.spec_from_file_location("gpu_check", ROOT / "tools" / "gpu_check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "gpu_check", module)  # msgspec looks annotations up there
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


@pytest.fixture
def step(tool: ModuleType) -> Callable[..., Any]:
    """A step that runs a line of Python."""

    def make(code: str, **fields: Any) -> Any:
        whole = {"name": "step", "proves": "something", "limit_s": 60.0} | fields
        return tool.Step(command=(sys.executable, "-c", code), **whole)

    return make


def check(tool: ModuleType, *steps: Any) -> tuple[int, str]:
    code = tool.check(steps, environment_with(GPU), Path("out"))
    return code, (tool.ROOT / "out" / "report.md").read_text(encoding="utf-8")


def test_without_a_gpu_it_says_so_in_one_line_and_writes_nothing(
    tool: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = msgspec.defstruct("Lab", ["environment"])(environment_with(NO_GPU))
    monkeypatch.setattr(tool, "open_machine", lambda *_, device: machine)

    assert tool.main() == 2
    assert capsys.readouterr().out == "gpu-check needs a CUDA GPU: torch finds no CUDA GPU\n"
    assert list(tool.ROOT.iterdir()) == []


def test_what_passed_is_said_and_the_exit_code_is_0(tool: ModuleType, step: Any, capsys: Any) -> None:
    code, report = check(tool, step("print('all is well')", name="tests"))

    assert code == 0
    assert "passed after" in capsys.readouterr().out
    assert "| tests | something | passed | " in report
    assert "## Output of tests, its end\n\n```\nall is well\n```" in report
    assert "- torch: 2.9.0" in report
    assert "- model: NVIDIA Test" in report


def test_a_step_that_fails_is_told_with_its_output_and_does_not_end_the_others(
    tool: ModuleType, step: Any, capsys: Any
) -> None:
    broken = step("import sys; print('the reason'); sys.exit(3)", name="broken")

    code, report = check(tool, broken, step("print('after it')", name="later"))

    assert code == 1
    assert "| broken | something | FAILED |" in report
    assert "## broken: FAILED\n\n- exit code 3" in report
    assert "the reason" in report
    assert "| later | something | passed |" in report
    assert "FAILED after" in capsys.readouterr().out


def is_dead_within(limit_s: float, pid: int) -> bool:
    """A killed process takes a moment to die, and stays a zombie where nobody asks for it."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.01)
    return False


def test_a_step_past_its_limit_is_ended_with_all_that_it_started(tool: ModuleType, step: Any) -> None:
    code_of_child = "import time; time.sleep(600)"
    starter = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {code_of_child!r}])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)"
    )
    began = time.monotonic()

    code, report = check(tool, step(starter, name="slow", limit_s=2.0))

    assert code == 1
    assert "- it was ended after 2 s, its limit" in report
    assert time.monotonic() - began < 60
    child, *_ = (tool.ROOT / "out" / "slow.log").read_text().split()
    assert is_dead_within(10.0, int(child))


def test_a_step_past_its_limit_still_says_what_it_found(tool: ModuleType, step: Any) -> None:
    """As pytest does when it is interrupted."""
    code_of_step = (
        "import time\n"
        "try:\n    print('at work', flush=True); time.sleep(600)\n"
        "except KeyboardInterrupt:\n    print('two of three passed')"
    )

    code, report = check(tool, step(code_of_step, limit_s=5.0))

    assert code == 1
    assert "- it was ended after 5 s, its limit" in report
    assert "at work\ntwo of three passed" in report


def test_a_step_that_cannot_be_run_is_no_failure_and_is_said(tool: ModuleType, step: Any) -> None:
    code, report = check(tool, step("raise SystemExit(1)", lacking="this zoobench has no command 'capacity'"))

    assert code == 0
    assert "| step | something | not run | 0 s |" in report
    assert "- this zoobench has no command 'capacity'" in report


def test_what_a_command_left_behind_is_judged(tool: ModuleType, step: Any) -> None:
    code, report = check(tool, step("", judge=lambda: ["no device_time"]))

    assert code == 1
    assert "- no device_time" in report


def test_the_end_of_a_long_output_is_kept(tool: ModuleType, step: Any) -> None:
    _, report = check(tool, step("print('\\n'.join(map(str, range(1000))))"))

    assert "\n999\n```" in report
    assert "\n939\n" not in report


def test_the_report_is_there_while_later_steps_run(tool: ModuleType, step: Any) -> None:
    reader = "print('| first | something | passed |' in open('out/report.md').read())"

    _, report = check(tool, step("", name="first"), step(reader))

    assert "\nTrue\n" in report


# The small suite


def full_record(**axes: Any) -> Any:
    times = [measurement(metric, 0.001) for metric in ("device_time", "interval", "latency")]
    return make_record(msgspec.structs.replace(CASE, **axes), [*times, measurement("peak_allocated", 1.0)])


def test_a_whole_suite_has_no_problems(tool: ModuleType) -> None:
    records = [full_record(mode=mode) for mode in Mode]

    assert tool.judge_runs(records, 2) == []


def test_what_is_missing_in_a_suite_is_told(tool: ModuleType) -> None:
    lacking = (Unavailable(metric="interval", reason="the device was lost"),)
    parts = [measurement(metric, 0.001) for metric in ("device_time", "latency", "peak_allocated")]
    records = [
        full_record(),
        make_record(msgspec.structs.replace(CASE, precision=Precision.TF32), parts, unavailable=lacking),
    ]

    problems = tool.judge_runs(records, 4)

    assert problems == [
        "2 cases were measured, 4 were expected",
        f"{records[1].case.id}: no interval: the device was lost",
    ]


def test_a_failed_case_of_a_suite_is_told(tool: ModuleType) -> None:
    failure = Failure(kind=FailureKind.CRASH, message="the worker died", where="device_time")
    record = msgspec.structs.replace(full_record(), failure=failure)

    assert tool.judge_runs([record], 1) == [f"{record.case.id}: crash: the worker died"]


def test_the_three_times_are_in_the_report(tool: ModuleType) -> None:
    report = tool.render_report(environment_with(GPU), [], make_run([full_record()]).records)

    assert f"| {CASE.id} | 1.00 ms | 1.00 ms | 1.00 ms | valid | fabricated |" in report


def test_the_steps_are_over_within_8_minutes(tool: ModuleType) -> None:
    steps = tool.steps_of(GPU, Path("out"))

    assert [step.name for step in steps] == ["tests", "suite", "capacity", "doctor"]
    assert sum(step.limit_s for step in steps) <= 8 * 60
    assert "--zoobench-precisions=fp32,tf32" in steps[1].command
