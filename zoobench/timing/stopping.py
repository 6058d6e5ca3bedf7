"""When there are enough rounds. A rule is a pure function, so that it can be tested and replaced."""

from __future__ import annotations

import enum
from collections.abc import Callable

from zoobench.cases import Budget
from zoobench.stats import MIN_BLOCKS, Summary


class Stop(enum.StrEnum):
    """Why sampling ended."""

    PRECISE = "precise"
    MAX_ROUNDS = "max-rounds"
    MAX_SECONDS = "max-seconds"


def reason_to_stop(
    budget: Budget, rounds: int, *, elapsed_s: float, next_s: float, undisturbed: Callable[[], Summary | None]
) -> Stop | None:
    """Why to stop after a block, or None to go on.

    `elapsed_s` is the time since warm-up began, `next_s` what another block is expected to take: one that would end
    past the budget is not begun. `undisturbed` summarises the rounds that nothing disturbed; it is asked last.
    """
    if rounds >= budget.max_rounds:
        return Stop.MAX_ROUNDS
    if elapsed_s + next_s > budget.max_s:
        return Stop.MAX_SECONDS
    if elapsed_s < budget.min_s or rounds < budget.min_rounds:
        return None
    return Stop.PRECISE if _is_precise(undisturbed(), budget.precision_target) else None


def _is_precise(summary: Summary | None, target_ratio: float) -> bool:
    if summary is None or summary.blocks < MIN_BLOCKS or summary.half_width_ratio is None:
        return False
    return summary.half_width_ratio <= target_ratio
