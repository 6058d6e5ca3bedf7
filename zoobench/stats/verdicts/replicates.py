"""One replicate, one log-ratio: which of its rounds count is known by covariates declared here, never by their times.

Whatever is done to the base's rounds is done to the head's: with the sides swapped, the log-ratio changes its sign.
"""

from __future__ import annotations

import functools
import itertools
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from zoobench.cases import Case
from zoobench.records import Failure
from zoobench.records.comparison import Block, CasePair, ComparisonSetup, Evidence, Replicate, SideName, Stage
from zoobench.stats.interference import COVARIATES, PACE, SLOW_PACE_RATIO, Cause, Floats, Integers, disturbed, quiet_s
from zoobench.stats.summaries import LEAST_QUIET_SHARE, split

# What a call takes in each block: the medians of its rounds by what disturbed them, of 10⁵ blocks at once.


Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]


class BlockTimes(NamedTuple):
    """Of one block; each is NaN where hardly any round is left, or where it is not known.

    `quiet_s` is the median of the rounds that nothing disturbed, `slow_s` of those that nothing did but a slow machine,
    `pace` the median pace of the latter.
    """

    quiet_s: float
    slow_s: float
    pace: float


def block_times(blocks: Sequence[Block], best_references_s: Sequence[float]) -> list[BlockTimes]:
    """The times of these blocks; with each comes what its reference takes when the machine is quiet."""
    sizes = np.array([len(block.samples) for block in blocks], dtype=np.int64)
    samples = _joined(block.samples for block in blocks)
    names = COVARIATES.intersection(itertools.chain.from_iterable(block.covariates for block in blocks))
    covariates = {name: _joined(_column(block, name) for block in blocks) for name in names}
    covariates[PACE] = _paces(blocks, sizes, best_references_s)
    is_quiet = ~disturbed(samples, covariates)
    is_at_worst_slow = ~disturbed(samples, covariates, despite=(Cause.SLOW,))
    medians = (
        _medians(samples, is_quiet, sizes),
        _medians(samples, is_at_worst_slow, sizes),
        _medians(covariates[PACE], is_at_worst_slow, sizes),
    )
    return [BlockTimes(*of_block) for of_block in zip(*(column.tolist() for column in medians), strict=True)]


def _column(block: Block, name: str) -> Sequence[float]:
    """A covariate of its rounds; a block without it had none of it, or it could not be measured."""
    return block.covariates.get(name) or (0.0,) * len(block.samples)


def _paces(blocks: Sequence[Block], sizes: Integers, best_references_s: Sequence[float]) -> Floats:
    """The pace of every round (`stats.interference.paces`); NaN in a block that was not read round each of them."""
    readings = _joined(
        block.references_s if len(block.references_s) == size + 1 else (np.nan,) * (size + 1)
        for block, size in zip(blocks, sizes.tolist(), strict=True)
    )
    before = np.arange(sizes.sum()) + np.repeat(np.arange(len(sizes)), sizes)  # each block has one reading more
    paces: Floats = np.maximum(readings[before], readings[before + 1]) / np.repeat(best_references_s, sizes)
    return paces


def _medians(values: Floats, is_wanted: Flags, sizes: Integers) -> Floats:
    """Of the wanted values of each block, as far as they are known; NaN where hardly any are."""
    is_kept = is_wanted & ~np.isnan(values)
    blocks = np.repeat(np.arange(len(sizes)), sizes)
    within = np.arange(len(values)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    table = np.full((len(sizes), max(1, sizes.max(initial=0))), np.inf)
    table[blocks, within] = np.where(is_kept, values, np.inf)
    table.sort(axis=1)
    kept = np.bincount(blocks, weights=is_kept, minlength=len(sizes)).astype(np.int64)
    rows = np.arange(len(sizes))
    middles = (table[rows, (kept - 1) // 2] + table[rows, np.minimum(kept // 2, table.shape[1] - 1)]) / 2
    medians: Floats = np.where((kept > 0) & (kept >= LEAST_QUIET_SHARE * sizes), middles, np.nan)
    return medians


def _joined(parts: Iterable[Sequence[float]]) -> Floats:
    return np.fromiter(itertools.chain.from_iterable(parts), dtype=np.float64)


LEAST_PAIRS = 2
"""Fewer pairs are no middle of anything; and they are at least half of those that were measured."""

MANY_PAIRS = 8
"""Of which some may have met a slow machine on one side only, and the middle is still that of the others."""

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
    few, pairs that were equally slow as well; if these are too few, but pairs of any pace are many, those.
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
    [found] = log_ratios([replicate], [best_references_s])
    return found


def _log_ratio(replicate: Replicate, blocks: Sequence[BlockTimes]) -> LogRatio | Dropped:
    if replicate.failure is not None:
        return Dropped(f"{replicate.failed or 'a side'} failed: {replicate.failure.message}")
    places = pairs_of(replicate.order)
    if len(places) < LEAST_PAIRS:
        return Dropped(f"{len(places)} pairs of blocks were measured, {LEAST_PAIRS} are needed")
    pairs = [(blocks[base], blocks[head]) for base, head in places]
    needed = max(LEAST_PAIRS, math.ceil(len(pairs) / 2))
    for compare in (_quiet_pair, _even_pair, *([_slow_pair] if len(pairs) >= MANY_PAIRS else [])):
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


def _slow_pair(pair: tuple[BlockTimes, BlockTimes]) -> tuple[float, float] | None:
    """Both sides' seconds a call where nothing but a slow machine disturbed them, however slow."""
    base, head = pair
    return None if math.isnan(base.slow_s) or math.isnan(head.slow_s) else (base.slow_s, head.slow_s)


# What an experiment saw, by case pair: the log-ratios of each stage, what was dropped, and which side kept failing.


_LAST_ATTEMPT = 2

_Conditions = tuple[object, ...]
"""In which the device's fixed computation takes the same time: device, threads and torch."""


class Gathered(msgspec.Struct, frozen=True, kw_only=True):
    """The replicates of one case pair. `failures` are those that came again when their generation was begun anew."""

    case_pair: CasePair
    screened: tuple[LogRatio, ...] = ()
    confirmed: tuple[LogRatio, ...] = ()
    dropped: dict[Stage, tuple[str, ...]] = {}
    failures: dict[SideName, Failure] = {}


def gather(evidence: Evidence, stages: Iterable[Stage] = Stage) -> tuple[Gathered, ...]:
    """Every case pair with its replicates of these stages, in the order of the case pairs."""
    by_case_pair: dict[str, list[Replicate]] = defaultdict(list)
    wanted = frozenset(stages)
    for replicate in evidence.replicates:
        if replicate.stage in wanted:
            by_case_pair[replicate.case_pair].append(replicate)
    best_s = {stage: _best_references(evidence, stage) for stage in wanted}
    return tuple(
        _gather_one(
            case_pair,
            by_case_pair[case_pair.id],
            {stage: _of_sides(case_pair, evidence.setup, best_s[stage]) for stage in wanted},
        )
        for case_pair in evidence.case_pairs
    )


def _gather_one(
    case_pair: CasePair, replicates: Sequence[Replicate], best_s: Mapping[Stage, Mapping[SideName, float]]
) -> Gathered:
    found: dict[Stage, list[LogRatio]] = {stage: [] for stage in Stage}
    dropped: dict[Stage, list[str]] = {stage: [] for stage in Stage}
    failures: dict[SideName, Failure] = {}
    counted = [_one_that_counts(attempts) for attempts in _by_generation(replicates)]
    for replicate, told in zip(counted, log_ratios(counted, [best_s[one.stage] for one in counted]), strict=True):
        if replicate.failure and replicate.failed and replicate.attempt >= _LAST_ATTEMPT:
            failures[replicate.failed] = replicate.failure
        if isinstance(told, Dropped):
            dropped[replicate.stage].append(told.reason)
        else:
            found[replicate.stage].append(told)
    return Gathered(
        case_pair=case_pair,
        screened=tuple(found[Stage.SCREEN]),
        confirmed=tuple(found[Stage.CONFIRM]),
        dropped={stage: tuple(reasons) for stage, reasons in dropped.items()},
        failures=failures,
    )


def _by_generation(replicates: Iterable[Replicate]) -> Iterable[list[Replicate]]:
    attempts: dict[tuple[Stage, int], list[Replicate]] = defaultdict(list)
    for replicate in replicates:
        attempts[replicate.stage, replicate.generation].append(replicate)
    return attempts.values()


def _one_that_counts(attempts: Sequence[Replicate]) -> Replicate:
    """The last attempt at a generation that did not fail, or else the last: one generation is one replicate."""
    return max(attempts, key=lambda replicate: (replicate.failure is None, replicate.attempt))


def _best_references(evidence: Evidence, until: Stage) -> dict[_Conditions, float]:
    """What the fixed computation takes when the machine is as quiet as it was in the whole experiment.

    The screening knows nothing of what came later: it says the same before the confirmation and after it.
    """
    conditions = {case_pair.id: _conditions_of(case_pair, evidence.setup) for case_pair in evidence.case_pairs}
    readings_s: dict[_Conditions, list[float]] = defaultdict(list)
    for replicate in evidence.replicates:
        if until is Stage.SCREEN and replicate.stage is not Stage.SCREEN:
            continue
        of_sides = conditions[replicate.case_pair]
        for letter, block in zip(replicate.order, replicate.blocks, strict=True):
            side = SideName.BASE if letter == "A" else SideName.HEAD
            readings_s[of_sides[side]] += block.references_s
    return {alike: quiet_s(readings) for alike, readings in readings_s.items() if readings}


def _of_sides(
    case_pair: CasePair, setup: ComparisonSetup, best_s: Mapping[_Conditions, float]
) -> dict[SideName, float]:
    conditions = _conditions_of(case_pair, setup)
    return {side: best_s[conditions[side]] for side in SideName if conditions[side] in best_s}


def _conditions_of(case_pair: CasePair, setup: ComparisonSetup) -> dict[SideName, _Conditions]:
    """A control has the threads of its own case, if it has one."""
    sides: tuple[tuple[SideName, Case | None, Mapping[str, str]], ...] = (
        (SideName.BASE, case_pair.base_case, setup.base.environment.software),
        (SideName.HEAD, case_pair.head_case, setup.head.environment.software),
    )
    return {
        side: (case and case.device, case and case.threads, software.get("torch")) for side, case, software in sides
    }
