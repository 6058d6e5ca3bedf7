"""`zoobench report`: tables and charts of stored runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

RUN_IDS = typer.Argument(metavar="RUN_ID", help="Runs to report, side by side; the newest one if none is given.")
OUT = typer.Option(help="Folder to write to; by default `report` in the folder of the newest of the runs.")
RESULTS = typer.Option(help="Folder that holds the runs.")


def report(
    run_ids: Annotated[list[str] | None, RUN_IDS] = None,
    out: Annotated[Path | None, OUT] = None,
    results: Annotated[Path, RESULTS] = Path("results"),
) -> None:
    """Write tables and charts of one or more runs, and print where."""
    from zoobench import store  # noqa: PLC0415  --help must not wait for what only a report needs
    from zoobench.reports.write import write_report  # noqa: PLC0415

    names = list(dict.fromkeys(run_ids or [store.newest_run(results)]))
    runs = [store.load_run(results, name) for name in names]
    for note in (note for stored in runs for note in stored.notes):
        typer.echo(f"zoobench: {note}", err=True)
    paths = write_report(runs, out or results / max(names) / "report")
    typer.echo(paths.page)
