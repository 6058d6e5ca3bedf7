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
    """The first call always; more until they are no longer getting faster, or the next would end past the bound.

    The bound holds for what follows the first call. In that one kernels are chosen, loaded and compiled, for seconds
    on a GPU and minutes by a compiler, so that it neither tells how long the next will be nor uses up the time.
    """
    rounds = [take()]
    if bound_s <= 0:
        return rounds
    began = clock()
    rounds.append(take())
    while not is_flat([r.host_s for r in rounds]) and clock() - began + rounds[-1].host_s <= bound_s:
        rounds.append(take())
    return rounds


def typical_s(warm_up: Sequence[Round]) -> float:
    """What a call takes by the later half of them: the first calls are not typical."""
    return statistics.median(r.host_s for r in warm_up[len(warm_up) // 2 :])
