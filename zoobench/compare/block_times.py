"""What a call takes in each block: the medians of its rounds by what disturbed them, of 10⁵ blocks at once."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from zoobench.compare.evidence import Block
from zoobench.disturbance import COVARIATES, PACE, Cause, Floats, disturbed
from zoobench.summaries import LEAST_QUIET_SHARE

Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]
Integers = np.ndarray[tuple[int], np.dtype[np.int64]]


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
    """A covariate of its rounds; where a block does not tell it, there was none of it, or nobody can tell."""
    return block.covariates.get(name) or (0.0,) * len(block.samples)


def _paces(blocks: Sequence[Block], sizes: Integers, best_references_s: Sequence[float]) -> Floats:
    """The pace of every round, as `zoobench.pace.paces` has it; NaN in a block that was not read round each of them."""
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
