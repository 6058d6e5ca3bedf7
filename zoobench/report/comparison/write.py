"""A comparison on the disk, and in the summary of the job that made it. What is written is made elsewhere."""

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
"""GitHub drops a step's summary that is larger."""


class Paths(NamedTuple):
    """What was written, and where. `summary` is the job's, if there is one; `note` says why nothing was added to it."""

    document: Path
    markdown: Path
    junit: Path
    figures: tuple[Path, ...]
    summary: Path | None = None
    note: str = ""


def write_comparison(comparison: Comparison, folder: Path, environment: Mapping[str, str] = os.environ) -> Paths:
    """Write `compare.json`, `compare.md`, `junit.xml` and the forest plot into a folder, which is made if need be.

    Where the environment names a summary of the job (GitHub's), the Markdown is added to it; that is never an error.
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
    """None where no time has an interval; one of an earlier comparison would pass for this one's."""
    if not any(wording.has_interval(case) for case in comparison.cases):
        for path in folder.glob(f"{_FOREST}.*"):
            path.unlink()
        return ()
    from zoobench.report.charts.canvas import write_figure  # noqa: PLC0415 - verdicts need not wait for matplotlib
    from zoobench.report.comparison.forest import draw_forest  # noqa: PLC0415

    return write_figure(draw_forest(comparison), folder, _FOREST)


def _add_to_summary(page: bytes, path: Path) -> tuple[Path | None, str]:
    """Behind what other commands of the step have written there."""
    try:
        taken = path.stat().st_size if path.exists() else 0
        if taken + len(page) > MOST_SUMMARY_BYTES:
            return None, f"the job's summary is full ({taken:,} bytes): {MARKDOWN_FILE} was not added to it"
        with path.open("ab") as file:
            file.write(page)
    except OSError as error:
        return None, f"cannot write the job's summary {path}: {error.strerror or error}"
    return path, ""
