"""The report on disk. Building a table or a chart is elsewhere; this module only touches files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
from matplotlib.figure import Figure
from pyarrow.csv import write_csv

from zoobench.cases import StoreError
from zoobench.records.store import StoredRun
from zoobench.report.charts.batch import FRONTIER
from zoobench.report.charts.canvas import IN_PAPERS, write_charts
from zoobench.report.charts.papers import PAPER_CHARTS
from zoobench.report.charts.roofline import WHY_CHARTS
from zoobench.report.charts.run_charts import CHARTS
from zoobench.report.html import render_html
from zoobench.report.page import FIGURES, TABLES, render_page
from zoobench.report.report_data import ReportData, collect_report_data
from zoobench.report.reproduction import judged_run
from zoobench.report.tables import Table, render_cut_table

HTML_PAGE = "index.html"

MOST_MARKDOWN_ROWS = 1000
"""Nobody reads more in Markdown, and laying twenty thousand rows out takes seconds; the CSV beside it has them all."""


class ReportPaths(NamedTuple):
    """What was written, and where. `html` is None and `figures` empty where they were not asked for."""

    page: Path
    html: Path | None
    tables: tuple[Path, ...]
    figures: tuple[Path, ...]
    parquet: Path
    csv: Path


def write_report(runs: Iterable[StoredRun], out: Path, *, is_html: bool = True, is_drawn: bool = False) -> ReportPaths:
    """Write the frame, the tables and the pages of these runs into a folder, which is made if need be.

    `is_html` asks for the page in HTML, `is_drawn` for the charts, which take longest and which the Markdown then
    shows. A chart for which the runs have no data is not written, and the Markdown says what it lacks.
    Raises: StoreError if the folder cannot be written.
    """
    report_data = collect_report_data(runs)
    try:
        (out / TABLES).mkdir(parents=True, exist_ok=True)
        html = _write_html(report_data, out / HTML_PAGE, is_asked=is_html)
        figures = _write_figures(report_data, out / FIGURES) if is_drawn else ()
        drawn = {path.stem for path in figures} if is_drawn else None
        page = _write_text(out / "report.md", render_page(report_data, drawn=drawn))
        parquet, csv = _write_frame(report_data.frame, out)
        tables = tuple(_write_tables((*report_data.listed, *report_data.beside), out / TABLES))
        return ReportPaths(page, html, tables, figures, parquet, csv)
    except OSError as error:
        raise StoreError(f"cannot write the report to {out}: {error.strerror or error}") from error


def _write_html(report_data: ReportData, path: Path, *, is_asked: bool) -> Path | None:
    """The page in HTML, or none: then an earlier one, which would pass for a page of this report, is taken away."""
    if is_asked:
        return _write_text(path, render_html(report_data))
    path.unlink(missing_ok=True)
    return None


def _write_figures(report_data: ReportData, folder: Path) -> tuple[Path, ...]:
    folder.mkdir(exist_ok=True)
    return tuple(write_charts(_charts(report_data), folder, IN_PAPERS))


def _charts(report_data: ReportData) -> Iterable[tuple[str, Figure | None]]:
    """Every chart that the Markdown may show, by key; None where the runs have nothing to draw."""
    judged = judged_run(report_data.runs)
    yield from ((chart.key, chart.build(report_data.view)) for chart in CHARTS)
    yield from ((chart.key, chart.build(report_data.why.found)) for chart in WHY_CHARTS)
    yield from ((chart.key, chart.build(judged.records if judged else ())) for chart in PAPER_CHARTS)
    yield FRONTIER.key, FRONTIER.build(report_data.frontiers)


def _write_tables(tables: Iterable[Table], folder: Path) -> Iterable[Path]:
    for table in tables:
        yield _write_text(folder / f"{table.key}.md", _markdown_of(table))
        path = folder / f"{table.key}.csv"
        table.frame.to_csv(path, index=False)
        yield path


def _markdown_of(table: Table) -> str:
    return render_cut_table(table, most_rows=MOST_MARKDOWN_ROWS, rest=f"{table.key}.csv") + "\n"


def _write_frame(frame: pd.DataFrame, out: Path) -> tuple[Path, Path]:
    """The CSV by pyarrow, which is ten times as fast as pandas."""
    parquet, csv = out / "frame.parquet", out / "frame.csv"
    frame.to_parquet(parquet, index=False)
    write_csv(pa.Table.from_pandas(frame, preserve_index=False), csv)
    return parquet, csv


def _write_text(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path
