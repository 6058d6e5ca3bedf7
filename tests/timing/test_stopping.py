from __future__ import annotations

import msgspec
import pytest

from zoobench.cases import Budget
from zoobench.stats import Summary, summarize
from zoobench.timing.stopping import Stop, reason_to_stop

BUDGET = Budget(precision_target=0.02, min_rounds=6, max_rounds=100, min_s=2.0, max_s=8.0)
STEADY = summarize([1.0] * 6)
WILD = summarize([1.0, 2.0] * 3)


def reason(
    summary: Summary | None,
    budget: Budget = BUDGET,
    *,
    rounds: int = 24,
    elapsed_s: float = 3.0,
    next_s: float = 0.1,
) -> Stop | None:
    return reason_to_stop(budget, rounds, elapsed_s=elapsed_s, next_s=next_s, undisturbed=lambda: summary)


def test_a_narrow_interval_after_the_least_time_and_rounds_is_enough() -> None:
    assert reason(STEADY, rounds=6, elapsed_s=2.0) is Stop.PRECISE


@pytest.mark.parametrize(
    ("summary", "rounds", "elapsed_s"),
    [
        (STEADY, 5, 3.0),
        (STEADY, 6, 1.9),
        (WILD, 24, 3.0),
        (summarize([1.0] * 5), 24, 3.0),
        (summarize([-1.0, 0.0, 0.0, 0.0, 0.0, 1.0]), 24, 3.0),
        (None, 24, 3.0),
    ],
    ids=["too few rounds", "too short", "too wide", "too few blocks", "no ratio to zero", "none undisturbed"],
)
def test_sampling_goes_on(summary: Summary | None, rounds: int, elapsed_s: float) -> None:
    assert reason(summary, rounds=rounds, elapsed_s=elapsed_s) is None


def test_the_last_block_may_end_exactly_at_the_budget_and_no_later() -> None:
    assert reason(WILD, elapsed_s=7.5, next_s=0.5) is None
    assert reason(WILD, elapsed_s=7.5, next_s=0.5 + 2**-20) is Stop.MAX_SECONDS


def test_the_budget_ends_before_the_interval_is_asked_for() -> None:
    def never() -> Summary:
        raise AssertionError("not needed")

    for rounds, elapsed_s in ((100, 3.0), (24, 8.0), (5, 3.0), (24, 1.0)):
        reason_to_stop(BUDGET, rounds, elapsed_s=elapsed_s, next_s=0.1, undisturbed=never)


def test_the_greatest_number_of_rounds_is_told_before_the_time() -> None:
    assert reason(STEADY, rounds=100, elapsed_s=100.0) is Stop.MAX_ROUNDS
    assert reason(STEADY, rounds=99, elapsed_s=100.0) is Stop.MAX_SECONDS


def test_the_target_itself_is_precise_enough() -> None:
    """Of 6 blocks the interval runs from the least to the greatest: here 1 ± 1/64."""
    budget = msgspec.structs.replace(BUDGET, precision_target=1 / 64)
    exactly = summarize([63 / 64, 1.0, 1.0, 1.0, 1.0, 65 / 64])
    wider = summarize([63 / 64, 1.0, 1.0, 1.0, 1.0, 66 / 64])

    assert reason(exactly, budget) is Stop.PRECISE
    assert reason(wider, budget) is None
