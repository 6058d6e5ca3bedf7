"""When there are enough rounds. A rule is a pure function, so that it can be tested and replaced."""

from __future__ import annotations

import enum
from collections.abc import Sequence

from zoobench import stats
from zoobench.cases import Budget

_GROWTH = 1.1
"""The interval is looked at again after a tenth more rounds: sorting every time would cost more than fast calls."""


class Stop(enum.StrEnum):
    """Why sampling ended."""

    PRECISE = "precise"
    MAX_ROUNDS = "max-rounds"
    MAX_SECONDS = "max-seconds"


class StoppingRule:
    """Asked after each round; remembers only when to look at the interval again."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._next_look = budget.min_rounds

    def reason(self, samples: Sequence[float], elapsed_s: float, next_s: float) -> Stop | None:
        """Why to stop now, or None to go on.

        `elapsed_s` is the time since warm-up began, `next_s` what one more round is expected to take: a round that
        would end past the budget is not begun.
        """
        if len(samples) >= self._budget.max_rounds:
            return Stop.MAX_ROUNDS
        if elapsed_s + next_s > self._budget.max_s:
            return Stop.MAX_SECONDS
        if elapsed_s < self._budget.min_s or len(samples) < self._next_look:
            return None
        self._next_look = int(len(samples) * _GROWTH) + 1
        return Stop.PRECISE if _is_precise(samples, self._budget.precision_target) else None


def _is_precise(samples: Sequence[float], target_ratio: float) -> bool:
    half_width = stats.summarize(samples).half_width_ratio
    return half_width is not None and half_width <= target_ratio
