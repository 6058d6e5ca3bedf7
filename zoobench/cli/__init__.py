"""The command line: one file a command, which imports its side of the house only when it runs."""

from __future__ import annotations

import os
import sys
from typing import TextIO

import typer

from zoobench.cases import ZoobenchError
from zoobench.cli.bisect import bisect
from zoobench.cli.capacity import capacity
from zoobench.cli.compare import compare
from zoobench.cli.count import count
from zoobench.cli.doctor import doctor
from zoobench.cli.history import history
from zoobench.cli.models import build, env, list_
from zoobench.cli.profile import profile
from zoobench.cli.report import report
from zoobench.cli.run import run
from zoobench.cli.show import show

app = typer.Typer(
    help="Benchmark and profile image-classification networks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run")(run)
app.command("report")(report)
app.command("compare")(compare)
app.command("bisect")(bisect)
app.command("history")(history)
app.command("capacity")(capacity)
app.command("show")(show)
app.command("list")(list_)
app.command("count")(count)
app.command("profile")(profile)
app.command("build")(build)
app.command("env")(env)
app.command("doctor")(doctor)


_READER_GONE = 128 + 13
"""What a shell says of a program that SIGPIPE ended. Typer's own 1 would be a regression where `compare` says it."""


def main() -> None:
    """Run a command; a user's mistake is one line on standard error and exit code 2. Ctrl-C is typer's: 130.

    Where nobody reads the output any more, as with `| head`, it ends in silence, as docs.python.org has it
    (library/signal.html, note on SIGPIPE).
    """
    out = sys.stdout
    try:
        _run_command()
    except SystemExit:
        if out is not None and _is_unread(out):  # None where the shell closed it
            os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
            sys.exit(_READER_GONE)
        raise


def _is_unread(out: TextIO) -> bool:
    """Typer has found that out and put another output in the place of this one, or the rest of it shows it now."""
    try:
        out.flush()
    except BrokenPipeError:
        return True
    return sys.stdout is not out


def _run_command() -> None:
    try:
        app(prog_name="zoobench")
    except ZoobenchError as error:
        typer.echo(f"zoobench: {error}", err=True)
        sys.exit(error.exit_code)
