"""The first stage: which cases are worth confirming. What it chooses can make the second stage weak, never wrong.

The confirmation sees other generations, so a choice of any kind leaves its tests exact.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import NamedTuple

from zoobench.compare.evidence import Evidence, Rule, Stage
from zoobench.compare.gathered import Gathered, gather
from zoobench.compare.ranks import location
from zoobench.compare.times import log_margin


class Suspects(NamedTuple):
    """Ids of the contests that look slower, and of those that look faster: two families of tests."""

    slower: tuple[str, ...]
    faster: tuple[str, ...]


def suspects(evidence: Evidence) -> tuple[str, ...]:
    """Ids of the contests to confirm, in the order of the contests; controls are never among them.

    Only generations of the screening are looked at, so the answer is the same whenever it is asked.
    """
    found = find_suspects(gather(evidence, (Stage.SCREEN,)), evidence.experiment.rule)
    wanted = {*found.slower, *found.faster}
    return tuple(contest.id for contest in evidence.contests if contest.id in wanted)


def screened_spread(evidence: Evidence) -> float | None:
    """The median over the cases of the standard deviation of their log-ratios in the screening; None without any."""
    spreads = [
        statistics.stdev(ratio.value for ratio in one.screened)
        for one in gather(evidence, (Stage.SCREEN,))
        if len(one.screened) > 1 and not one.contest.is_control
    ]
    return statistics.median(spreads) if spreads else None


def find_suspects(gathered: Iterable[Gathered], rule: Rule) -> Suspects:
    """Those whose estimated change lies beyond the margin.

    Suspecting from half or three quarters of the margin on finds fewer slowdowns, not more: of twenty cases two or
    three that did not change become suspects too, and each of them makes the tests of the others harder to pass.
    (Simulated: +5 % by a margin of 2 %, a spread of 3 %, 8 generations and 12 to confirm: 71 %, 79 %, and 85 % here.)
    """
    margin = log_margin(rule)
    estimates = {
        one.contest.id: location([ratio.value for ratio in one.screened]).estimate
        for one in gathered
        if one.screened and not one.contest.is_control
    }
    return Suspects(
        slower=tuple(name for name, estimate in estimates.items() if estimate > margin),
        faster=tuple(name for name, estimate in estimates.items() if estimate < -margin),
    )
