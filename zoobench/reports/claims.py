"""The papers' claims on speed as tables: what is printed, what this machine gives, and one over the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from zoobench.papers.claims import judge_claims
from zoobench.papers.comparison import Claim, Comparison, Scale
from zoobench.papers.evidence import Interval
from zoobench.reports.escape import markdown_text
from zoobench.reports.markdown import render_table
from zoobench.reports.tables import Column, Table
from zoobench.store import StoredRun
from zoobench.units import NOT_MEASURED, format_count, format_percent

MEASURED_BY = "`pytest suites/bench_papers.py --benchmark-only` measures what the claims need."

_COLUMNS = (
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
_KEYS = ("claim", "source", "subject", "quantity", "scale", *_NUMBERS, *(column.key for column in _COLUMNS[2:]))
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
    rows = [{"claim": claim.key, "source": claim.source} | _row(each) for claim in claims for each in claim.comparisons]
    frame = pd.DataFrame(rows, columns=list(_KEYS)).astype(dict.fromkeys(_NUMBERS, "float64"))
    return Table("claims", "Claims on speed", frame, (Column("source", "Paper"), *_COLUMNS), _NO_CLAIM)


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
        *(_found(claim) if claim.is_measured else [_lack(claim)]),
    ]
    return "\n\n".join(part for part in parts if part)


def _found(claim: Claim) -> Iterable[str]:
    return render_table(_table_of(claim)), "\n".join(f"- {markdown_text(note)}" for note in claim.notes)


def _lack(claim: Claim) -> str:
    """What is missing first stands for the rest, which its file has."""
    first, *others = dict.fromkeys(comparison.lack for comparison in claim.comparisons if comparison.lack)
    more = f"; {len(others)} more in tables/claims.csv" if others else ""
    return f"- {markdown_text(first + more)}"


def _table_of(claim: Claim) -> Table:
    rows = [_row(comparison) for comparison in claim.comparisons]
    has_notes = any(row["note"] for row in rows)
    columns = _COLUMNS if has_notes else _COLUMNS[:-1]
    return Table(claim.key, claim.title, pd.DataFrame(rows), columns, _NO_CLAIM)


def _row(comparison: Comparison) -> dict[str, object]:
    found = comparison.found
    return {
        "subject": comparison.subject,
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


def _relation_text(comparison: Comparison) -> str:
    if comparison.found is None or not comparison.printed:
        return NOT_MEASURED
    return f"{comparison.found.value / comparison.printed:.2f}"
