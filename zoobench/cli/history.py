"""`zoobench history`: how a metric went from commit to commit, over stored runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoobench.cases import BadInputError, ZoobenchError

if TYPE_CHECKING:
    from zoobench.cases import ModelRef
    from zoobench.records.store import StoredRun

MODELS = typer.Option(metavar="A,B", help="only these; patterns of `zoobench list` (default: all)", show_default=False)
METRIC = typer.Option(metavar="NAME", help="which metric, beside the exact ones")
RESULTS = typer.Option(help="folder of runs")
OUT = typer.Option(help="folder to write to (default: `history` in the folder of runs)", show_default=False)

_MOST_ROWS = 500
_WIDTH_WITHOUT_TERMINAL = 160


def history(
    *,
    models: Annotated[str | None, MODELS] = None,
    metric: Annotated[str, METRIC] = "latency",
    results: Annotated[Path, RESULTS] = Path("results"),
    out: Annotated[Path | None, OUT] = None,
) -> None:
    """Show a metric and the exact metrics by commit, oldest run first, as a table, a chart and a CSV file.

    Values of one process each: what changed and what is noise is for `zoobench compare` to say.
    """
    from zoobench.records import metrics  # noqa: PLC0415 - --help must not wait for what only the history needs

    metrics.find(metric)
    chosen = None if models is None else _models(models)
    runs = _load_runs(results)
    from zoobench.report.history import collect_history, history_rows, machine_texts, write_history  # noqa: PLC0415

    found = collect_history(runs, metric, chosen)
    _print_rows(history_rows(found))
    for line in machine_texts(found):
        typer.echo(line)
    paths = write_history(found, out or results / "history")
    for path in (paths.csv, *paths.figures):
        typer.echo(f"wrote {path}")


def _models(text: str) -> list[ModelRef]:
    """Raises: UnknownNameError, BadInputError."""
    from zoobench.cases import Matrix, catalogue  # noqa: PLC0415 - reads files

    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise BadInputError("--models is empty: name at least one, or leave it out")
    return [entry.ref for entry in catalogue.select(Matrix(models=names))]


def _load_runs(results: Path) -> list[StoredRun]:
    """Every run that this zoobench can read; what it cannot is said on standard error.

    Raises: BadInputError if there is none.
    """
    from zoobench.records import store  # noqa: PLC0415
    from zoobench.records.files import gc_paused  # noqa: PLC0415

    names = store.stored_run_ids(results)
    if not names:
        store.newest_run(results)  # raises that there is none, and how to measure one
    runs = []
    with gc_paused():
        for name in names:
            try:
                runs.append(store.load_run(results, name))
            except ZoobenchError as error:
                typer.echo(f"zoobench: {error}; left out", err=True)
    for note in (note for stored in runs for note in stored.notes):
        typer.echo(f"zoobench: {note}", err=True)
    if not runs:
        raise BadInputError(f"none of the {len(names)} runs in {results} can be read")
    return runs


def _print_rows(rows: Sequence[dict[str, str]]) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from zoobench.report.text import single_line  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in rows[0]:
        table.add_column(Text(title, "bold"), overflow="fold")
    previous = ""
    for row in rows[:_MOST_ROWS]:
        cells = [single_line(cell) for cell in row.values()]
        table.add_row(*(Text("" if cell == previous else cell) for cell in cells[:1]), *map(Text, cells[1:]))
        previous = cells[0]
    is_wide = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    Console(width=_WIDTH_WITHOUT_TERMINAL if is_wide else None).print(table)
    if len(rows) > _MOST_ROWS:
        typer.echo(f"… and {len(rows) - _MOST_ROWS:,} rows more: the CSV file has all of them")
