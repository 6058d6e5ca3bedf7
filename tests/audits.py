"""Fabricated audits of counts: ours, fvcore's and the published one; counted by nobody."""

from __future__ import annotations

from collections.abc import Iterable

from synthetic import make_case, make_record, make_run, measurement

from zoobench.cases import Case
from zoobench.records import Breakdown, CaseRecord, Unavailable
from zoobench.records.store import StoredRun

MOBILENET = make_case("mobilenet_v2")
SHUFFLENET = make_case("shufflenet_v2_x1_0")
LENET = make_case("lenet5")


def audited(
    case: Case,
    counts: tuple[float, float, float | None],
    terms: dict[str, float],
    left_out: Iterable[str] = (),
) -> CaseRecord:
    """Counts are ours, fvcore's and the published one."""
    macs, fvcore, published = counts
    remainder = fvcore - macs - sum(terms.values())
    difference = Breakdown(
        metric="macs", by="fvcore-difference", values={**terms, "remainder": remainder}, method="fvcore"
    )
    calls = Breakdown(
        metric="fvcore_unsupported_calls", by="operator", values=dict.fromkeys(left_out, 2.0), method="fvcore"
    )
    figures = {"macs": macs, "fvcore_macs": fvcore} | ({} if published is None else {"published_macs": published})
    measured = [measurement(metric, value) for metric, value in figures.items()]
    return make_record(case, measured, breakdowns=(difference, calls))


def three_models() -> StoredRun:
    return make_run(
        [
            audited(MOBILENET, (300.7e6, 314.1e6, 301e6), {"batch_norm": 13.4e6}, ["aten::add", "aten::hardtanh_"]),
            audited(SHUFFLENET, (144.6e6, 145e6, 144e6), {"batch_norm": 0.3e6}),
            audited(LENET, (416_520.0, 416_520.0, None), {}),
        ]
    )


def silent_record() -> CaseRecord:
    return make_record(
        LENET, [measurement("macs", 416_520.0)], unavailable=(Unavailable(metric="fvcore_macs", reason="it crashed"),)
    )
