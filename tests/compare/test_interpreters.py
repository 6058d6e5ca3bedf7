from __future__ import annotations

import importlib.metadata
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from zoobench.cases import BadInputError
from zoobench.compare import environments
from zoobench.compare.environments import NEEDED, Interpreter, examine_interpreter

Program = Callable[[str], Path]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """A program of the shell, in the place of an interpreter."""

    def make(text: str) -> Path:
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        path.chmod(0o755)
        return path

    return make


def refusal(python: Path) -> str:
    with pytest.raises(BadInputError) as raised:
        examine_interpreter(python)
    assert str(python) in str(raised.value)
    return str(raised.value).replace(str(python), "PYTHON")


def test_this_interpreter_can_run_a_side() -> None:
    versions = {name: importlib.metadata.version(name) for name in NEEDED}
    assert examine_interpreter(Path(sys.executable)) == Interpreter(platform.python_version(), versions)


def test_an_environment_without_the_packages_is_told_what_to_install(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    assert refusal(tmp_path / "bare" / "bin" / "python") == (
        "PYTHON has no torch and no numpy and no msgspec and no psutil: "
        "`PYTHON -m pip install torch numpy msgspec psutil` adds what a side needs"
    )


def test_an_old_python_is_named(program: Program) -> None:
    old = program("""echo '{"version": "3.9.18", "packages": {}}'""")
    assert refusal(old) == "PYTHON is Python 3.9.18: a side needs 3.11 or newer"


def test_versions_are_compared_as_numbers(program: Program) -> None:
    packages = ", ".join(f'"{name}": "1"' for name in NEEDED)
    new = program(f"""echo '{{"version": "3.101.0", "packages": {{{packages}}}}}'""")
    assert examine_interpreter(new).version == "3.101.0"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("exit 0", "PYTHON is no Python interpreter: it does not answer as one"),
        ("echo hello", "PYTHON is no Python interpreter: it does not answer as one"),
        ("exit 3", "PYTHON cannot say what it is: it fails without a word"),
        ("echo first >&2; echo ImportError: json >&2; exit 1", "PYTHON cannot say what it is: ImportError: json"),
    ],
)
def test_what_is_no_interpreter_is_refused(program: Program, text: str, message: str) -> None:
    assert refusal(program(text)) == message


def test_what_never_answers_is_ended(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "LIMIT_S", 0.2)
    assert refusal(program("exec sleep 60")) == "PYTHON did not answer in 0 s: is it a Python interpreter?"


def test_what_is_not_there_cannot_be_run(tmp_path: Path) -> None:
    assert re.fullmatch(r"PYTHON cannot be run: No such file or directory", refusal(tmp_path / "python"))
