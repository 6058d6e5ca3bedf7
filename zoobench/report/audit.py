"""The counting audit: what a run counted beside fvcore's count and torchvision's, and what the differences are made of.

Rows are of models for which a cross-check was asked (`zoobench.measure.worker.probes.counts` wrote the records).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
import pandas as pd

from zoobench.cases import ImageSize, ModelRef, format_count, format_percent
from zoobench.records import CaseRecord, metrics
from zoobench.records.store import StoredRun
from zoobench.report.selection import run_names
from zoobench.report.tables import RATIO, Column, ColumnKind, Table, render_cut_table

FVCORE_MACS = "fvcore_macs"
PUBLISHED_MACS = "published_macs"
PUBLISHED_PARAMETERS = "published_parameters"
REMAINDER = "remainder"

LAST_DECIMAL: Final = 10**6
"""Of a published count: torchvision prints `_ops` in 10^9 with three decimals (test/common_extended_utils.py)."""

PRINTED: Final = "printed by torchvision"

CLOSE_RATIO: Final = 0.01
MOST_NAMES: Final = 3
"""Terms, or operators, that are named in one cell."""

_COLUMNS = (
    Column("model", "Model"),
    Column("image_size", "Image size"),
    Column("macs", "MACs", ColumnKind.NUMBER, metrics.COUNT),
    Column("fvcore", "fvcore", ColumnKind.NUMBER, metrics.COUNT),
    Column("difference_ratio", "Difference", ColumnKind.NUMBER, RATIO),
    Column("terms", "Explained by"),
    Column("remainder", "Unexplained", ColumnKind.NUMBER, metrics.COUNT),
    Column("left_out", "Left out by fvcore (calls)"),
    Column("published", "Printed by torchvision", ColumnKind.NUMBER, metrics.COUNT),
    Column("verdict", "Verdict"),
)


METHOD: Final = """\
Counts are of one image's forward pass, in multiply-accumulates. An explaining term above zero is work that only fvcore
counts (normalisation and adaptive pooling, by elements), below zero work that only we do. torchvision prints
its count (`_ops`) with three decimals of 10⁹; its parameters of Inception v3 include an auxiliary head."""


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """One model at one image size, as three counters see it; None where one says nothing, `silence` then says why.

    `terms` add up, with `remainder`, to fvcore's multiply-accumulates less ours. `left_out` are calls of operators.
    `missing_parameters` are those that torchvision prints less ours.
    """

    run_id: str
    model: ModelRef
    resolution: ImageSize
    macs: float | None
    fvcore: float | None
    published: float | None
    missing_parameters: float | None
    terms: Mapping[str, float]
    remainder: float | None
    left_out: Mapping[str, float]
    silence: str


class Deviation(NamedTuple):
    """How far another counter's multiply-accumulates lie from ours, over ours, less 1, and why."""

    counter: str
    ratio: float
    reason: str


def audit_table(runs: Sequence[StoredRun]) -> Table:
    """A row for each model that was audited, in the order of the records."""
    names = run_names((stored.run.run_id, stored.run.label) for stored in runs)
    rows = audit_rows(runs)
    columns = (Column("run", "Run"), *_COLUMNS) if len(runs) > 1 else _COLUMNS
    cells = [{"run": names[row.run_id], **_cells(row)} for row in rows]
    numbers = [column.key for column in _COLUMNS if column.kind is ColumnKind.NUMBER]
    frame = pd.DataFrame(cells, columns=["run", *_keys(_COLUMNS)]).astype(dict.fromkeys(numbers, "float64"))
    empty = "No second opinion on counts was asked for."
    return Table("audit", "Counting audit", frame[_keys(columns)], columns, empty)


def render_audit(runs: Sequence[StoredRun], *, most_rows: int, rest: str) -> str:
    """The section of the page: the summary, then the table; empty if no audit was asked for."""
    table = audit_table(runs)
    if table.frame.empty:
        return ""
    rows = render_cut_table(table, most_rows=most_rows, rest=rest)
    return "\n\n".join([f"## {table.title}", audit_summary(runs), METHOD, rows])


def audit_summary(runs: Sequence[StoredRun]) -> str:
    """How often each counter is right, and how much of the difference is explained; empty without an audit."""
    rows = audit_rows(runs)
    if not rows:
        return ""
    explained = [row for row in rows if row.remainder is not None]
    exact = sum(row.remainder == 0 for row in explained)
    sentences = [_agreement(rows)] if any(row.published is not None for row in rows) else []
    sentences.append(
        f"The difference between fvcore's count and ours is explained to the last operation in {exact} of "
        f"{len(explained)} models."
    )
    return " ".join(sentences)


def audit_rows(runs: Iterable[StoredRun]) -> tuple[AuditRow, ...]:
    """One for each run, model and image size of which anything about an audit was recorded."""
    return tuple(row for stored in runs for row in _rows_of(stored))


def deviations(row: AuditRow) -> Iterator[Deviation]:
    """Of each counter that has a cross-check; none where we have not, or counted nothing."""
    if not row.macs:
        return
    if row.fvcore is not None:
        yield Deviation("fvcore", row.fvcore / row.macs - 1, _second_reason(row))
    if row.published is not None:
        yield Deviation(PRINTED, row.published / row.macs - 1, _publication(row))


def is_equal_after_rounding(macs: float, published: float) -> bool:
    """Whether a count prints as torchvision's does."""
    return round(macs / LAST_DECIMAL) == round(published / LAST_DECIMAL)


def is_close(macs: float, published: float) -> bool:
    """Whether a count is within 1 % of the published one."""
    return abs(macs - published) <= CLOSE_RATIO * published


def _rows_of(stored: StoredRun) -> Iterator[AuditRow]:
    groups: dict[tuple[ModelRef, ImageSize], list[CaseRecord]] = {}
    for record in stored.records:
        groups.setdefault((record.case.model, record.case.resolution), []).append(record)
    for (model, resolution), records in groups.items():
        fvcore, silence = _value(records, FVCORE_MACS), _silence(records)
        if fvcore is None and silence is None:
            continue
        difference = _values(records, "macs", "fvcore-difference")
        yield AuditRow(
            run_id=stored.run.run_id,
            model=model,
            resolution=resolution,
            macs=_value(records, "macs"),
            fvcore=fvcore,
            published=_value(records, PUBLISHED_MACS),
            missing_parameters=_missing_parameters(records),
            terms={operator: macs for operator, macs in difference.items() if operator != REMAINDER},
            remainder=difference.get(REMAINDER),
            left_out=_values(records, "fvcore_unsupported_calls", "operator"),
            silence=silence or "",
        )


def _missing_parameters(records: Sequence[CaseRecord]) -> float | None:
    printed, found = _value(records, PUBLISHED_PARAMETERS), _value(records, "parameters")
    return None if printed is None or found is None else printed - found


def _silence(records: Iterable[CaseRecord]) -> str | None:
    absent = (absent for record in records for absent in record.unavailable)
    return next((each.reason for each in absent if each.metric == FVCORE_MACS), None)


def _value(records: Iterable[CaseRecord], metric: str) -> float | None:
    found = (record.measurement(metric) for record in records)
    return next((measurement.samples[0] for measurement in found if measurement is not None), None)


def _values(records: Iterable[CaseRecord], metric: str, by: str) -> Mapping[str, float]:
    breakdowns = (breakdown for record in records for breakdown in record.breakdowns)
    return next((each.values for each in breakdowns if (each.metric, each.by) == (metric, by)), {})  # noqa: PD011


def _cells(row: AuditRow) -> dict[str, object]:
    return {
        "model": row.model.name,
        "image_size": str(row.resolution),
        "macs": row.macs,
        "fvcore": row.fvcore,
        "difference_ratio": row.fvcore / row.macs - 1 if row.macs and row.fvcore is not None else None,
        "terms": _listed(row.terms, _signed),
        "remainder": row.remainder,
        "left_out": _listed(row.left_out, _whole),
        "published": row.published,
        "verdict": _verdict(row),
    }


def _verdict(row: AuditRow) -> str:
    parts = (_publication(row), _parameters(row), _ask_fvcore(row))
    return "; ".join(part for part in parts if part)


def _publication(row: AuditRow) -> str:
    if row.macs is None:
        return "not counted"
    if row.published is None:
        return "no published count"
    if is_equal_after_rounding(row.macs, row.published):
        return "as published"
    return f"{format_percent(abs(row.macs / row.published - 1), digits=2)} off the published count"


def _parameters(row: AuditRow) -> str:
    missing = row.missing_parameters
    return f"{format_count(abs(missing))} parameters {'more' if missing > 0 else 'fewer'} published" if missing else ""


def _ask_fvcore(row: AuditRow) -> str:
    if row.remainder is None:
        return row.silence or "no second opinion"
    if row.remainder:
        return f"{format_count(abs(row.remainder))} unexplained"
    return "fvcore explained" if row.terms else "fvcore agrees"


def _second_reason(row: AuditRow) -> str:
    """What fvcore counts that we do not, or the other way about."""
    return ": ".join(filter(None, (_ask_fvcore(row), _listed(row.terms, _signed))))


def _agreement(rows: Sequence[AuditRow]) -> str:
    printed = [row for row in rows if row.published is not None]
    ours = [(row.macs, row.published) for row in printed if row.macs is not None and row.published is not None]
    theirs = [(row.fvcore, row.published) for row in printed if row.fvcore is not None and row.published is not None]
    return (
        f"Of {len(printed)} models whose count torchvision prints, our count equals "
        f"{sum(itertools.starmap(is_equal_after_rounding, ours))} after rounding; fvcore's equals "
        f"{sum(itertools.starmap(is_equal_after_rounding, theirs))} and is within "
        f"{format_percent(CLOSE_RATIO, digits=0)} of {sum(itertools.starmap(is_close, theirs))}."
    )


def _listed(values: Mapping[str, float], form: Callable[[float], str]) -> str:
    """The largest ones by name, and how many more there are."""
    largest = sorted(values, key=lambda name: -abs(values[name]))
    texts = [f"{name.removeprefix('aten::')} {form(values[name])}" for name in largest[:MOST_NAMES]]
    rest = len(largest) - MOST_NAMES
    return ", ".join([*texts, f"{rest} more"] if rest > 0 else texts)


def _signed(macs: float) -> str:
    return f"{'+' if macs > 0 else '−'}{format_count(abs(macs))}"


def _whole(calls: float) -> str:
    return f"× {calls:.0f}"


def _keys(columns: Iterable[Column]) -> list[str]:
    return [column.key for column in columns]
