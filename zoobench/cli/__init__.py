"""The command line: one file a command, which imports its side of the house only when it runs."""

from __future__ import annotations

import sys

import typer

from zoobench.cli.bisect import bisect
from zoobench.cli.build import build
from zoobench.cli.capacity import capacity
from zoobench.cli.compare import compare
from zoobench.cli.count import count
from zoobench.cli.doctor import doctor
from zoobench.cli.env import env
from zoobench.cli.history import history
from zoobench.cli.list_ import list_
from zoobench.cli.profile import profile
from zoobench.cli.report import report
from zoobench.cli.run import run
from zoobench.cli.show import show
from zoobench.errors import ZoobenchError

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


def main() -> None:
    """Run a command; a user's mistake is one line on standard error and exit code 2. Ctrl-C is typer's: 130."""
    try:
        app(prog_name="zoobench")
    except ZoobenchError as error:
        typer.echo(f"zoobench: {error}", err=True)
        sys.exit(error.exit_code)
