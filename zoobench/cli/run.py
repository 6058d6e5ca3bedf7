"""`zoobench run`: the suites, without typing pytest."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from zoobench.cases.errors import BadInputError
from zoobench.cli.options import with_rows

_SUITES = typer.Option(help="folder or file of suites")
_PYTEST_ARGUMENTS = typer.Argument(metavar="-- PYTEST_ARGUMENTS")

_PYTEST = ("--benchmark-only", "--quiet", "-o", "python_files=bench_*.py", "-o", "python_functions=bench_*")


def run(
    *,
    suites: Annotated[Path, _SUITES] = Path("suites"),
    pytest_arguments: Annotated[list[str] | None, _PYTEST_ARGUMENTS] = None,
    **texts: str | None,
) -> None:
    """Measure the suites' cases. The same as `pytest suites/ --benchmark-only` with `--zoobench-…` options.

    What follows `--` goes to pytest as it is: `zoobench run --preset quick -- -k shufflenet`.
    """
    if not suites.exists():
        raise BadInputError(f"there is no {suites} here: run this where the suites are, or name them with --suites")
    asked = [f"--zoobench-{name.replace('_', '-')}={text}" for name, text in texts.items() if text is not None]
    arguments = [sys.executable, "-m", "pytest", str(suites), *_PYTEST, *asked, *(pytest_arguments or [])]
    # This process becomes pytest: exit code and Ctrl-C are pytest's own, and it finds zoobench not imported yet.
    os.execv(sys.executable, arguments)  # noqa: S606 - no shell is meant


run = with_rows(run)
