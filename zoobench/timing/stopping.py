"""When there are enough rounds. A rule is a pure function, so that it can be tested and replaced."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence

from zoobench.cases import Budget
from zoobench.stats import summarize_blocks

Block = Sequence[float]


class Stop(enum.StrEnum):
    """Why sampling ended."""

    PRECISE = "precise"
    MAX_ROUNDS = "max-rounds"
    MAX_SECONDS = "max-seconds"


def reason_to_stop(
    budget: Budget, rounds: int, *, elapsed_s: float, next_s: float, undisturbed: Callable[[], Sequence[Block]]
) -> Stop | None:
    """Why to stop after a block, or None to go on.

    `elapsed_s` is the time since the first call ended, `next_s` what another block is expected to take: one that would
    end past the budget is not begun. `undisturbed` gives the blocks of rounds that nothing disturbed; it is asked last.
    """
    if rounds >= budget.max_rounds:
        return Stop.MAX_ROUNDS
    if elapsed_s + next_s > budget.max_s:
        return Stop.MAX_SECONDS
    if elapsed_s < budget.min_s or rounds < budget.min_rounds:
        return None
    return Stop.PRECISE if _is_precise(undisturbed(), budget.precision_target) else None


def _is_precise(blocks: Sequence[Block], target_ratio: float) -> bool:
    """Whether the interval is narrow, and was before the last block as well.

    Who looks after every block and stops at the first narrow interval stops at one that is narrow by chance, the more
    often the more looks it takes. Simulated, two in a row lift the share of intervals that hold the truth where this
    costs most, of autocorrelated rounds, from 90 % to 94 % (`tests/timing/test_stopping.py`).
    """
    return all(_is_narrow(seen, target_ratio) for seen in (blocks, blocks[:-1]))


def _is_narrow(blocks: Sequence[Block], target_ratio: float) -> bool:
    half_width_ratio = summarize_blocks(blocks).half_width_ratio if blocks else None
    return half_width_ratio is not None and half_width_ratio <= target_ratio
