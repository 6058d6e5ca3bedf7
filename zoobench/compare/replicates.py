"""One replicate, one log-ratio: which of its rounds count is known by covariates declared here, never by their times.

Whatever is done to the base's rounds is done to the head's: with the sides swapped, the log-ratio changes its sign.
"""

from __future__ import annotations

import itertools
import math
import operator
import statistics
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import NamedTuple

from zoobench.compare.evidence import Block, Replicate, SideName
from zoobench.disturbance import COVARIATES, PACE, SLOW_PACE_RATIO, Cause, causes
from zoobench.pace import paces
from zoobench.summaries import LEAST_QUIET_SHARE, split

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
_QUIET = (None,)
_QUIET_OR_SLOW = (None, Cause.SLOW)


class LogRatio(NamedTuple):
    """What a replicate says: the logarithm of the head's time over the base's, and a call's seconds on both sides."""

    value: float
    base_s: float
    head_s: float


class Dropped(NamedTuple):
    """A replicate that says nothing of times, and why."""

    reason: str


class _Rounds(NamedTuple):
    """Of one block, with one value a round; `paces` are empty where the device has no fixed computation."""

    samples: Sequence[float]
    causes: Sequence[Cause | None]
    paces: Sequence[float]


def log_ratio(replicate: Replicate, best_references_s: BestReferences) -> LogRatio | Dropped:
    """The middle of the log-ratios of its pairs: consecutive blocks, one of each side.

    What drifts evenly through the blocks cancels in it where the pairs are AB as often as BA. Pairs of quiet blocks are
    taken; if they are too few, pairs that were equally slow as well; if these are too few, pairs of any pace: a slow
    machine is slow for both sides in turns.
    """
    if replicate.failure is not None:
        return Dropped(f"{replicate.failed or 'a side'} failed: {replicate.failure.message}")
    places = pairs_of(replicate.order)
    if len(places) < LEAST_PAIRS:
        return Dropped(f"{len(places)} pairs of blocks were measured, {LEAST_PAIRS} are needed")
    blocks = _rounds_of(replicate, best_references_s)
    pairs = [(blocks[base], blocks[head]) for base, head in places]
    needed = max(LEAST_PAIRS, math.ceil(len(pairs) / 2))
    for compare in (_quiet_pair, _even_pair, _slow_pair):
        kept = [found for found in map(compare, pairs) if found is not None]
        if len(kept) >= needed:
            return _middle(kept)
    return Dropped(f"{len(kept)} of {len(pairs)} pairs of blocks were undisturbed, {needed} are needed")


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


def _quiet_pair(pair: tuple[_Rounds, _Rounds]) -> tuple[float, float] | None:
    """Both sides' seconds a call where nothing disturbed them."""
    base_s, head_s = (_typical_s(block, _QUIET) for block in pair)
    return None if base_s is None or head_s is None else (base_s, head_s)


def _even_pair(pair: tuple[_Rounds, _Rounds]) -> tuple[float, float] | None:
    """Both sides' seconds a call where nothing disturbed them, or both were slowed down alike."""
    quiet = _quiet_pair(pair)
    if quiet is not None or not all(block.paces for block in pair):
        return quiet
    base_s, head_s = (_typical_s(block, _QUIET_OR_SLOW) for block in pair)
    if base_s is None or head_s is None:
        return None
    one, other = (_typical_pace(block) for block in pair)
    return (base_s, head_s) if max(one, other) <= EVEN_PACE_RATIO * min(one, other) else None


def _slow_pair(pair: tuple[_Rounds, _Rounds]) -> tuple[float, float] | None:
    """Both sides' seconds a call where nothing but a slow machine disturbed them."""
    base_s, head_s = (_typical_s(block, _QUIET_OR_SLOW) for block in pair)
    return None if base_s is None or head_s is None else (base_s, head_s)


def _typical_s(block: _Rounds, kept_causes: Container[Cause | None]) -> float | None:
    """The median of the rounds with these causes; None where hardly any have."""
    if not any(block.causes):
        return statistics.median(block.samples) if block.samples else None
    kept = [sample for sample, cause in zip(block.samples, block.causes, strict=True) if cause in kept_causes]
    return statistics.median(kept) if kept and len(kept) >= LEAST_QUIET_SHARE * len(block.samples) else None


def _typical_pace(block: _Rounds) -> float:
    return statistics.median(
        pace for pace, cause in zip(block.paces, block.causes, strict=True) if cause in _QUIET_OR_SLOW
    )


def _rounds_of(replicate: Replicate, best_references_s: BestReferences) -> list[_Rounds]:
    """Its blocks. All are judged at once: of a thousand cases there are 10⁵."""
    blocks = replicate.blocks
    sizes = [len(block.samples) for block in blocks]
    samples = list(itertools.chain.from_iterable(block.samples for block in blocks))
    every_pace = _paces_of(replicate, best_references_s)
    covariates = {**_joined(blocks), PACE: every_pace}
    of_blocks = zip(
        (block.samples for block in blocks),
        split(causes(samples, covariates), sizes),
        split(every_pace, sizes),
        strict=True,
    )
    return [_Rounds(*of_block) for of_block in of_blocks]


def _joined(blocks: Sequence[Block]) -> dict[str, list[float]]:
    """What a block tells that can disturb a round; one that does not tell it had none of it, or nobody can tell."""
    names = COVARIATES.intersection(itertools.chain.from_iterable(block.covariates for block in blocks))
    return {name: list(itertools.chain.from_iterable(_column(block, name) for block in blocks)) for name in names}


def _column(block: Block, name: str) -> Iterable[float]:
    return block.covariates.get(name) or itertools.repeat(0.0, len(block.samples))


def _paces_of(replicate: Replicate, best_references_s: BestReferences) -> list[float]:
    """The pace of each round; nothing unless the fixed computation was read round every one of them."""
    if any(len(block.references_s) != len(block.samples) + 1 for block in replicate.blocks):
        return []
    bests_s = (best_references_s[_LETTERS[letter]] for letter in replicate.order)
    readings = zip(bests_s, (block.references_s for block in replicate.blocks), strict=True)
    of_one_best = itertools.groupby(readings, key=operator.itemgetter(0))
    return [pace for best_s, group in of_one_best for pace in paces([of_block for _, of_block in group], best_s)]
