from __future__ import annotations

import itertools
import re
from collections.abc import Iterable

import msgspec
import pytest
from synthetic import TROUBLED, make_calibration, make_case, measurement, realistic_record

from zoobench.cases import Allocator, Budget, Precision
from zoobench.cases.options import OPTIONS
from zoobench.records import Finding, Measurement, Severity
from zoobench.stats import findings
from zoobench.stats.findings import (
    MANY_PAGE_FAULTS,
    OF_LATENCY,
    TEXTS,
    judge_conditions,
    judge_device,
    judge_latency,
    judge_warm_up,
    text_of,
)
from zoobench.stats.interference import Cause
from zoobench.stats.summaries import summary_of

BUDGET = Budget(precision_target=0.02, min_rounds=6, max_s=8.0)


def latency(*samples: float, faults: tuple[float, ...] | None = None, calls_per_sample: int = 1) -> Measurement:
    covariates = {} if faults is None else {"page_faults": faults}
    return measurement("latency", *samples, covariates=covariates, calls_per_sample=calls_per_sample)


def judged(measured: Measurement, budget: Budget = BUDGET, **axes: object) -> list[Finding]:
    return list(judge_latency(make_case(**axes), budget, measured))


def spread(half_width: float) -> tuple[float, ...]:
    """Six samples around 1: their interval is from the smallest to the largest."""
    return (1 - half_width, 1.0, 1.0, 1.0, 1.0, 1 + half_width)


def blocked(samples: list[float], size: int, **covariates: tuple[float, ...]) -> Measurement:
    """Samples in blocks of one size."""
    sizes = (size,) * (len(samples) // size)
    return measurement("latency", *samples, covariates=covariates, block_sizes=sizes)


def codes_of(found: Iterable[Finding]) -> list[str]:
    return [finding.code for finding in found]


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


def test_a_median_is_as_noisy_as_its_blocks_are() -> None:
    """Samples spread by half, in each block alike: the interval of the medians of blocks is narrow."""
    assert judged(blocked([0.5, 1.0, 1.5] * 6, 3)) == []
    assert codes_of(judged(blocked([1.0] * 9 + [1.5] * 9, 3))) == ["noisy"]


@pytest.mark.parametrize(("rounds", "codes"), [(5, ["too-few-rounds"]), (6, [])])
def test_few_rounds_are_fewer_than_asked(rounds: int, codes: list[str]) -> None:
    assert codes_of(judged(latency(*[1.0] * rounds))) == codes


@pytest.mark.parametrize(("blocks", "codes"), [(5, ["too-few-rounds"]), (6, [])])
def test_rounds_in_too_few_blocks_are_too_few(blocks: int, codes: list[str]) -> None:
    assert codes_of(judged(blocked([1.0] * 8 * blocks, 8))) == codes


def test_few_rounds_in_words() -> None:
    (finding,) = judged(latency(1.0, 9.0))
    assert finding.severity is Severity.WARNING
    assert text_of(finding) == (
        "the budget of 8.00 s ended after 2 rounds in 2 blocks, 6 in 6 were wanted: too few to trust; "
        "--zoobench-max-seconds raises it"
    )


def test_many_rounds_in_few_blocks_in_words() -> None:
    (finding,) = judged(blocked([1.0] * 32, 16), Budget(min_rounds=20, max_s=8.0))
    assert text_of(finding).startswith("the budget of 8.00 s ended after 32 rounds in 2 blocks, 20 in 6 were wanted")


def test_few_and_noisy_is_told_once() -> None:
    budget = Budget(min_rounds=20)
    assert codes_of(judged(latency(*spread(0.5)), budget)) == ["too-few-rounds"]


def test_without_an_interval_a_median_is_not_to_be_trusted_however_little_was_asked_for() -> None:
    assert codes_of(judged(latency(1.0, 2.0), Budget(min_rounds=1))) == ["too-few-rounds"]


# Disturbed rounds

WAITED = 0.5
"""Seconds of waiting in a round of one second: far too many."""


def waited(disturbed: int, samples: int, size: int = 1) -> Measurement:
    """Rounds of a second in blocks, of which the first so many had to wait and took twice as long."""
    delays = (WAITED,) * disturbed + (0.0,) * (samples - disturbed)
    return blocked([2.0] * disturbed + [1.0] * (samples - disturbed), size, run_delay_s=delays)


def test_rounds_that_were_set_aside_are_noted() -> None:
    (finding,) = judged(waited(3, 12))
    assert (finding.code, finding.severity) == ("disturbed", Severity.NOTE)
    assert text_of(finding) == (
        "25 % of the rounds were disturbed, mostly since threads waited for a processor that another process had: "
        "the median is of the others"
    )
    assert summary_of(waited(3, 12)).half_width_ratio == 0.0


def test_too_few_undisturbed_rounds_are_a_warning() -> None:
    noisy, shared = judged(waited(7, 12))
    assert (noisy.code, shared.code, shared.severity) == ("noisy", "shared", Severity.WARNING)
    assert text_of(shared) == (
        "58 % of the rounds were disturbed, mostly since threads waited for a processor that another process had, and "
        "too few were not: the median is of all of them; stop what else runs here, or let --zoobench-max-seconds wait "
        "for a quieter time"
    )


@pytest.mark.parametrize(("disturbed", "code"), [(6, "disturbed"), (7, "shared")])
def test_six_quiet_blocks_are_enough(disturbed: int, code: str) -> None:
    assert code in codes_of(judged(waited(disturbed, 12)))


def test_the_finding_says_of_which_rounds_the_median_is() -> None:
    """In blocks or not: the warning goes with the median of all, the note with that of the others."""
    for disturbed, n in itertools.product(range(13), (12,)):
        for measured in (waited(disturbed, n), msgspec.structs.replace(waited(disturbed, n), block_sizes=())):
            codes = codes_of(judged(measured))
            used = {"disturbed": n - disturbed, "shared": n}
            assert summary_of(measured).n == next((used[code] for code in codes if code in used), n)


@pytest.mark.parametrize(("throttled", "code"), [(4, "throttled"), (3, "shared")])
def test_the_commonest_cause_names_the_flaw(throttled: int, code: str) -> None:
    marks = (1.0,) * throttled + (0.0,) * (7 - throttled)
    measured = blocked([1.0] * 7, 1, throttled=marks, run_delay_s=(WAITED,) * 7)
    assert code in codes_of(judged(measured))


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_words(cause: Cause) -> None:
    assert cause in findings._CAUSES


def test_the_bound_of_the_pace_is_told() -> None:
    (finding,) = judged(blocked([1.0] * 12, 1, pace=(2.0,) * 3 + (1.0,) * 9))
    assert "the machine ran a fixed computation more than 5 % slower than when quiet" in text_of(finding)


# Warm-up


@pytest.mark.parametrize(("max_warmup_s", "bound"), [(2.0, "2.00 s"), (50.0, "8.00 s")])
def test_warm_up_that_did_not_end_is_a_warning(max_warmup_s: float, bound: str) -> None:
    (finding,) = judge_warm_up(Budget(max_warmup_s=max_warmup_s, max_s=8.0), is_flat=False)
    assert (finding.code, finding.severity) == ("unstable-warm-up", Severity.WARNING)
    assert f"when warm-up ended at its bound of {bound}" in text_of(finding)


def test_warm_up_that_ended_is_fine() -> None:
    assert list(judge_warm_up(BUDGET, is_flat=True)) == []


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
    measured = latency(*[0.001] * 6, faults=(faults,) * 6, calls_per_sample=calls_per_sample)
    assert [finding.code for finding in judged(measured)] == codes


@pytest.mark.parametrize(("faults", "codes"), [(2000.0, []), (2001.0, ["paging"])])
def test_paging_of_a_long_call_is_a_share_of_its_time(faults: float, codes: list[str]) -> None:
    """Of 400 ms half a percent is 2 ms: two thousand faults."""
    assert [finding.code for finding in judged(latency(*[0.4] * 6, faults=(faults,) * 6))] == codes


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
        *judged(latency(*spread(0.5), faults=(78_000.0,) * 6)),
        *judged(latency(1.0)),
        *judged(latency(1.0), Budget(processes=3)),
        *judged(waited(1, 12)),
        *judged(waited(12, 12)),
        *judged(blocked([1.0] * 12, 1, throttled=(1.0,) * 12)),
        *judge_warm_up(BUDGET, is_flat=False),
        *judge_device(make_case(), is_native=False),
        Finding(code="not-retained", severity=Severity.WARNING),
        *make_calibration(TROUBLED).findings,
        *judge_conditions("cuda", "power_w: NVML: Not Supported"),
    ]
    of_conduct = {"leaks", "drifts", "no-work", "idle", "threads", "settings-changed", "hooks"}  # tests/test_conduct.py
    assert {finding.code for finding in given} == set(TEXTS) - of_conduct - {"few-rounds"}, "which older records have"
    assert not any(re.search(r"[{}]", text_of(finding)) for finding in given)


def test_codes_of_the_latency_are_those_that_its_judge_gives() -> None:
    given = {
        finding.code
        for finding in (
            *judged(latency(*spread(0.5), faults=(78_000.0,) * 6), Budget(processes=2)),
            *judged(latency(1.0)),
            *judged(waited(1, 12)),
            *judged(waited(12, 12)),
            *judged(blocked([1.0] * 12, 1, throttled=(1.0,) * 12)),
        )
    }
    assert given == OF_LATENCY


# Processes


def of_processes(*medians: float, disturbed: int = 0) -> Measurement:
    """Four rounds of each, in blocks of one; those of the first so many processes had to wait."""
    delays = (WAITED * 4,) * 4 * disturbed + (0.0,) * 4 * (len(medians) - disturbed)
    measured = blocked([median for median in medians for _ in range(4)], 1, run_delay_s=delays)
    return msgspec.structs.replace(measured, process_sizes=(4,) * len(medians))


def test_processes_that_agree_are_beyond_doubt() -> None:
    assert judged(of_processes(1.0, 0.99, 1.01, 1.0, 1.0, 1.0), Budget(processes=6)) == []


@pytest.mark.parametrize(("measured", "wanted"), [(of_processes(1.0, 1.0), 3), (blocked([1.0] * 8, 1), 2)])
def test_fewer_processes_than_were_asked_for_are_told(measured: Measurement, wanted: int) -> None:
    (finding,) = judged(measured, Budget(processes=wanted))

    assert (finding.code, finding.severity) == ("too-few-processes", Severity.WARNING)
    assert text_of(finding).startswith(f"{wanted - 1} of the {wanted} processes asked for measured the case")


def test_processes_that_differ_are_noisy_however_steady_each_is() -> None:
    (finding,) = judged(of_processes(1.0, 1.0, 1.0, 1.0, 1.0, 1.1), Budget(processes=6))
    assert text_of(finding).startswith("the interval of the median is ±5.0 %")


@pytest.mark.parametrize(("disturbed", "code"), [(2, "disturbed"), (3, "shared")])
def test_most_processes_must_be_quiet(disturbed: int, code: str) -> None:
    assert codes_of(judged(of_processes(*[1.0] * 6, disturbed=disturbed), Budget(processes=6))) == [code]


def test_few_rounds_of_an_older_record_still_have_their_words() -> None:
    finding = Finding(code="few-rounds", severity=Severity.WARNING, values={"rounds": 3, "wanted": 6, "budget": "8 s"})
    assert text_of(finding).startswith("the budget of 8 s ended after 3 rounds, 6 were asked for")


def test_a_finding_of_a_plug_in_is_shown_as_it_is_stored() -> None:
    values = {"celsius": 91.0, "limit": "90"}
    assert text_of(Finding(code="too-hot", severity=Severity.NOTE, values=values)) == "too-hot: celsius 91.0, limit 90"
    assert text_of(Finding(code="too-hot", severity=Severity.NOTE)) == "too-hot"
