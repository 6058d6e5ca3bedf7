"""Fabricated searches for the largest batch that fits: what they leave behind; searched by nobody."""

from __future__ import annotations

from synthetic import make_case, make_record, measurement

from zoobench.records import Breakdown, CaseRecord, Failure, FailureKind, Unavailable

MIB = 2**20
LIMIT = 256 * MIB


def searched(
    name: str = "mobilenet_v2",
    *,
    slope: float = 4 * MIB,
    intercept: float = 16 * MIB,
    limit: float = LIMIT,
    has_counts_beyond: bool = True,
    latency_s: float = 0.5,
    **axes: object,
) -> CaseRecord:
    """What a search in memory that is a straight line leaves behind."""
    batch = int((limit - intercept) // slope)
    tried = sorted({2**power for power in range(batch.bit_length() + 1)} | {batch, batch + 1})
    peaks = {str(each): slope * each + intercept for each in tried if has_counts_beyond or each <= batch}
    fits = {str(each): float(each <= batch) for each in tried}
    return make_record(
        make_case(name, batch=batch, **axes),
        [
            measurement("latency", *[latency_s] * 7),
            measurement("memory_limit", limit),
            measurement("capacity", batch),
            measurement("memory_slope", slope),
            measurement("memory_intercept", intercept),
        ],
        breakdowns=(
            Breakdown(metric="peak_allocated", by="batch", values=peaks, method="watched"),
            Breakdown(metric="capacity", by="batch", values=fits, method="1 fits, 0 does not"),
        ),
        is_planned=True,
    )  # fmt: skip


def nothing_fits(name: str = "vgg16") -> CaseRecord:
    reason = "not one image fits the memory limit: batch 1 was not tried: the weights alone need 528 MiB"
    return make_record(
        make_case(name),
        [measurement("memory_limit", LIMIT)],
        unavailable=(Unavailable(metric="capacity", reason=reason),),
        breakdowns=(
            Breakdown(metric="peak_allocated", by="batch", values={}, method="watched"),
            Breakdown(metric="capacity", by="batch", values={"1": 0.0}, method=""),
        ),
        is_planned=True,
    )


def broken(name: str = "alexnet") -> CaseRecord:
    return make_record(
        make_case(name, batch=4),
        [measurement("memory_limit", LIMIT)],
        failure=Failure(kind=FailureKind.TIMEOUT, message="no end", where="trial"),
        breakdowns=(
            Breakdown(metric="peak_allocated", by="batch", values={"1": 1.0 * MIB, "2": 2.0 * MIB}, method="watched"),
            Breakdown(metric="capacity", by="batch", values={"1": 1.0, "2": 1.0}, method=""),
        ),
        is_planned=True,
    )
