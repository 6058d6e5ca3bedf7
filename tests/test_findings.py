from __future__ import annotations

import re

import pytest
from synthetic import make_case, measurement, realistic_record

from zoobench.cases import Allocator, Budget, Precision
from zoobench.findings import MANY_PAGE_FAULTS, TEXTS, judge_conditions, judge_device, judge_latency, text_of
from zoobench.options import OPTIONS
from zoobench.records import Finding, Measurement, Severity

BUDGET = Budget(precision_target=0.02, min_rounds=6, max_s=8.0)


def latency(*samples: float, faults: tuple[float, ...] | None = None, calls_per_sample: int = 1) -> Measurement:
    covariates = {} if faults is None else {"page_faults": faults}
    return measurement("latency", *samples, covariates=covariates, calls_per_sample=calls_per_sample)


def judged(measured: Measurement, budget: Budget = BUDGET, **axes: object) -> list[Finding]:
    return list(judge_latency(make_case(**axes), budget, measured))


def spread(half_width: float) -> tuple[float, ...]:
    """Six samples around 1: their interval is from the smallest to the largest."""
    return (1 - half_width, 1.0, 1.0, 1.0, 1.0, 1 + half_width)


def test_quiet_samples_are_beyond_doubt() -> None:
    assert judged(latency(*spread(0.01), faults=(0.0,) * 6)) == []


@pytest.mark.parametrize(("half_width", "codes"), [(0.0199, []), (0.0201, ["noisy"])])
def test_noisy_is_wider_than_asked(half_width: float, codes: list[str]) -> None:
    assert [finding.code for finding in judged(latency(*spread(half_width)))] == codes


def test_noisy_in_words() -> None:
    (finding,) = judged(latency(*spread(0.125)))
    assert finding.severity is Severity.WARNING
    assert text_of(finding) == (
        "the interval of the median is ±12.5 %, wider than the ±2.0 % asked for: "
        "a quieter machine or a larger --zoobench-max-seconds narrows it"
    )


@pytest.mark.parametrize(("rounds", "codes"), [(5, ["few-rounds"]), (6, [])])
def test_few_rounds_are_fewer_than_asked(rounds: int, codes: list[str]) -> None:
    assert [finding.code for finding in judged(latency(*[1.0] * rounds))] == codes


def test_few_rounds_in_words() -> None:
    (finding,) = judged(latency(1.0, 9.0))
    assert finding.severity is Severity.WARNING
    assert text_of(finding) == (
        "the budget of 8.00 s ended after 2 rounds, 6 were asked for: too few to trust; "
        "--zoobench-max-seconds raises it"
    )


def test_few_and_noisy_is_told_once() -> None:
    budget = Budget(min_rounds=20)
    assert [finding.code for finding in judged(latency(*spread(0.5)), budget)] == ["few-rounds"]


def test_fewer_rounds_than_an_interval_needs_are_fine_if_no_more_were_asked_for() -> None:
    assert judged(latency(1.0, 2.0), Budget(min_rounds=1)) == []


@pytest.mark.parametrize(
    ("faults", "calls_per_sample", "codes"),
    [
        (MANY_PAGE_FAULTS, 1, []),
        (MANY_PAGE_FAULTS + 1, 1, ["paging"]),
        (10 * MANY_PAGE_FAULTS, 10, []),
        (10 * MANY_PAGE_FAULTS + 10, 10, ["paging"]),
    ],
)
def test_paging_is_judged_by_the_call(faults: float, calls_per_sample: int, codes: list[str]) -> None:
    measured = latency(*[1.0] * 6, faults=(faults,) * 6, calls_per_sample=calls_per_sample)
    assert [finding.code for finding in judged(measured)] == codes


def test_one_round_that_faults_is_not_paging() -> None:
    assert judged(latency(*[1.0] * 6, faults=(78_000.0, 0.0, 0.0, 0.0, 0.0, 0.0))) == []


@pytest.mark.parametrize(
    ("allocator", "severity"), [(Allocator.RETAINED, Severity.WARNING), (Allocator.SYSTEM, Severity.NOTE)]
)
def test_paging_is_no_surprise_with_the_system_s_allocator(allocator: Allocator, severity: Severity) -> None:
    (finding,) = judged(latency(*[1.0] * 6, faults=(78_000.0,) * 6), allocator=allocator)
    assert finding.severity is severity
    assert text_of(finding) == (
        "78000 page faults a call: the allocator gives memory back to the kernel and fetches it again within every "
        "call; --zoobench-allocator retained keeps it"
    )


def test_an_emulated_precision_is_said() -> None:
    case = make_case(precision=Precision.AMP_BF16)
    (finding,) = judge_device(case, is_native=False)
    assert finding.severity is Severity.WARNING
    assert text_of(finding) == "cpu has no instructions for amp-bf16: it is emulated, and slower than fp32"
    assert list(judge_device(case, is_native=True)) == []


def test_conditions_that_are_not_told_are_said() -> None:
    (finding,) = judge_conditions("cuda", "power_w: NVML: Not Supported")
    assert finding.severity is Severity.NOTE
    assert text_of(finding) == (
        "the clocks, temperature, power and load of cuda are not all known, so throttling may go unseen: "
        "power_w: NVML: Not Supported"
    )
    assert list(judge_conditions("cuda", "")) == []


def test_findings_of_stored_records_have_words() -> None:
    record = realistic_record(make_case(precision=Precision.AMP_BF16))
    assert [text_of(finding) for finding in record.findings] == [
        "cpu has no instructions for amp-bf16: it is emulated, and slower than fp32"
    ]


def test_every_option_that_a_text_names_exists() -> None:
    named = {name for text in TEXTS.values() for name in re.findall(r"--zoobench-([a-z-]+)", text)}
    assert named <= {row.name for row in OPTIONS}


def test_every_code_is_given_by_a_judge_and_renders() -> None:
    given = [
        *judged(latency(*spread(0.5), faults=(99.0,) * 6)),
        *judged(latency(1.0)),
        *judge_device(make_case(), is_native=False),
        Finding(code="not-retained", severity=Severity.WARNING),
        *judge_conditions("cuda", "power_w: NVML: Not Supported"),
    ]
    assert {finding.code for finding in given} == set(TEXTS)
    assert not any(re.search(r"[{}]", text_of(finding)) for finding in given)


def test_a_finding_of_a_plug_in_is_shown_as_it_is_stored() -> None:
    values = {"celsius": 91.0, "limit": "90"}
    assert text_of(Finding(code="too-hot", severity=Severity.NOTE, values=values)) == "too-hot: celsius 91.0, limit 90"
    assert text_of(Finding(code="too-hot", severity=Severity.NOTE)) == "too-hot"
