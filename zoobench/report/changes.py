"""What changed between the first and the last of several runs: exact metrics, and times as far as they can be compared.

Whether a time changed is decided by `zoobench.stats.verdicts.stored_runs`, which says of runs of one process each how
they differ, and no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import pandas as pd

from zoobench.cases import format_percent, plural
from zoobench.records import metrics
from zoobench.records.comparison import CaseResult, Comparison, Rule, Verdict
from zoobench.records.store import StoredRun
from zoobench.report.comparison.wording import ExactRow, exact_rows, has_interval, row_of, worst_first
from zoobench.report.selection import run_names
from zoobench.report.tables import RATIO, Column, ColumnKind, Table
from zoobench.report.text import markdown_text
from zoobench.stats.verdicts.decide import margin_of
from zoobench.stats.verdicts.outcome import short_names
from zoobench.stats.verdicts.stored_runs import LEAST_PROCESSES, compare_runs

METHOD: Final = f"""\
- Exact metrics (parameters, MACs, predicted memory …) are compared to the last digit.
- A run measures a case in one process, and one process is one draw: how far its time lies from the next process's is
  not known from its rounds, however many. Times are therefore tested from {LEAST_PROCESSES} runs a side on.
- Stored runs were not measured in turns: what changed on the machine between them cannot be told from what changed in
  the code. `python -m zoobench compare BASE..HEAD` measures two commits in turns."""

_CHANGES = (
    Column("case", "Case"),
    Column("base_s", "First", ColumnKind.NUMBER, metrics.SECONDS),
    Column("head_s", "Last", ColumnKind.NUMBER, metrics.SECONDS),
    Column("ratio", "Last over first", ColumnKind.NUMBER, RATIO),
    Column("verdict", "Verdict"),
    Column("note", "Note"),
)
_EXACT = (
    Column("case", "Case"),
    Column("metric", "Metric"),
    Column("base", "First"),
    Column("head", "Last"),
    Column("change", "Change"),
)


def compare_ends(runs: Sequence[StoredRun]) -> Comparison | None:
    """The first of these runs as the base, the last as the head; None of fewer than two."""
    if len(runs) < 2:  # noqa: PLR2004  one run has nothing to be held against
        return None
    base, head = runs[0], runs[-1]
    devices = {record.case.device for stored in (base, head) for record in stored.records}
    return compare_runs([base], [head], Rule(margin_ratio=margin_of(devices)))


def changes_table(comparison: Comparison | None) -> Table:
    """A row for each case, the worst first; a reason that all undecided cases share is left to the sentences."""
    cases = worst_first(comparison.cases) if comparison else []
    names = short_names([case.id for case in cases])
    shared = _shared_reason(cases)
    keys = ["case_id", *(column.key for column in _CHANGES)]
    frame = pd.DataFrame([_row(case, names[case.id], shared) for case in cases], columns=keys)
    frame = frame.astype(dict.fromkeys(("base_s", "head_s", "ratio"), "float64"))
    return Table("changes", "What changed, by case", frame, _CHANGES, "Fewer than two runs are shown.")


def exact_changes_table(comparison: Comparison | None) -> Table:
    """A row for each exact metric that differs, those for the worse first."""
    rows: list[ExactRow] = []
    if comparison is not None:
        rows = exact_rows(comparison, short_names([case.id for case in comparison.cases]))
    frame = pd.DataFrame(rows, columns=[column.key for column in _EXACT])
    return Table("exact_changes", "Exact metrics that differ", frame, _EXACT, "No exact metric differs.")


def change_sentences(comparison: Comparison, runs: Sequence[StoredRun]) -> tuple[str, ...]:
    """In Markdown: which runs are compared, what was found, what the times are worth, and what else differs."""
    return (
        _sides(runs),
        markdown_text(comparison.headline),
        _about_exact(comparison),
        *_about_times(comparison),
        _about_environments(comparison),
    )


def _row(case: CaseResult, name: str, shared: str) -> dict[str, object]:
    times = case.times
    note = row_of(case, name).note
    return {
        "case_id": case.id,
        "case": name,
        "base_s": times.base_s if times else None,
        "head_s": times.head_s if times else None,
        "ratio": times.ratio if times else None,
        "verdict": case.verdict.value,
        "note": note.removeprefix(shared).removeprefix("; ") if shared else note,
    }


def _shared_reason(cases: Iterable[CaseResult]) -> str:
    """Of the cases whose times have no verdict; empty if they have several."""
    reasons = {case.reason for case in cases if case.times is not None and case.verdict is Verdict.UNDECIDED}
    return reasons.pop() if len(reasons) == 1 else ""


def _sides(runs: Sequence[StoredRun]) -> str:
    names = run_names((stored.run.run_id, stored.run.label) for stored in runs)
    base, head = (markdown_text(names[stored.run.run_id]) for stored in (runs[0], runs[-1]))
    between = f" (the first and the last of {len(runs)})" if len(runs) > 2 else ""  # noqa: PLR2004  two are both ends
    return f"{head} is held against {base}{between}."


def _about_exact(comparison: Comparison) -> str:
    changes = [change for case in comparison.cases for change in case.exact_changes]
    if not changes:
        return "No exact metric differs in a case that both have."
    cases = sum(bool(case.exact_changes) for case in comparison.cases)
    worse = sum(change.is_worse is True for change in changes)
    counted = f"{plural(cases, 'case')}: {plural(len(changes), 'value')}"
    return f"Exact metrics differ in {counted}, {worse or 'none'} for the worse."


def _about_times(comparison: Comparison) -> Iterable[str]:
    """How far the times lie apart, and why that is no verdict; nothing where no case has times in both runs."""
    timed = [case for case in comparison.cases if case.times is not None]
    if not timed:
        return
    ratios = pd.Series([case.times.ratio for case in timed if case.times])
    median, least, most = (format_percent(float(ratio)) for ratio in (ratios.median(), ratios.min(), ratios.max()))
    cases = plural(len(timed), "case")
    yield f"Time, last over first: {median} in the median of {cases}, from {least} to {most}."
    if not any(has_interval(case) for case in timed):
        yield (
            "These ratios have no interval and are no verdicts, one process each: see `python -m zoobench compare`, "
            f"which decides from {LEAST_PROCESSES} runs a side on (`RUN,RUN,… RUN,RUN,…`) or measures two commits in "
            "turns (`BASE..HEAD`)."
        )


def _about_environments(comparison: Comparison) -> str:
    if not comparison.differences:
        return "The environments do not differ in a fact that is compared."
    matter = [difference for difference in comparison.differences if difference.matters]
    named = "; ".join(
        f"{each.fact}: {each.base or 'unknown'} → {each.head or 'unknown'}" for each in matter or comparison.differences
    )
    count = plural(len(comparison.differences), "fact")
    if not matter:
        return f"The environments differ in {count}, none of which matters to times ({markdown_text(named)})."
    return f"The environments differ in {count}; times cannot be compared because of {markdown_text(named)}."
