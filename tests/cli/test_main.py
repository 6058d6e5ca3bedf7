from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic import make_case, make_run, realistic_record

from zoobench.cases import catalogue
from zoobench.records import store

COMMANDS = (
    "run", "report", "compare", "bisect", "history", "capacity", "show", "list", "count", "profile", "build", "env",
    "doctor",
)  # fmt: skip
TESTS = Path(__file__).parent.parent

WHAT_IS_IMPORTED = """
import json, sys
from zoobench.cli import main

sys.argv = ["zoobench", *json.loads(sys.argv[1])]
try:
    main()
except SystemExit as ended:
    heavy = {"torch", "torchvision", "pandas", "matplotlib", "pytest"}
    print(json.dumps([ended.code, sorted(heavy & set(sys.modules))]))
"""


def test_help_of_the_program(program: Callable, golden: Callable) -> None:
    outcome = program("--help")
    assert (outcome.code, outcome.err) == (0, "")
    golden("help", outcome.out)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(program: Callable, golden: Callable, command: str) -> None:
    outcome = program(command, "--help")
    assert (outcome.code, outcome.err) == (0, "")
    golden(f"help_{command}", outcome.out)


def test_every_command_has_its_help_checked(program: Callable) -> None:
    listed = program("--help").out.partition("Commands:\n")[2]
    assert [line.split()[0] for line in listed.splitlines() if line.startswith("  ") and line[2] != " "] == [*COMMANDS]


@pytest.mark.parametrize("arguments", [["list"], ["--help"], ["count", "lenet5"]], ids=" ".join)
def test_an_output_that_nobody_reads_ends_the_program_in_silence_and_not_with_a_verdict(arguments: list[str]) -> None:
    """As a pipe into `head` does: 141 is what a shell says of a program that SIGPIPE ended, 1 would be a regression."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "zoobench", *arguments], stdout=writing, stderr=subprocess.PIPE, check=False
        )
    finally:
        os.close(writing)

    assert (done.returncode, done.stderr) == (141, b"")


def test_an_output_that_the_shell_closed_is_no_error() -> None:
    command = f"exec '{sys.executable}' -m zoobench list >&-"

    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, check=False)

    assert (done.returncode, done.stderr) == (0, b"")


def test_nothing_asked_is_answered_with_the_help(program: Callable) -> None:
    outcome = program()
    assert outcome.code == 2
    assert "Commands:" in outcome.out + outcome.err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["meassure"], "No such command 'meassure'."),
        (["show"], "Missing argument 'RUN_ID'."),
        (["list", "--familie", "vgg"], "No such option"),
        (["build", "lenet5", "--num-classes", "ten"], "Invalid value for '--num-classes'"),
        (["build", "lenet5", "--num-classes", "0"], "Invalid value for '--num-classes'"),
        (["run", "--batch", "1"], "No such option"),
    ],
)
def test_a_command_that_cannot_be_parsed_ends_with_2(program: Callable, arguments: list[str], reason: str) -> None:
    outcome = program(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert reason in outcome.err
    assert "Traceback" not in outcome.err


def test_ctrl_c_ends_like_an_interrupted_program(program: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(catalogue, "of_families", interrupt)
    outcome = program("list")
    assert outcome.code == 130
    assert "Traceback" not in outcome.err


def in_a_fresh_process(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(TESTS)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    run = make_run([]).run
    path = tmp_path / "results" / run.run_id
    path.mkdir(parents=True)
    (path / store.RUN_FILE).write_bytes(store.msgspec.json.encode(run))
    with store.RunWriter(path, run) as writer:
        writer.append(realistic_record(make_case()))
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        '["report", "--help"]',
        '["compare", "--help"]',
        '["bisect", "history", "--help"]',
        '["--help"]',
        '["list"]',
        '["show", "20260301T100000.000Z-base"]',
        '["show", "20260301T100000.000Z-base", "1"]',
        '["run", "--help"]',
        '["doctor", "--help"]',
        '["capacity", "--help"]',
        '["profile", "--help"]',
    ],
)
def test_what_needs_no_torch_does_not_import_it(folder: Path, arguments: str) -> None:
    done = in_a_fresh_process("-c", WHAT_IS_IMPORTED, arguments, folder=folder)
    assert done.stdout.splitlines()[-1] == "[0, []]"


def test_the_module_is_the_program(folder: Path) -> None:
    done = in_a_fresh_process("-m", "zoobench", "show", "20260301T100000.000Z-bass", folder=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "zoobench: unknown run '20260301T100000.000Z-bass': did you mean 20260301T100000.000Z-base?\n"
