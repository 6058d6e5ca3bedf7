"""When warm-up is over: as soon as calls are no longer getting faster, which is tested and not assumed."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from zoobench import stats
from zoobench.timing.rounds import Clock, Round

WINDOW = 10
"""Calls looked at: the normal approximation of the test is good from about ten (Mann 1945, Econometrica 13)."""

_CRITICAL = -1.645
"""One-sided, at 5 %: warm-up goes on while a downward trend is that unlikely to be chance."""


def is_flat(times_s: Sequence[float]) -> bool:
    """Whether the last calls show no downward trend; False before there are enough. An upward one is no warm-up."""
    return len(times_s) >= WINDOW and stats.trend(times_s[-WINDOW:]) > _CRITICAL


def take_warm_up(take: Callable[[], Round], bound_s: float, clock: Clock) -> list[Round]:
    """One call always; more until they are no longer getting faster, or the next would end past the bound."""
    began = clock()
    rounds = [take()]
    while not is_flat([r.host_s for r in rounds]) and clock() - began + rounds[-1].host_s <= bound_s:
        rounds.append(take())
    return rounds


def typical_s(warm_up: Sequence[Round]) -> float:
    """What a call takes by the later half of them: the first calls are not typical."""
    return statistics.median(r.host_s for r in warm_up[len(warm_up) // 2 :])
