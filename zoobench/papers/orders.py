"""Claims on order: whether nets stand in the same order by time here as on the paper's machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from zoobench.papers import timed
from zoobench.papers.comparison import Claim, Comparison, Scale
from zoobench.papers.evidence import Evidence, Interval, collect_evidence
from zoobench.papers.found import Net
from zoobench.papers.printed_table import PrintedTable
from zoobench.papers.ranking import Agreement, rank_agreement
from zoobench.papers.timed import Conditions
from zoobench.records import CaseRecord

_SPEARMAN = "Spearman's rho"
_KENDALL = "Kendall's tau"


class _Column(NamedTuple):
    """A printed column of times (`is_time`) or of speeds, and how its nets are called here."""

    metric: str
    quantity: str
    conditions: Conditions
    is_time: bool


def mobilenet_v2_order(records: Sequence[CaseRecord]) -> Claim:
    """MobileNetV2 Table 4: the order of the nets by time on one core."""
    column = _Column("cpu_time", "order by time on a Pixel 1's core", timed.ONE_THREAD, is_time=True)
    return _order("mobilenet-v2-order", PrintedTable("MobileNetV2", "Table 4"), (column,), records)


def shufflenet_v2_order(records: Sequence[CaseRecord]) -> Claim:
    """ShuffleNetV2 Table 8: the order of the nets by speed on an ARM core and on a GPU."""
    columns = (
        _Column("arm_speed", "order by time on a Snapdragon 810's core", timed.ONE_THREAD, is_time=False),
        _Column("gpu_speed", "order by time on a GTX 1080 Ti, batch 8", timed.BATCH_OF_8, is_time=False),
    )
    return _order("shufflenet-v2-order", PrintedTable("ShuffleNetV2", "Table 8"), columns, records)


def _order(key: str, table: PrintedTable, columns: Iterable[_Column], records: Sequence[CaseRecord]) -> Claim:
    settings: dict[str, None] = {}
    comparisons: list[Comparison] = []
    left_out: dict[str, str] = {}
    for column in columns:
        nets = timed.timed_rows(table.paper, column.metric)
        evidence = collect_evidence(records, column.conditions, nets.values())
        settings[evidence.setting] = None
        comparisons += _correlations(column, evidence, nets, _printed_times(table, column))
        left_out |= timed.rows_left_out(table.paper, column.metric)
    return Claim(
        key=key,
        title=f"{table.paper}: the order of the nets by time",
        source=table.source,
        statement="The nets' order by their printed times, held against their order by time here (1: the same).",
        setting="; ".join(filter(None, settings)),
        comparisons=tuple(comparisons),
        notes=tuple(_by_reason(left_out)),
    )


def _printed_times(table: PrintedTable, column: _Column) -> dict[str, float]:
    """In any unit, since only their order counts: a speed's time is its inverse."""
    values = table.values(column.metric)
    return {model: value if column.is_time else 1 / value for (model, _), value in values.items()}


def _correlations(
    column: _Column, evidence: Evidence, nets: dict[str, Net], printed: dict[str, float]
) -> Iterable[Comparison]:
    latencies = {row: median for row, net in nets.items() if (median := evidence.median(net)) is not None}
    rows, lack = list(latencies), evidence.lack(*nets.values())
    agreement = rank_agreement(list(latencies.values()), [printed[row] for row in rows])
    rho, tau, about, chance = None, None, "", ""
    if agreement is not None:
        rho, tau = Interval(value=agreement.spearman), Interval(value=agreement.kendall)
        about = "; ".join(filter(None, (_about_text(agreement, rows), evidence.doubt(*nets.values()))))
        chance = _p_text(agreement)
    for subject, found, note in ((_SPEARMAN, rho, about), (_KENDALL, tau, chance)):
        yield Comparison(
            subject=subject,
            quantity=column.quantity,
            scale=Scale.CORRELATION,
            found=found,
            lack="" if note and subject == _KENDALL else lack,
            note=note,
        )


def _about_text(agreement: Agreement, rows: list[str]) -> str:
    if agreement.furthest is None:
        return f"{agreement.n} nets, each in its printed place"
    return f"{agreement.n} nets; furthest from its printed place: {rows[agreement.furthest]}"


def _p_text(agreement: Agreement) -> str:
    how = "exact" if agreement.is_exact else "normal approximation, since values are tied"
    return f"p = {agreement.kendall_p:.2g} if any order were as likely ({how}, two-sided)"


def _by_reason(left_out: dict[str, str]) -> Iterable[str]:
    """A sentence a reason, with the rows it holds for."""
    rows: dict[str, list[str]] = {}
    for row, reason in left_out.items():
        rows.setdefault(reason, []).append(row)
    return (f"Left out, {reason}: {', '.join(of_reason)}." for reason, of_reason in rows.items())
