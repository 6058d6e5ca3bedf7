"""Prove the CUDA side of zoobench on this machine, in 8 minutes at most, and write a report that can be attached.

    python tools/gpu_check.py

Steps, each with a time limit: the tests marked `gpu`; a small suite over every precision of this GPU in inference and
training; the largest batch that fits a memory limit; `zoobench doctor`. A step whose command this zoobench lacks is
said to be not run. Exit code: 0 if nothing failed, 1 if a step failed, 2 without a CUDA GPU.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import enum
import importlib.util
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from zoobench import cases
from zoobench.cases import DeviceFacts, StoreError, ZoobenchError
from zoobench.measure.executor import ForkedWorkers
from zoobench.measure.session import open_machine
from zoobench.records import CaseRecord, Environment, store, validity_of

ROOT = Path(__file__).parents[1]
RESULTS = Path("results") / "gpu-check"
DEVICE = "cuda"
MODEL = "squeezenet1_1"
"""Small, and with dropout in training: random numbers are what a captured graph needs most care with."""

TIMES = ("device_time", "interval", "latency")
_TAIL_LINES = 60

GRACE_S = 10.0
"""For a step past its limit to say, interrupted, what it has found so far."""

_NO_FAILURE, _FAILURE, _NO_GPU = 0, 1, 2


class Outcome(enum.StrEnum):
    """What became of a step."""

    PASSED = "passed"
    FAILED = "FAILED"
    NOT_RUN = "not run"


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A command, what it proves, and how long it may take. `lacking` says why it cannot be run here, if it cannot.

    `judge` looks at what the command left behind and gives a line for each thing that is wrong with it.
    """

    name: str
    proves: str
    command: tuple[str, ...]
    limit_s: float
    lacking: str = ""
    judge: Callable[[], list[str]] = list


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """A step that is over: `problems` are why it failed or was not run, `tail` the end of what it printed."""

    step: Step
    outcome: Outcome
    took_s: float
    problems: tuple[str, ...] = ()
    tail: str = ""


def main() -> int:
    """Run every step, print what became of it, and write the report."""
    environment = open_machine(ForkedWorkers(), device=DEVICE).environment
    gpu = next(device for device in environment.devices if device.name == DEVICE)
    if not gpu.is_available:
        print(f"gpu-check needs a CUDA GPU: {gpu.reason}")
        return _NO_GPU
    folder = RESULTS / dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    return check(steps_of(gpu, folder), environment, folder)


def check(steps: Iterable[Step], environment: Environment, folder: Path) -> int:
    """The exit code, after all steps were tried. The report is written anew after each, in case the next one hangs."""
    (ROOT / folder).mkdir(parents=True)
    report = ROOT / folder / "report.md"
    done: list[Done] = []
    for step in steps:
        print(f"{step.name}: {step.proves} (at most {cases.format_duration(step.limit_s)}) …", flush=True)
        done.append(run_step(step, ROOT / folder / f"{step.name}.log"))
        print(f"  {render_outcome(done[-1])}", flush=True)
        report.write_text(render_report(environment, done, _runs_in(ROOT / folder)), encoding="utf-8")
    print(f"attach {folder / 'report.md'}")
    return _FAILURE if any(one.outcome is Outcome.FAILED for one in done) else _NO_FAILURE


def steps_of(gpu: DeviceFacts, folder: Path) -> tuple[Step, ...]:
    """The steps for that GPU; runs go into `folder`. Their limits add up to 8 minutes."""
    python = (sys.executable, "-m")
    results = str(folder)
    return (
        Step(
            name="tests",
            proves="the tests that need a GPU",
            command=(
                *python, "pytest", "tests/gpu", "-m", "gpu", "-q", "-ra", "--durations=5", "-p", "no:cacheprovider",
            ),
            limit_s=190,
        ),
        Step(
            name="suite",
            proves=f"{MODEL} in {', '.join(gpu.precisions)}; inference and training",
            command=(
                *python, "pytest", "suites/bench_inference.py", "suites/bench_training.py", "--benchmark-only", "-q",
                f"--zoobench-device={DEVICE}", f"--zoobench-models={MODEL}", "--zoobench-batch-sizes=8",
                f"--zoobench-precisions={','.join(gpu.precisions)}", "--zoobench-max-seconds=1",
                "--zoobench-time-limit=60", "--zoobench-label=gpu-check", f"--zoobench-results={results}",
            ),
            limit_s=150,
            judge=lambda: judge_runs(_runs_in(ROOT / folder), 2 * len(gpu.precisions)),
        ),
        Step(
            name="capacity",
            proves="the largest batch in 1 GiB, and that running out of memory harms no later case",
            command=(
                *python, "zoobench", "capacity", MODEL, "--device", DEVICE, "--memory-limit", "1GiB",
                "--results", str(folder / "capacity"),
            ),
            limit_s=80,
            lacking=_lacking("capacity"),
        ),
        Step(
            name="doctor",
            proves="the harness calibrated on this GPU",
            command=(*python, "zoobench", "doctor", "--quick", "--device", DEVICE, "--results", results),
            limit_s=60,
            lacking=_lacking("doctor"),
        ),
    )  # fmt: skip


def run_step(step: Step, log: Path) -> Done:
    """Run its command from the repository's root, its output going to `log`, and judge what it left behind."""
    if step.lacking:
        return Done(step=step, outcome=Outcome.NOT_RUN, took_s=0.0, problems=(step.lacking,))
    began = time.monotonic()
    problems = _execute(step, log) or step.judge()
    return Done(
        step=step,
        outcome=Outcome.FAILED if problems else Outcome.PASSED,
        took_s=time.monotonic() - began,
        problems=tuple(problems),
        tail=_tail(log),
    )


def judge_runs(records: Sequence[CaseRecord], expected: int) -> list[str]:
    """What is wrong with the cases of the small suite: too few, failed, or one of the three times missing."""
    problems = [] if len(records) == expected else [f"{len(records)} cases were measured, {expected} were expected"]
    for record in records:
        if record.failure is not None:
            problems.append(f"{record.case.id}: {record.failure.kind.value}: {record.failure.message}")
            continue
        missing = [metric for metric in (*TIMES, "peak_allocated") if record.measurement(metric) is None]
        problems += [f"{record.case.id}: no {metric}: {_why_missing(record, metric)}" for metric in missing]
    return problems


def render_outcome(done: Done) -> str:
    """One line, and one more for each problem."""
    took = f" after {cases.format_duration(done.took_s)}" if done.took_s else ""
    return "\n    ".join([f"{done.outcome.value}{took}", *done.problems])


def render_report(environment: Environment, done: Sequence[Done], records: Sequence[CaseRecord]) -> str:
    """The whole page, in Markdown."""
    groups = {"Host": environment.host, "Software": environment.software, "Settings": environment.settings,
              "Commit": environment.commit} | {
        f"Device {device.name}": {"model": device.model, **device.facts}
        for device in environment.devices if device.is_available
    }  # fmt: skip
    parts = [
        "# zoobench on a CUDA GPU",
        "| step | proves | outcome | time |\n|---|---|---|---|\n" + "\n".join(map(_render_row, done)),
        *(_render_problems(one) for one in done if one.problems),
        _render_times(records),
        *(_render_facts(title, facts) for title, facts in groups.items()),
        *(f"## Output of {one.step.name}, its end\n\n```\n{one.tail}\n```" for one in done if one.tail),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _execute(step: Step, log: Path) -> list[str]:
    """Its problem, if it ended badly. Past its limit it is interrupted, and then killed with all that it started."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            step.command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            code = process.wait(timeout=step.limit_s)
        except subprocess.TimeoutExpired:
            _interrupt(process)
            return [f"it was ended after {cases.format_duration(step.limit_s)}, its limit"]
        finally:
            _kill_group(process)
    return [f"exit code {code}"] if code else []


def _interrupt(process: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C does, in the hope that it ends by itself."""
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=GRACE_S)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """The step's session is its own, so what is left of it is nobody else's."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:])


def _lacking(command: str) -> str:
    is_there = importlib.util.find_spec(f"zoobench.cli.{command}") is not None
    return "" if is_there else f"this zoobench has no command {command!r}"


def _runs_in(folder: Path) -> list[CaseRecord]:
    """The cases of every run in the folder."""
    try:
        return [record for name in store.stored_run_ids(folder) for record in store.load_run(folder, name).records]
    except StoreError:
        return []


def _why_missing(record: CaseRecord, metric: str) -> str:
    return next((lacking.reason for lacking in record.unavailable if lacking.metric == metric), "nothing was told")


def _render_row(done: Done) -> str:
    return f"| {done.step.name} | {done.step.proves} | {done.outcome.value} | {cases.format_duration(done.took_s)} |"


def _render_problems(done: Done) -> str:
    lines = "\n".join(f"- {problem}" for problem in done.problems)
    return f"## {done.step.name}: {done.outcome.value}\n\n{lines}"


def _render_facts(title: str, facts: dict[str, str]) -> str:
    return f"## {title}\n\n" + "\n".join(f"- {name}: {value}" for name, value in facts.items())


def _render_times(records: Sequence[CaseRecord]) -> str:
    """Medians of the three times of each case, and how the device's own was found."""
    if not records:
        return ""
    head = "| case | " + " | ".join(TIMES) + " | latency is | device_time by |\n|---|---|---|---|---|---|\n"
    return "## The three times\n\n" + head + "\n".join(map(_render_case, records))


def _render_case(record: CaseRecord) -> str:
    found = [record.measurement(metric) for metric in TIMES]
    times = [
        cases.NOT_MEASURED if one is None else cases.format_seconds(statistics.median(one.samples)) for one in found
    ]
    method = "" if found[0] is None else found[0].method
    return f"| {record.case.id} | {' | '.join(times)} | {validity_of(record.findings)} | {method} |"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ZoobenchError as error:
        sys.exit(f"gpu-check: {error}")
