"""`zoobench run`: the suites, without typing pytest."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from zoobench.errors import BadInputError
from zoobench.options import OPTIONS, OptionRow

SUITES = Path("suites")

_PYTEST = ("--benchmark-only", "--quiet", "-o", "python_files=bench_*.py", "-o", "python_functions=bench_*")


def run(suites: Path, pytest_arguments: list[str] | None, **texts: str | None) -> None:
    """Measure the suites' cases. The same as `pytest suites/ --benchmark-only` with `--zoobench-…` options.

    What follows `--` goes to pytest as it is: `zoobench run --preset quick -- -k shufflenet`.
    """
    if not suites.exists():
        raise BadInputError(f"there is no {suites} here: run this where the suites are, or name them with --suites")
    asked = [f"--zoobench-{name.replace('_', '-')}={text}" for name, text in texts.items() if text is not None]
    arguments = [sys.executable, "-m", "pytest", str(suites), *_PYTEST, *asked, *(pytest_arguments or [])]
    # This process becomes pytest: exit code and Ctrl-C are pytest's own, and it finds zoobench not imported yet.
    os.execv(sys.executable, arguments)  # noqa: S606 - no shell is meant


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give the command the options of the table, so that its help and its parsing come from the same place."""
    parameters = [
        _parameter("suites", Annotated[Path, typer.Option("--suites", help="folder or file of suites")], SUITES),
        _parameter(
            "pytest_arguments", Annotated[list[str] | None, typer.Argument(metavar="-- PYTEST_ARGUMENTS")], None
        ),
        *(_option(row) for row in OPTIONS),
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _option(row: OptionRow) -> inspect.Parameter:
    option = typer.Option(f"--{row.name}", metavar=row.metavar, help=row.help, show_default=False)
    return _parameter(row.name.replace("-", "_"), Annotated[str | None, option], None)


def _parameter(name: str, annotation: Any, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)


run = _with_options(run)
