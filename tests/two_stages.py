"""The two-stage rule over thousands of simulated experiments at once, on arrays (experiments × cases × generations).

The rule is written a second time here, from its description: `tests/compare/test_simulated.py` holds the two together.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from zoobench.records.comparison import Rule

Array = np.ndarray[Any, np.dtype[np.float64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]
Noise = Callable[[np.random.Generator, tuple[int, int, int]], Array]
"""Noise of log-ratios in units of their spread."""


def normal(rng: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    return rng.standard_normal(shape)


def bimodal(rng: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    """Each side's process is in a slow mode three times out of ten, on its own."""
    modes = (rng.random((2, *shape)) < 0.3).astype(float)
    return (modes[1] - modes[0] + 0.3 * rng.standard_normal(shape)) / math.sqrt(2 * 0.21 + 0.09)


def heavy(rng: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    """Student's t with two degrees of freedom, which has no variance: half of it is as near to 0 as of a normal."""
    return rng.standard_t(2, shape) * (0.6745 / 0.8165)


def of_correlated_blocks(rng: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    """Blocks of a generation hang together (0.9 from one to the next); each log-ratio is the middle of ABBA BAAB."""
    blocks = _autoregressive(rng, (*shape, 8), 0.9)
    pairs = blocks[..., 1::2] - blocks[..., 0::2]
    centres = np.median(pairs * np.array([1, -1, -1, 1]), axis=-1)
    return centres / np.std(centres)


def slightly_correlated(rng: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    """Generations hang together, by 0.2 from one to the next: the machine is not quite another in each."""
    return _autoregressive(rng, shape, 0.2)


def _autoregressive(rng: np.random.Generator, shape: tuple[int, ...], r: float) -> Array:
    values = rng.standard_normal(shape)
    for step in range(1, shape[-1]):
        values[..., step] = r * values[..., step - 1] + math.sqrt(1 - r**2) * values[..., step]
    return values


def called_slower(screened: Array, confirmed: Array, rule: Rule) -> Flags:
    """Which cases the rule calls slower."""
    margin = math.log1p(rule.margin_ratio)
    suspected = np.median(_walsh(screened), axis=-1) > margin
    p = np.where(suspected, _p_values(confirmed, margin), np.inf)
    order = np.argsort(p, axis=1)
    tests = suspected.sum(axis=1, keepdims=True)
    steps = np.take_along_axis(p, order, axis=1) * np.maximum(tests - np.arange(p.shape[1]), 1)
    called = np.empty_like(suspected)
    np.put_along_axis(called, order, np.maximum.accumulate(steps, axis=1) <= rule.alpha, axis=1)
    return called & suspected


def _p_values(values: Array, margin: float) -> Array:
    statistics = (_walsh(values) > margin).sum(axis=-1)
    return np.asarray(_tails(values.shape[-1]))[statistics]


def _walsh(values: Array) -> Array:
    rows, columns = np.triu_indices(values.shape[-1])
    return (values[..., rows] + values[..., columns]) / 2


def _tails(n: int) -> list[float]:
    """P(W ≥ w) by counting, for w = 0 … n (n + 1) ÷ 2."""
    ways = [1]
    for rank in range(1, n + 1):
        ways = [
            (ways[k] if k < len(ways) else 0) + (ways[k - rank] if k >= rank else 0) for k in range(len(ways) + rank)
        ]
    return [sum(ways[w:]) / 2**n for w in range(len(ways))]
