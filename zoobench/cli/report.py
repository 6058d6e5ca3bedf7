"""`zoobench report`: tables and charts of stored runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoobench.cases import BadInputError

RUN_IDS = typer.Argument(metavar="RUN_ID", help="Runs to report, side by side; the newest one if none is given.")
OUT = typer.Option(help="Folder to write to; by default `report` in the folder of the newest of the runs.")
RESULTS = typer.Option(help="Folder that holds the runs.")
HTML = typer.Option(help="Write index.html too: one page to look at in a browser, which holds all it needs.")
FIGURES = typer.Option("--figures", help="Draw the charts too, as PNG, SVG and PDF; that takes longest.")
OPEN = typer.Option("--open", help="Open that page in the browser.")


def report(
    run_ids: Annotated[list[str] | None, RUN_IDS] = None,
    *,
    out: Annotated[Path | None, OUT] = None,
    results: Annotated[Path, RESULTS] = Path("results"),
    html: Annotated[bool, HTML] = True,
    is_drawn: Annotated[bool, FIGURES] = False,
    is_opened: Annotated[bool, OPEN] = False,
) -> None:
    """Write tables and charts of one or more runs, and print where."""
    if is_opened and not html:
        raise BadInputError("--open opens the page that --no-html leaves out: give one of the two")
    from zoobench.records import store  # noqa: PLC0415  --help must not wait for what only a report needs
    from zoobench.report.write import write_report  # noqa: PLC0415

    names = list(dict.fromkeys(run_ids or [store.newest_run(results)]))
    runs = [store.load_run(results, name) for name in names]
    for note in (note for stored in runs for note in stored.notes):
        typer.echo(f"zoobench: {note}", err=True)
    paths = write_report(runs, out or results / max(names) / "report", is_html=html, is_drawn=is_drawn)
    typer.echo(paths.page)
    if paths.html is not None:
        typer.echo(paths.html)
        if is_opened:
            _open(paths.html)


def _open(page: Path) -> None:
    import webbrowser  # noqa: PLC0415

    if not webbrowser.open(page.resolve().as_uri()):
        raise BadInputError(f"no browser was found: open {page} in one")
