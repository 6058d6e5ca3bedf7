"""Runs the program in this process, and compares whole outputs with files of `golden/`.

`ZOOBENCH_REWRITE_GOLDEN=1 python -m pytest tests/cli` writes the files anew: then read their diff.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from zoobench.cli import main

GOLDEN = Path(__file__).parent / "golden"


class Outcome(NamedTuple):
    """How the program ended and what it said."""

    code: int
    out: str
    err: str


Program = Callable[..., Outcome]
Golden = Callable[[str, str], None]


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Program:
    """The program as `__main__` calls it, in a terminal of 80 columns."""

    def run(*arguments: str) -> Outcome:
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setattr(sys, "argv", ["zoobench", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Outcome(int(ended.value.code or 0), *capfd.readouterr())

    return run


@pytest.fixture
def refusal(program: Program) -> Callable[..., str]:
    """The one line on standard error with which the program refuses these arguments, without `zoobench: `."""

    def run(*arguments: str) -> str:
        outcome = program(*arguments)
        assert (outcome.code, outcome.out) == (2, "")
        assert outcome.err.startswith("zoobench: ")
        assert outcome.err.endswith("\n")
        assert outcome.err.count("\n") == 1
        return outcome.err.removeprefix("zoobench: ").removesuffix("\n")

    return run


@pytest.fixture
def golden() -> Golden:
    """Compares a text with the file of that name."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / f"{name}.txt"
        if os.environ.get("ZOOBENCH_REWRITE_GOLDEN"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare
