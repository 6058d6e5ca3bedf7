"""Each judge at its threshold: nothing to say on it, something just beyond it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from synthetic import QUIET, TROUBLED, make_calibration, measurement

from zoobench.records import Measurement, Severity
from zoobench.stats import calibration
from zoobench.stats.calibration import Findings
from zoobench.stats.findings import text_of

Judge = Callable[[Measurement], Findings]


def codes(judge: Judge, *samples: float, **more: object) -> list[str]:
    return [finding.code for finding in judge(measurement("judged", *samples, **more))]


@pytest.mark.parametrize(
    ("judge", "at", "beyond", "code"),
    [
        (calibration.judge_other_load, 0.05, 0.0501, "other-load"),
        (calibration.judge_governor, 1.0, 0.0, "governor"),
        (calibration.judge_cores, 1.0, 2.0, "smt-siblings"),
        (calibration.judge_allowed_share, 1.0, 0.99, "processor-quota"),
        (calibration.judge_resolution, 1e-6, 1.1e-6, "coarse-clock"),
        (calibration.judge_timer_cost, 1e-6, 1.1e-6, "slow-clock"),
        (calibration.judge_known_time, 0.01, 0.0101, "wrong-time"),
        (calibration.judge_known_time, -0.01, -0.0101, "wrong-time"),
        (calibration.judge_known_macs, 0.0, 1e-9, "wrong-count"),
        (calibration.judge_known_macs, 0.0, -1e-9, "wrong-count"),
        (calibration.judge_overhead, 10e-6, 10.1e-6, "slow-rounds"),
        (calibration.judge_threads, 0.7, 0.699, "threads-in-vain"),
        (calibration.judge_known_bytes, 0.0, -1e-9, "wrong-memory"),
        (calibration.judge_retained, 10.0, 11.0, "heap-not-kept"),
        (calibration.judge_system, 10.0, 11.0, "system-heap"),
        (calibration.judge_steal, 0.01, 0.0101, "steal"),
    ],
)
def test_thresholds(judge: Judge, at: float, beyond: float, code: str) -> None:
    assert codes(judge, at) == []
    assert codes(judge, beyond) == [code]
    assert codes(judge, at, at, beyond, at) == (
        [code]
        if judge in (calibration.judge_governor, calibration.judge_known_macs, calibration.judge_known_bytes)
        else []
    ), "one odd sample is no verdict, but for what is exact"


@pytest.mark.parametrize(("pair", "expected"), [((0.991, 1.009), []), ((0.989, 1.011), ["noise-floor"])])
def test_noise_is_judged_by_the_precision_that_a_run_asks_for(pair: tuple[float, float], expected: list[str]) -> None:
    assert codes(calibration.judge_noise, *pair, block_sizes=(1, 1)) == expected


@pytest.mark.parametrize(("half_range", "expected"), [(0.0199, []), (0.0201, ["process-spread"])])
def test_spread_is_judged_by_the_same(half_range: float, expected: list[str]) -> None:
    """Of 1 - h, 1, 1 + h the coefficient of variation is h."""
    samples = (1 - half_range, 1.0, 1 + half_range)
    assert codes(calibration.judge_spread, *samples, block_sizes=(1, 1, 1)) == expected


def test_a_single_process_is_not_judged() -> None:
    assert codes(calibration.judge_noise, 1.0, 9.0) == []
    assert codes(calibration.judge_spread, 1.0, 9.0) == []


def test_launching_is_judged_by_its_slow_time() -> None:
    assert codes(calibration.judge_launching, *[1.0] * 95, *[1.7] * 5) == []
    [finding] = calibration.judge_launching(measurement("launch_pace", *[1.0] * 80, *[1.7] * 20))
    assert (finding.code, finding.values) == ("slow-launching", {"share": "30 %", "ratio": "70 %"})


def test_pace_is_judged_by_its_median_its_slow_time_and_its_drift() -> None:
    assert codes(calibration.judge_pace, 1.0, 1.05, 1.05) == []
    assert codes(calibration.judge_pace, 1.0, 1.06, 1.06) == ["slow-pace"]
    assert codes(calibration.judge_slow_share, 1.0, 1.0, 1.0, 1.0, 1.2) == []
    assert codes(calibration.judge_slow_share, 1.0, 1.0, 1.0, 1.2) == ["slow-spells"]
    assert codes(calibration.judge_drift, 1.0, 1.0, 1.019) == []
    assert codes(calibration.judge_drift, 1.0, 1.0, 1.021) == ["drifting"]
    assert codes(calibration.judge_drift, 1.021, 1.0, 1.0) == ["drifting"]


def test_a_quiet_machine_has_nothing_to_change() -> None:
    assert make_calibration(QUIET).findings == ()


def test_what_to_change_in_plain_words(golden: Callable[[str, str], None]) -> None:
    findings = make_calibration(TROUBLED).findings
    golden("troubled", "".join(f"{finding.severity.value}: {text_of(finding)}\n" for finding in findings))


def test_only_what_is_the_machine_s_nature_is_a_note() -> None:
    notes = {finding.code for finding in make_calibration(TROUBLED).findings if finding.severity is Severity.NOTE}
    assert notes == {"smt-siblings", "system-heap"}
