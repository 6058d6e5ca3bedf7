from __future__ import annotations

import pytest
from synthetic import make_case, measurement

from zoobench.cases import Budget
from zoobench.measure.messages import InCalls, Step, WorkerResults, assemble
from zoobench.records import CaseRecord, Failure, FailureKind, Finding, Severity, Unavailable

CASE, BUDGET = make_case(), Budget(max_s=3.0)
LATENCY, MEMORY = measurement("latency", 0.1, 0.2), measurement("peak_allocated", 5)
MISSING = Unavailable(metric="peak_reserved", reason="no pool")
NOISY = Finding(code="noisy", severity=Severity.WARNING)


def test_every_part_comes_to_its_place_in_the_order_it_was_told() -> None:
    parts = [Step("build"), LATENCY, NOISY, InCalls(1.25), MISSING, Step("memory"), MEMORY, InCalls(0.5)]
    assert assemble(CASE, BUDGET, WorkerResults.of(parts), started_at="then", duration_s=4.0) == CaseRecord(
        case=CASE,
        budget=BUDGET,
        started_at="then",
        duration_s=4.0,
        in_calls_s=1.75,
        measurements=(LATENCY, MEMORY),
        unavailable=(MISSING,),
        findings=(NOISY,),
    )


def test_a_failed_case_keeps_what_it_had_measured() -> None:
    crash = Failure(kind=FailureKind.CRASH, message="the worker was killed", where="memory")
    record = assemble(CASE, BUDGET, WorkerResults.of([LATENCY, crash]), started_at="then", duration_s=4.0)
    assert (record.measurements, record.failure) == ((LATENCY,), crash)


def test_the_last_failure_is_the_case_s() -> None:
    first, last = (Failure(kind=kind, message="", where="memory") for kind in (FailureKind.ERROR, FailureKind.TIMEOUT))
    assert assemble(CASE, BUDGET, WorkerResults.of([first, last]), started_at="", duration_s=0).failure == last


@pytest.mark.parametrize("parts", [[], [Step("build")]])
def test_nothing_told_is_an_empty_record(parts: list[object]) -> None:
    record = assemble(CASE, BUDGET, WorkerResults.of(parts), started_at="then", duration_s=0.12345)
    assert record == CaseRecord(case=CASE, budget=BUDGET, started_at="then", duration_s=0.123, in_calls_s=0)
