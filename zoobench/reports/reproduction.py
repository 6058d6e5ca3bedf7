"""The Reproduction section: each printed figure beside what a run counted, with its verdict and the reason."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Final

import pandas as pd

from zoobench.papers.experiments import NETS
from zoobench.papers.incomparable import is_static
from zoobench.papers.verdict import Judgement, Verdict, count_verdicts, judge_all
from zoobench.reports.claims import judged_run
from zoobench.reports.escape import markdown_text
from zoobench.reports.markdown import render_table
from zoobench.reports.tables import Column, Table
from zoobench.store import StoredRun
from zoobench.units import NOT_MEASURED, format_percent

TITLE: Final = "Reproduction of the papers' figures"

COUNTED_BY: Final = "`pytest suites/bench_papers.py --benchmark-only` counts the nets that the papers' figures need."

METHOD: Final = """\
A figure is *reproduced* if the plain count (multiply-accumulates of convolutions and matrix products, all parameters)
rounds to what is printed; *under-convention* if a way of counting or rounding does that is declared for its table; a
*misprint* if the table itself and the count prove one; *not-reproducible* if none of these; *not-comparable* if no
count can tell. The difference is found over printed, less 1."""

_FIGURE_COLUMNS = (Column("table", "Table"), Column("row", "Row"), Column("metric", "Metric"))
_COLUMNS = (
    *_FIGURE_COLUMNS,
    Column("printed_text", "Printed"),
    Column("found_text", "Found"),
    Column("difference_text", "Difference"),
    Column("verdict_text", "Verdict"),
    Column("note", "Note"),
)
_KEYS = (
    *(
        "figure",
        "paper",
        "arxiv",
        "table",
        "row",
        "metric",
        "is_static",
        "printed",
        "unit",
        "found",
        "difference_ratio",
    ),
    *("verdict", "convention", "note", "status", "printed_text", "found_text", "difference_text", "verdict_text"),
)
_PREFIXED = frozenset({"M", "MB", "%"})
"""Units that are printed after their number."""


def reproduction_table(runs: Sequence[StoredRun]) -> Table:
    """A row a published figure, accuracies and times included, with its verdict by the judged run."""
    rows = [_row(judgement) for judgement in _judgements(runs)]
    frame = pd.DataFrame(rows, columns=list(_KEYS)).astype({"found": "float64", "difference_ratio": "float64"})
    columns = (Column("paper", "Paper"), *_COLUMNS)
    return Table("reproduction", TITLE, frame, columns, "No figure was judged.")


def render_reproduction(runs: Sequence[StoredRun], *, image: str, rest: str) -> str:
    """The section of the page: the summary, the chart, and a table a paper of the facts of nets that were judged.

    `rest` is the file that has every figure, those of accuracy and time and those that the run did not count included.
    """
    judged = _compared(runs)
    heading = f"## {TITLE}"
    if not _is_counted(judged):
        return f"{heading}\n\n- No net of the papers was counted: {COUNTED_BY}"
    summary = f"{_summary(judged)} [{rest}]({rest}) has these and every printed accuracy and time.{_lack(judged)}"
    parts = [heading, _which(runs), summary, image, METHOD, *_papers(judged)]
    return "\n\n".join(part for part in parts if part)


def reproduction_summary(runs: Sequence[StoredRun]) -> str:
    """How many printed figures have which verdict, in Markdown; empty if none of their nets was counted."""
    judged = _compared(runs)
    return f"{_summary(judged)}{_lack(judged)}" if _is_counted(judged) else ""


def _is_counted(judged: Iterable[Judgement]) -> bool:
    """Whether any of these figures was counted."""
    return any(each.found_text for each in judged)


def _compared(runs: Sequence[StoredRun]) -> list[Judgement]:
    return [each for each in _judgements(runs) if _is_compared(each)]


def _judgements(runs: Sequence[StoredRun]) -> tuple[Judgement, ...]:
    stored = judged_run(runs)
    return judge_all(stored.records) if stored else ()


def _is_compared(judgement: Judgement) -> bool:
    """Whether a figure is a fact of a net, in one of the papers that are compared."""
    return is_static(judgement.figure) and judgement.figure.paper in NETS


def _which(runs: Sequence[StoredRun]) -> str:
    stored = judged_run(runs)
    return f"Of run {markdown_text(stored.run.run_id)}." if stored and len(runs) > 1 else ""


def _summary(judged: Sequence[Judgement]) -> str:
    counts = count_verdicts(judged)
    explained = counts[Verdict.UNDER_CONVENTION] + counts[Verdict.MISPRINT]
    return (
        f"**{len(judged)} printed figures**: {counts[Verdict.REPRODUCED]} reproduced, {explained} explained "
        f"({counts[Verdict.UNDER_CONVENTION]} under a declared convention, {counts[Verdict.MISPRINT]} misprints), "
        f"{counts[Verdict.NOT_REPRODUCIBLE]} not reproducible, {counts[Verdict.NOT_COMPARABLE]} not comparable, "
        f"{counts[Verdict.NOT_MEASURED]} not counted by this run."
    )


def _lack(judged: Sequence[Judgement]) -> str:
    """The command that counts what is missing, after a space; empty if nothing is."""
    return f" {COUNTED_BY}" if count_verdicts(judged)[Verdict.NOT_MEASURED] else ""


def _papers(judged: Iterable[Judgement]) -> Iterable[str]:
    """A heading and a table for each paper; what the run did not count is left to the file."""
    shown = (each for each in judged if each.verdict is not Verdict.NOT_MEASURED)
    for (paper, arxiv), of_paper in itertools.groupby(shown, key=lambda each: (each.figure.paper, each.figure.arxiv)):
        yield f"### {markdown_text(paper)} (arXiv:{arxiv})"
        frame = pd.DataFrame([_row(each) for each in of_paper], columns=list(_KEYS))
        yield render_table(Table("", paper, frame, _COLUMNS, ""))


def _row(judgement: Judgement) -> dict[str, object]:
    figure = judgement.figure
    return {
        "figure": figure.id,
        "paper": figure.paper,
        "arxiv": figure.arxiv,
        "table": figure.table,
        "row": ", ".join(filter(None, (figure.model, figure.variant))),
        "metric": figure.metric.replace("_", " "),
        "is_static": is_static(figure),
        "printed": figure.value,
        "unit": figure.unit,
        "found": judgement.found,
        "difference_ratio": judgement.difference_ratio,
        "verdict": judgement.verdict.value,
        "convention": judgement.convention,
        "note": judgement.note,
        "status": figure.status.value,
        "printed_text": f"{figure.value} {figure.unit}" if figure.unit in _PREFIXED else figure.value,
        "found_text": judgement.found_text or NOT_MEASURED,
        "difference_text": _difference_text(judgement),
        "verdict_text": _verdict_text(judgement),
    }


def _difference_text(judgement: Judgement) -> str:
    ratio = judgement.difference_ratio
    if ratio is None:
        return NOT_MEASURED
    return f"{'+' if ratio > 0 else ''}{format_percent(ratio, digits=2)}"


def _verdict_text(judgement: Judgement) -> str:
    if judgement.verdict is Verdict.UNDER_CONVENTION:
        return f"{judgement.verdict.value}: {judgement.convention}"
    return judgement.verdict.value
