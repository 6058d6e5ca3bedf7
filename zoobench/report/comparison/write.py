"""Write a comparison to disk, and to the summary of the continuous-integration job."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from zoobench.cases import StoreError
from zoobench.records.comparison import Comparison, write_document
from zoobench.records.files import write_atomically
from zoobench.report.comparison import wording
from zoobench.report.comparison.junit import FILE as JUNIT_FILE
from zoobench.report.comparison.junit import render_junit
from zoobench.report.comparison.markdown import render_markdown

MARKDOWN_FILE = "compare.md"
_FOREST = "forest"
SUMMARY = "GITHUB_STEP_SUMMARY"
MOST_SUMMARY_BYTES = 1024 * 1024
"""GitHub discards larger summaries of a step."""


class Paths(NamedTuple):
    """The paths written. `summary` is the job's, if there is one; `note` says why nothing was added to it."""

    document: Path
    markdown: Path
    junit: Path
    figures: tuple[Path, ...]
    summary: Path | None = None
    note: str = ""


def write_comparison(comparison: Comparison, folder: Path, environment: Mapping[str, str] = os.environ) -> Paths:
    """Write `compare.json`, `compare.md`, `junit.xml` and the forest plot into a folder, creating it if needed.

    If the environment names a job summary (GitHub's), the Markdown is appended to it; failing to do so is no error.
    Raises: StoreError if the folder cannot be written.
    """
    page = render_markdown(comparison).encode()
    try:
        document = write_document(comparison, folder)
        markdown = write_atomically(folder / MARKDOWN_FILE, page)
        junit = write_atomically(folder / JUNIT_FILE, render_junit(comparison))
        figures = _write_forest(comparison, folder)
    except OSError as error:
        raise StoreError(f"cannot write the comparison to {folder}: {error.strerror or error}") from error
    named = environment.get(SUMMARY)
    summary, note = _add_to_summary(page, Path(named)) if named else (None, "")
    return Paths(document, markdown, junit, figures, summary, note)


def _write_forest(comparison: Comparison, folder: Path) -> tuple[Path, ...]:
    """Write the forest plot. If no time has an interval, remove that of an earlier comparison: it would be mistaken."""
    if not any(wording.has_interval(case) for case in comparison.cases):
        for path in folder.glob(f"{_FOREST}.*"):
            path.unlink()
        return ()
    from zoobench.report.charts.canvas import write_figure  # noqa: PLC0415 - imported late: matplotlib is slow to import
    from zoobench.report.comparison.forest import draw_forest  # noqa: PLC0415

    return write_figure(draw_forest(comparison), folder, _FOREST)


def _add_to_summary(page: bytes, path: Path) -> tuple[Path | None, str]:
    """Append the page to what other commands of the step have written."""
    try:
        taken = path.stat().st_size if path.exists() else 0
        if taken + len(page) > MOST_SUMMARY_BYTES:
            return None, f"the job's summary is full ({taken:,} bytes): {MARKDOWN_FILE} was not added to it"
        with path.open("ab") as file:
            file.write(page)
    except OSError as error:
        return None, f"cannot write the job's summary {path}: {error.strerror or error}"
    return path, ""
