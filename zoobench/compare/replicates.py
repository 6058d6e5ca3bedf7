"""One replicate, one log-ratio: which of its rounds count is known by covariates declared here, never by their times.

Whatever is done to the base's rounds is done to the head's: with the sides swapped, the log-ratio changes its sign.
"""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from zoobench.compare.block_times import BlockTimes, block_times
from zoobench.compare.evidence import Replicate, SideName
from zoobench.disturbance import SLOW_PACE_RATIO
from zoobench.summaries import split

LEAST_PAIRS = 2
"""Fewer pairs are no middle of anything; and they are at least half of those that were measured."""

EVEN_PACE_RATIO = SLOW_PACE_RATIO
"""Two blocks whose median paces differ by no more can be compared though both were slow.

Of 436 runs of eight blocks of one side on a busy virtual machine, where 54 % of the rounds were disturbed, 48 % had two
quiet pairs, and their log-ratios a spread of 1.7 % (by the median absolute deviation); with even pairs beside them it
was 87 % and 2.0 %. Of runs of four blocks, 33 % at 1.8 % and 56 % at 2.0 %; all of them, at any pace, 3.2 %.
"""

BestReferences = Mapping[SideName, float]
"""What the device's fixed computation takes when the machine is quiet, for each side."""

_LETTERS = {"A": SideName.BASE, "B": SideName.HEAD}


class LogRatio(NamedTuple):
    """What a replicate says: the logarithm of the head's time over the base's, and a call's seconds on both sides."""

    value: float
    base_s: float
    head_s: float


class Dropped(NamedTuple):
    """A replicate that says nothing of times, and why."""

    reason: str


def log_ratios(
    replicates: Sequence[Replicate], best_references_s: Sequence[BestReferences]
) -> list[LogRatio | Dropped]:
    """What each of these replicates says, with the quiet bests that hold for it.

    It is the middle of the log-ratios of its pairs: consecutive blocks, one of each side. What drifts evenly through
    the blocks cancels in it where the pairs are AB as often as BA. Pairs of quiet blocks are taken; if they are too
    few, pairs that were equally slow as well.
    """
    blocks = [block for replicate in replicates for block in replicate.blocks]
    bests_s = [
        best_s.get(_LETTERS[letter], math.nan)
        for replicate, best_s in zip(replicates, best_references_s, strict=True)
        for letter in replicate.order
    ]
    of_replicates = split(block_times(blocks, bests_s), [len(replicate.blocks) for replicate in replicates])
    return [_log_ratio(replicate, times) for replicate, times in zip(replicates, of_replicates, strict=True)]


def log_ratio(replicate: Replicate, best_references_s: BestReferences) -> LogRatio | Dropped:
    """What one replicate says."""
    [told] = log_ratios([replicate], [best_references_s])
    return told


def _log_ratio(replicate: Replicate, blocks: Sequence[BlockTimes]) -> LogRatio | Dropped:
    if replicate.failure is not None:
        return Dropped(f"{replicate.failed or 'a side'} failed: {replicate.failure.message}")
    places = pairs_of(replicate.order)
    if len(places) < LEAST_PAIRS:
        return Dropped(f"{len(places)} pairs of blocks were measured, {LEAST_PAIRS} are needed")
    pairs = [(blocks[base], blocks[head]) for base, head in places]
    needed = max(LEAST_PAIRS, math.ceil(len(pairs) / 2))
    for compare in (_quiet_pair, _even_pair):
        kept = [found for found in map(compare, pairs) if found is not None]
        if len(kept) >= needed:
            return _middle(kept)
    return Dropped(f"{len(kept)} of {len(pairs)} pairs of blocks were undisturbed, {needed} are needed")


@functools.lru_cache
def pairs_of(order: str) -> tuple[tuple[int, int], ...]:
    """Places of the base's and the head's block of each pair, in the order measured: `ABBA` is AB, BA."""
    pairs, place = [], 0
    while place + 1 < len(order):
        if order[place] == order[place + 1]:
            place += 1
            continue
        pairs.append((place, place + 1) if order[place] == "A" else (place + 1, place))
        place += 2
    return tuple(pairs)


def _middle(pairs: Sequence[tuple[float, float]]) -> LogRatio:
    return LogRatio(
        value=statistics.median(math.log(head_s) - math.log(base_s) for base_s, head_s in pairs),
        base_s=statistics.median(base_s for base_s, _ in pairs),
        head_s=statistics.median(head_s for _, head_s in pairs),
    )


def _quiet_pair(pair: tuple[BlockTimes, BlockTimes]) -> tuple[float, float] | None:
    """Both sides' seconds a call where nothing disturbed them."""
    base, head = pair
    return None if math.isnan(base.quiet_s) or math.isnan(head.quiet_s) else (base.quiet_s, head.quiet_s)


def _even_pair(pair: tuple[BlockTimes, BlockTimes]) -> tuple[float, float] | None:
    """Both sides' seconds a call where nothing disturbed them, or else both were slowed down alike."""
    base, head = pair
    quiet = _quiet_pair(pair)
    if quiet is not None or any(map(math.isnan, (base.slow_s, head.slow_s, base.pace, head.pace))):
        return quiet
    is_even = max(base.pace, head.pace) <= EVEN_PACE_RATIO * min(base.pace, head.pace)
    return (base.slow_s, head.slow_s) if is_even else None
