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

SUSPICION = 0.75
"""Part of the margin from which an estimate is suspicious."""


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
    """Those whose estimated change comes near the margin or beyond it, and is not known to be within."""
    estimates = {one.contest.id: _suspicious_change(one, log_margin(rule)) for one in gathered}
    return Suspects(
        slower=tuple(name for name, estimate in estimates.items() if estimate > 0),
        faster=tuple(name for name, estimate in estimates.items() if estimate < 0),
    )


def _suspicious_change(gathered: Gathered, margin: float) -> float:
    """The estimated log-ratio; 0 where it is no reason for suspicion."""
    if gathered.contest.is_control or not gathered.screened:
        return 0.0
    where = location([ratio.value for ratio in gathered.screened])
    is_known_same = where.low is not None and where.high is not None and -margin < where.low and where.high < margin
    return 0.0 if is_known_same or abs(where.estimate) < SUSPICION * margin else where.estimate
