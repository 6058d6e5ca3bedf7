from __future__ import annotations

import msgspec
import pytest

from zoobench.cases import Budget
from zoobench.timing import stopping
from zoobench.timing.stopping import Stop, StoppingRule

BUDGET = Budget(precision_target=0.02, min_rounds=6, max_rounds=100, min_s=2.0, max_s=8.0)
STEADY = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
WILD = [1.0, 2.0, 1.0, 2.0, 1.0, 2.0]


def test_steady_samples_after_the_least_time_and_rounds_are_enough() -> None:
    assert StoppingRule(BUDGET).reason(STEADY, elapsed_s=2.0, next_s=0.1) is Stop.PRECISE


@pytest.mark.parametrize(
    ("samples", "elapsed_s"),
    [(STEADY[:5], 3.0), (STEADY, 1.9), (WILD, 3.0)],
    ids=["too few rounds", "too short", "interval too wide"],
)
def test_sampling_goes_on(samples: list[float], elapsed_s: float) -> None:
    assert StoppingRule(BUDGET).reason(samples, elapsed_s, next_s=0.1) is None


def test_the_last_round_may_end_exactly_at_the_budget_and_no_later() -> None:
    rule = StoppingRule(BUDGET)

    assert rule.reason(WILD, elapsed_s=7.5, next_s=0.5) is None
    assert rule.reason(WILD, elapsed_s=7.5, next_s=0.5 + 2**-20) is Stop.MAX_SECONDS


def test_the_greatest_number_of_rounds_ends_it_before_anything_else_is_asked() -> None:
    assert StoppingRule(BUDGET).reason([1.0] * 100, elapsed_s=100.0, next_s=1.0) is Stop.MAX_ROUNDS


def test_the_target_itself_is_precise_enough() -> None:
    """Of 6 samples the interval runs from the least to the greatest: here 1 ± 1/64."""
    budget = msgspec.structs.replace(BUDGET, precision_target=1 / 64)
    samples = [63 / 64, 1.0, 1.0, 1.0, 1.0, 65 / 64]
    wider = [63 / 64, 1.0, 1.0, 1.0, 1.0, 66 / 64]

    assert StoppingRule(budget).reason(samples, elapsed_s=3.0, next_s=0.1) is Stop.PRECISE
    assert StoppingRule(budget).reason(wider, elapsed_s=3.0, next_s=0.1) is None


def test_the_interval_is_looked_at_only_after_a_tenth_more_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    summarize = stopping.stats.summarize
    monkeypatch.setattr(stopping.stats, "summarize", lambda samples: looks.append(len(samples)) or summarize(samples))
    rule = StoppingRule(BUDGET)

    for n in range(1, 41):
        rule.reason([1.0 + n % 2 for n in range(n)], elapsed_s=3.0, next_s=0.1)

    assert looks == [6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 23, 26, 29, 32, 36, 40]
