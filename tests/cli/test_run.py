from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

import zoobench
from zoobench.cases.options import OPTIONS


@pytest.fixture
def pytest_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the command passes to pytest, which takes its place and then says that a test failed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "suites").mkdir()
    passed: list[str] = []

    def become(program: str, arguments: list[str]) -> None:
        assert [program, *arguments[:3]] == [sys.executable, sys.executable, "-m", "pytest"]
        passed.extend(arguments[3:])
        raise SystemExit(1)

    monkeypatch.setattr(os, "execv", become)
    return passed


ALWAYS = ["--benchmark-only", "--quiet", "-o", "python_files=bench_*.py", "-o", "python_functions=bench_*"]


def test_it_is_pytest_on_the_suites(program: Callable, pytest_arguments: list[str]) -> None:
    assert program("run").code == 1, "the exit code is pytest's"
    assert pytest_arguments == ["suites", *ALWAYS]


def test_every_option_of_the_table_is_passed_on(program: Callable, pytest_arguments: list[str]) -> None:
    texts = {row.name: f"text of {row.name}" for row in OPTIONS}
    program("run", *(word for name, text in texts.items() for word in (f"--{name}", text)))
    assert pytest_arguments[1 + len(ALWAYS) :] == [f"--zoobench-{name}={text}" for name, text in texts.items()]


def test_what_follows_two_dashes_is_pytest_s(program: Callable, pytest_arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "mine.py").touch()
    program("run", "--suites", "mine.py", "--preset", "quick", "--", "-k", "shufflenet", "--benchmark-autosave")
    assert pytest_arguments == [
        "mine.py", *ALWAYS, "--zoobench-preset=quick", "-k", "shufflenet", "--benchmark-autosave"
    ]  # fmt: skip


def test_suites_that_are_not_there_are_a_mistake(refusal: Callable) -> None:
    message = "there is no nowhere here: run this where the suites are, or leave out --suites"
    assert refusal("run", "--suites", "nowhere") == message


def test_where_no_suites_are_the_package_s_own_are_measured(
    program: Callable, pytest_arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    program("run", "--preset", "quick")
    assert {path.name for path in Path(pytest_arguments[0]).glob("bench_*.py")} == {
        f"bench_{suite}.py" for suite in ("audit", "inference", "papers", "training")
    }


def test_every_package_is_in_the_wheel() -> None:
    """The list in pyproject.toml is explicit, since the suites are mapped into the package."""
    root = Path(zoobench.__file__).parents[1]
    listed = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["packages"]
    found = [".".join(path.parent.relative_to(root).parts) for path in (root / "zoobench").rglob("__init__.py")]
    assert sorted(listed) == sorted([*found, "zoobench.suites"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "quik"], "unknown preset 'quik': did you mean quick?"),
        (["--batch-sizes", "0"], "batch size 0 is too small: it must be at least 1"),
        (["--batch-sizes", "abc"], "batch size 'abc' is not a whole number"),
    ],
)
def test_a_mistake_is_one_line_and_2(tmp_path: Path, arguments: list[str], message: str) -> None:
    """In a process of its own: pytest ends it."""
    (tmp_path / "suites").mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    done = subprocess.run(
        [sys.executable, "-m", "zoobench", "run", *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == f"Exit: zoobench: {message}\n"
    assert done.stdout == ""
