"""`zoobench run`: the suites, without typing pytest."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from zoobench.cases import BadInputError
from zoobench.cli.options import with_rows

SUITES = Path("suites")
_SUITES = typer.Option(help="folder or file of suites (default: suites, or the package's own)", show_default=False)
_PYTEST_ARGUMENTS = typer.Argument(metavar="-- PYTEST_ARGUMENTS")

_PYTEST = ("--benchmark-only", "--quiet", "-o", "python_files=bench_*.py", "-o", "python_functions=bench_*")


def run(
    *,
    suites: Annotated[Path | None, _SUITES] = None,
    pytest_arguments: Annotated[list[str] | None, _PYTEST_ARGUMENTS] = None,
    **texts: str | None,
) -> None:
    """Measure the suites' cases. The same as `pytest suites/ --benchmark-only` with `--zoobench-…` options.

    What follows `--` goes to pytest as it is: `zoobench run --preset quick -- -k shufflenet`.
    """
    folder = _folder_of(suites)
    asked = [f"--zoobench-{name.replace('_', '-')}={text}" for name, text in texts.items() if text is not None]
    arguments = [sys.executable, "-m", "pytest", str(folder), *_PYTEST, *asked, *(pytest_arguments or [])]
    # This process becomes pytest: exit code and Ctrl-C are pytest's own, and it finds zoobench not imported yet.
    os.execv(sys.executable, arguments)  # noqa: S606 - no shell is meant


def _folder_of(suites: Path | None) -> Path:
    """The suites that are named; else those of this folder, or the package's own.

    Raises: BadInputError for a folder that is not there.
    """
    if suites is not None:
        if not suites.exists():
            raise BadInputError(f"there is no {suites} here: run this where the suites are, or leave out --suites")
        return suites
    return SUITES if SUITES.exists() else _own_suites()


def _own_suites() -> Path:
    """The suites that came with the package: inside it, or beside it in a checkout (an editable install)."""
    package = Path(__file__).parents[1]
    for folder in (package / "suites", package.parent / "suites"):
        if (folder / "bench_inference.py").is_file():
            return folder
    raise BadInputError("this zoobench was installed without its suites: name a folder with --suites")


run = with_rows(run)
