"""The Reproduction section: each printed figure beside what a run counted, with its verdict and the reason."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import pandas as pd

from zoobench.cases import NOT_MEASURED, format_count, format_percent
from zoobench.papers.claims import judge_claims
from zoobench.papers.evidence import Claim, Interval, PaperComparison, Scale
from zoobench.papers.experiments import NETS
from zoobench.papers.remarks import is_static
from zoobench.papers.verdict import FigureVerdict, Judgement, count_verdicts, judge_all
from zoobench.records.store import StoredRun
from zoobench.report.tables import Column, Table, render_table
from zoobench.report.text import markdown_text

# The papers' claims on speed as tables: what is printed, what this machine gives, and one over the other.


MEASURED_BY = "`pytest suites/bench_papers.py --benchmark-only` measures what the claims need."

_CLAIM_COLUMNS = (
    Column("subject", "Of"),
    Column("quantity", "Quantity"),
    Column("printed_text", "Printed"),
    Column("found_text", "Found"),
    Column("relation_text", "Found ÷ printed"),
    Column("note", "Note"),
)
_CHARTS = {"shufflenet-speed-up": "theoretical_against_actual", "mobilenet-by-kind": "time_share_by_kind"}
"""Which chart stands above which claim's table."""

_NUMBERS = ("printed", "found", "found_low", "found_high")
_CLAIM_KEYS = (
    "claim",
    "source",
    "subject",
    "quantity",
    "scale",
    *_NUMBERS,
    *(column.key for column in _CLAIM_COLUMNS[2:]),
)
_NO_CLAIM = "No claim was judged."


def judged_run(runs: Sequence[StoredRun]) -> StoredRun | None:
    """The run that has most to say on the claims, the newest of several; claims never mix two runs."""
    if len(runs) == 1:
        return runs[0]
    return max(runs, key=lambda stored: (_found_count(stored), stored.run.run_id), default=None)


def _found_count(stored: StoredRun) -> int:
    return sum(each.found is not None for claim in judge_claims(stored.records) for each in claim.comparisons)


def claims_table(runs: Sequence[StoredRun]) -> Table:
    """A row a comparison of every claim: its numbers as numbers, and as they are printed on the page."""
    claims = _claims(judged_run(runs))
    rows = [
        {"claim": claim.key, "source": claim.source} | _claim_row(each)
        for claim in claims
        for each in claim.comparisons
    ]
    frame = pd.DataFrame(rows, columns=list(_CLAIM_KEYS)).astype(dict.fromkeys(_NUMBERS, "float64"))
    return Table("claims", "Claims on speed", frame, (Column("source", "Paper"), *_CLAIM_COLUMNS), _NO_CLAIM)


def render_claims(runs: Sequence[StoredRun], images: Mapping[str, str]) -> str:
    """Each claim under a heading of its own: what it says, how times were taken here, its chart, table and notes.

    `images` are the charts that were drawn, by key. A claim that the run says nothing on is one line.
    """
    stored = judged_run(runs)
    claims = _claims(stored)
    which = f"Of run {markdown_text(stored.run.run_id)}." if stored and len(runs) > 1 else ""
    missing = "" if all(claim.is_complete for claim in claims) else MEASURED_BY
    sections = [_render(claim, images.get(_CHARTS.get(claim.key, ""), "")) for claim in claims]
    return "\n\n".join(part for part in ("## Claims on speed", which, *sections, missing) if part)


def _claims(stored: StoredRun | None) -> tuple[Claim, ...]:
    return () if stored is None else judge_claims(stored.records)


def _render(claim: Claim, image: str) -> str:
    here = f"Here: {claim.setting}." if claim.setting and claim.is_measured else ""
    parts = [
        f"### {markdown_text(claim.title)}",
        markdown_text(f"{claim.source}: {claim.statement} {here}".strip()),
        image,
        *(_found(claim) if claim.is_measured else [_claim_lack(claim)]),
    ]
    return "\n\n".join(part for part in parts if part)


def _found(claim: Claim) -> Iterable[str]:
    return render_table(_table_of(claim)), "\n".join(f"- {markdown_text(note)}" for note in claim.notes)


def _claim_lack(claim: Claim) -> str:
    """What is missing first stands for the rest, which its file has."""
    first, *others = dict.fromkeys(comparison.lack for comparison in claim.comparisons if comparison.lack)
    more = f"; {len(others)} more in tables/claims.csv" if others else ""
    return f"- {markdown_text(first + more)}"


def _table_of(claim: Claim) -> Table:
    rows = [_claim_row(comparison) for comparison in claim.comparisons]
    has_notes = any(row["note"] for row in rows)
    columns = _CLAIM_COLUMNS if has_notes else _CLAIM_COLUMNS[:-1]
    return Table(claim.key, claim.title, pd.DataFrame(rows), columns, _NO_CLAIM)


def _claim_row(comparison: PaperComparison) -> dict[str, object]:
    found = comparison.found
    return {
        "subject": comparison.workload,
        "quantity": comparison.quantity,
        "scale": comparison.scale.value,
        "printed": comparison.printed,
        "found": found.value if found else None,
        "found_low": found.low if found else None,
        "found_high": found.high if found else None,
        "printed_text": _text(comparison.printed, comparison.scale),
        "found_text": _found_text(found, comparison.scale),
        "relation_text": _relation_text(comparison),
        "note": "; ".join(filter(None, (comparison.note, comparison.lack))),
    }


def _text(value: float | None, scale: Scale) -> str:
    if value is None:
        return NOT_MEASURED
    formats = {Scale.TIMES: times_text, Scale.SHARE: _share_text, Scale.CORRELATION: "{:.2f}".format}
    return formats[scale](value)


def times_text(ratio: float) -> str:
    """`12.1×`."""
    return f"{format_count(ratio)}×"


def _share_text(share: float) -> str:
    return format_percent(share, digits=2)


def _found_text(found: Interval | None, scale: Scale) -> str:
    """The value, and half the width of its interval as a percentage of it."""
    if found is None or found.low is None or found.high is None:
        return _text(found.value if found else None, scale)
    return f"{_text(found.value, scale)} ±{format_percent((found.high - found.low) / 2 / found.value)}"


def _relation_text(comparison: PaperComparison) -> str:
    if comparison.found is None or not comparison.printed:
        return NOT_MEASURED
    return f"{comparison.found.value / comparison.printed:.2f}"


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
    explained = counts[FigureVerdict.UNDER_CONVENTION] + counts[FigureVerdict.MISPRINT]
    return (
        f"**{len(judged)} printed figures**: {counts[FigureVerdict.REPRODUCED]} reproduced, {explained} explained "
        f"({counts[FigureVerdict.UNDER_CONVENTION]} under a declared convention, "
        f"{counts[FigureVerdict.MISPRINT]} misprints), "
        f"{counts[FigureVerdict.NOT_REPRODUCIBLE]} not reproducible, "
        f"{counts[FigureVerdict.NOT_COMPARABLE]} not comparable, "
        f"{counts[FigureVerdict.NOT_MEASURED]} not counted by this run."
    )


def _lack(judged: Sequence[Judgement]) -> str:
    """The command that counts what is missing, after a space; empty if nothing is."""
    return f" {COUNTED_BY}" if count_verdicts(judged)[FigureVerdict.NOT_MEASURED] else ""


def _papers(judged: Iterable[Judgement]) -> Iterable[str]:
    """A heading and a table for each paper; what the run did not count is left to the file."""
    shown = (each for each in judged if each.verdict is not FigureVerdict.NOT_MEASURED)
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
    if judgement.verdict is FigureVerdict.UNDER_CONVENTION:
        return f"{judgement.verdict.value}: {judgement.convention}"
    return judgement.verdict.value
