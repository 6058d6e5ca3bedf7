"""Exact rank tests of "greater by more than a margin", and the intervals that belong to them.

Null distributions are computed, not approximated, by adding one rank after the other (dynamic programming); ties get
midranks, and the distribution is that of the midranks at hand. All of it: Hollander, Wolfe and Chicken, Nonparametric
Statistical Methods, 3rd edition, sections 3.1–3.3 (one sample) and 4.1–4.3 (two samples).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from zoobench.stats.estimates import CONFIDENCE
from zoobench.stats.interference import Floats, Integers

_KEPT_NULLS = 512
"""Distributions kept: one for each n without ties, and those of the last ties met."""


class Location(msgspec.Struct, frozen=True):
    """Where values lie: an estimate, and its interval, None where the values are too few for one."""

    estimate: float
    low: float | None
    high: float | None


def signed_rank_p(values: Sequence[float] | Floats, margin: float = 0.0) -> float:
    """The exact one-sided p of the hypothesis that the values, symmetric about their centre, lie at `margin` or below.

    Wilcoxon's signed-rank test. A value on the margin itself keeps its rank and counts against the alternative, which
    never makes p smaller than it should be. The smallest p of n values is 2⁻ⁿ; that of none is 1.
    """
    above = np.asarray(values, dtype=np.float64) - margin
    ranks = _doubled_midranks(np.abs(above))
    return _upper_tail(_signed_rank_null(_key(ranks)), int(ranks[above > 0].sum()))


def location(values: Sequence[float] | Floats, confidence: float = CONFIDENCE) -> Location:
    """Hodges and Lehmann's estimate of the centre of symmetry, with the signed-rank test's interval.

    Both are order statistics of the Walsh averages, the means of all pairs. Below 6 values there is no 95 % interval.
    Raises: ValueError without values.
    """
    walsh = np.sort(walsh_averages(np.asarray(values, dtype=np.float64)))
    return _location(walsh, _untied_signed_rank_null(len(values)), confidence)


def walsh_averages(values: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The mean of every pair of values along the last axis, each value with itself included.

    As many of them are positive as the signed-rank statistic is large.
    """
    rows, columns = _pairs(values.shape[-1])
    averages: np.ndarray[Any, np.dtype[np.float64]] = (values[..., rows] + values[..., columns]) / 2
    return averages


def signed_rank_critical(n: int, level: float) -> int | None:
    """The least signed-rank statistic of n values without ties whose p is at most `level`; None if there is none."""
    tails = np.cumsum(_untied_signed_rank_null(n)[::-1])
    significant = int(np.searchsorted(tails, level, side="right"))
    return n * (n + 1) // 2 - significant + 1 if significant else None


def rank_sum_p(base: Sequence[float], head: Sequence[float], margin: float = 0.0) -> float:
    """The exact one-sided p of the hypothesis that the head's values exceed the base's by `margin` or less.

    Wilcoxon's rank-sum test, that is Mann and Whitney's. The smallest p of m and n values is 1 in m + n over n; p is 1
    where a side has none.
    """
    pooled = np.concatenate((np.asarray(base, dtype=np.float64), np.asarray(head, dtype=np.float64) - margin))
    ranks = _doubled_midranks(pooled)
    return _upper_tail(_rank_sum_null(_key(ranks), len(head)), int(ranks[len(base) :].sum()))


def shift(base: Sequence[float], head: Sequence[float], confidence: float = CONFIDENCE) -> Location:
    """By how much the head's values exceed the base's: the median of all differences, and the rank-sum test's interval.

    Raises: ValueError if a side has no values.
    """
    differences = np.sort(np.subtract.outer(np.asarray(head), np.asarray(base)).ravel())
    return _location(differences, _untied_rank_sum_null(len(base), len(head)), confidence)


def _location(ordered: Floats, null: Floats, confidence: float) -> Location:
    """The median of ordered pairs, and the two between which they are not rejected.

    `null` is the distribution of how many of the pairs lie above the truth.
    """
    n = len(ordered)
    if n == 0:
        raise ValueError("no values, no location")
    estimate = float((ordered[(n - 1) // 2] + ordered[n // 2]) / 2)
    rejected = int(np.searchsorted(np.cumsum(null), (1 - confidence) / 2, side="right"))
    if rejected == 0:
        return Location(estimate, None, None)
    return Location(estimate, float(ordered[rejected - 1]), float(ordered[n - rejected]))


def _doubled_midranks(values: Floats) -> Integers:
    """Twice the ranks from 1, so that the mean rank of equal values is whole."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    doubled: Integers = (2 * np.cumsum(counts) - counts + 1)[which]
    return doubled


def _key(ranks: Integers) -> tuple[int, ...]:
    """Without ties the same for every n values."""
    return tuple(np.sort(ranks).tolist())


def _upper_tail(null: Floats, at_least: int) -> float:
    """P(sum ≥ at_least): the small probabilities first, so that none is lost."""
    return min(1.0, float(null[at_least:][::-1].sum()))


@functools.lru_cache(maxsize=_KEPT_NULLS)
def _signed_rank_null(ranks: tuple[int, ...]) -> Floats:
    """P(sum = k) where each rank is in the sum or not, with equal probability."""
    null = np.zeros(sum(ranks) + 1)
    null[0], end = 1.0, 1
    for rank in ranks:
        null[rank : end + rank] += null[:end].copy()
        null *= 0.5
        end += rank
    return null


@functools.lru_cache(maxsize=_KEPT_NULLS)
def _rank_sum_null(ranks: tuple[int, ...], chosen: int) -> Floats:
    """P(sum = k) of `chosen` of the ranks, all choices being equally probable."""
    ways = np.zeros((chosen + 1, sum(ranks) + 1))
    ways[0, 0] = 1.0
    for rank in ranks:
        ways[1:, rank:] += ways[:-1, : ways.shape[1] - rank].copy()
    null: Floats = ways[chosen] / ways[chosen].sum()
    return null


def _untied_signed_rank_null(n: int) -> Floats:
    return _signed_rank_null(tuple(range(1, n + 1)))


def _untied_rank_sum_null(m: int, n: int) -> Floats:
    """Of the number of pairs in which the head's is the greater: the sum of ranks, less the smallest there is."""
    return _rank_sum_null(tuple(range(1, m + n + 1)), n)[n * (n + 1) // 2 :]


@functools.cache
def _pairs(n: int) -> tuple[Integers, Integers]:
    """Every pair of n values once, each with itself included."""
    rows, columns = np.triu_indices(n)
    return rows, columns


# Many tests at once: adjusted probabilities that bound the chance of any false one.


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm's step-down adjusted p-values, in the order given.

    Calling every test whose adjusted p is at most α calls a false one with probability at most α, however the tests
    depend on each other. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of
    Statistics 6 (1979).
    """
    adjusted, largest, tests = [1.0] * len(p_values), 0.0, len(p_values)
    for place, index in enumerate(sorted(range(tests), key=p_values.__getitem__)):
        largest = max(largest, (tests - place) * p_values[index])
        adjusted[index] = min(1.0, largest)
    return tuple(adjusted)
