from __future__ import annotations

import math

import msgspec
import pytest
from contested import RULE, spread_round
from hypothesis import given
from hypothesis import strategies as st

from zoobench.records.comparison import Times, Verdict
from zoobench.stats.verdicts.case_verdict import is_inside, log_margin, times_of, verdict_of_times
from zoobench.stats.verdicts.rank_tests import location
from zoobench.stats.verdicts.replicates import LogRatio

TIMES = Times(base_s=1.0, head_s=1.0, ratio=1.0, low=0.99, high=1.01, n=8)


def ratios(values: list[float]) -> list[LogRatio]:
    return [LogRatio(value, 1.0, math.exp(value)) for value in values]


def test_times_are_those_of_the_log_ratios() -> None:
    values = spread_round(math.log(1.1), 12, 0.02)

    times = times_of(ratios(values), dropped=2, is_confirmed=True, p_slower=0.01)

    where = location(values)
    assert (times.ratio, times.n, times.dropped, times.is_confirmed) == (pytest.approx(1.1), 12, 2, True)
    assert (times.low, times.high) == (math.exp(where.low), math.exp(where.high))
    assert times.detectable_ratio == pytest.approx(times.high - 1)
    assert (times.base_s, times.head_s) == (pytest.approx(1.0, rel=1e-4), pytest.approx(1.1, rel=1e-4))
    assert times.head_s / times.base_s == pytest.approx(times.ratio)
    assert (times.p_slower, times.p_faster) == (0.01, None)


def test_few_replicates_have_no_interval_and_one_no_spread() -> None:
    five, one = times_of(ratios(spread_round(0.0, 5))), times_of(ratios([0.1]))
    assert (five.low, five.high, five.detectable_ratio) == (None, None, None)
    assert five.spread_ratio is not None
    assert one.spread_ratio is None


def with_interval(low: float | None, high: float | None) -> Times:
    return msgspec.structs.replace(TIMES, low=low, high=high)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.99, 1.01, Verdict.SAME),
        (1 / 1.0499, 1.0499, Verdict.SAME),
        (0.953, 1.051, Verdict.UNDECIDED),
        (0.951, 1.01, Verdict.UNDECIDED),
        (1.06, 1.09, Verdict.UNDECIDED),
        (None, None, Verdict.UNDECIDED),
    ],
)
def test_the_same_is_what_lies_within_the_margin(low: float | None, high: float | None, verdict: Verdict) -> None:
    assert verdict_of_times(with_interval(low, high), RULE) is verdict


def test_slower_and_faster_are_what_a_test_says() -> None:
    slower = msgspec.structs.replace(TIMES, p_slower=0.05)
    faster = msgspec.structs.replace(TIMES, p_faster=0.05)
    neither = msgspec.structs.replace(with_interval(1.06, 1.09), p_slower=0.0501)
    assert [verdict_of_times(times, RULE) for times in (slower, faster, neither)] == [
        Verdict.SLOWER,
        Verdict.FASTER,
        Verdict.UNDECIDED,
    ]


@given(st.floats(0.5, 1.0), st.floats(1.0, 2.0), st.floats(0.001, 0.5))
def test_the_margin_is_as_wide_to_both_sides(low: float, high: float, margin: float) -> None:
    is_near_the_edge = any(abs(abs(math.log(end)) - math.log1p(margin)) < 1e-9 for end in (low, high))
    assert is_near_the_edge or is_inside(low, high, margin) == is_inside(1 / high, 1 / low, margin)


def test_the_margin_is_a_ratio_of_the_base() -> None:
    assert log_margin(RULE) == pytest.approx(math.log(1.05))
