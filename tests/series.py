"""Series of rounds in blocks as they are met with, drawn by seed, with the truth that their intervals should hold."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]

Draw = Callable[[np.random.Generator, int, int], Array]
"""Repetitions and blocks to an array of shape (repetitions, blocks, rounds)."""

ROUNDS = 16
"""To a block: about as many as an autoregressive series of 0.9 remembers, (1 + φ) ÷ (1 - φ) being 19."""


def autoregressive(phi: float, rounds: int = ROUNDS) -> Draw:
    """Rounds that remember the last one, through all blocks."""

    def draw(rng: np.random.Generator, repetitions: int, blocks: int) -> Array:
        n = blocks * rounds
        noise = rng.standard_normal((n + 1, repetitions))
        series = np.empty_like(noise)
        series[0] = noise[0] / math.sqrt(1 - phi**2)  # stationary from the start
        for at in range(1, n + 1):
            series[at] = phi * series[at - 1] + noise[at]
        return series[1:].T.reshape(repetitions, blocks, rounds)

    return draw


def bimodal(rng: np.random.Generator, repetitions: int, blocks: int) -> Array:
    """A mode a block, 70 to 30: one kind of layout is slower."""
    modes = np.where(rng.random((repetitions, blocks, 1)) < 0.3, 0.1, 0.0)
    layouts = rng.normal(0, _SIGMA, (repetitions, blocks, 1))
    return modes + layouts + rng.normal(0, _SIGMA, (repetitions, blocks, 3))


_SIGMA = 0.01
_MEDIAN_OF_THREE_VARIANCE = 0.4487
"""Of three standard normal draws (David and Nagaraja, Order Statistics): 1 - √3 ÷ π."""


def median_of_bimodal() -> float:
    """Where 0.7 Φ(x ÷ σ) is a half, the other mode being far above; σ² is a layout's and a median's."""
    sigma = _SIGMA * math.sqrt(1 + _MEDIAN_OF_THREE_VARIANCE)
    return sigma * statistics.NormalDist().inv_cdf(5 / 7)


def heavy_tailed(rng: np.random.Generator, repetitions: int, blocks: int) -> Array:
    """Cauchy's rounds, in blocks of Student's t with two degrees of freedom."""
    return rng.standard_cauchy((repetitions, blocks, 8)) + rng.standard_t(2, (repetitions, blocks, 1))


def drifting(rng: np.random.Generator, repetitions: int, blocks: int) -> Array:
    """Up by 2 % over the run, whose middle is the truth, in blocks that spread by 0.5 %."""
    drift = np.linspace(-0.01, 0.01, blocks)[:, None]
    return drift + rng.normal(0, 0.005, (repetitions, blocks, 1)) + rng.normal(0, 0.002, (repetitions, blocks, 4))


def skewed(rng: np.random.Generator, repetitions: int, blocks: int) -> Array:
    """Log-normal rounds, of which an odd number makes a block: their medians have the median 1."""
    return rng.lognormal(0.0, 0.5, (repetitions, blocks, 9))


def independent(rng: np.random.Generator, repetitions: int, blocks: int) -> Array:
    return rng.standard_normal((repetitions, blocks, 3))


def processes(rng: np.random.Generator, repetitions: int, processes: int) -> Array:
    """Of shape (repetitions, processes, blocks, rounds): what a process draws once spreads as much as its blocks do."""
    once = rng.normal(0, 0.01, (repetitions, processes, 1, 1))
    layouts = rng.normal(0, 0.01, (repetitions, processes, 8, 1))
    return 1 + once + layouts + rng.normal(0, 0.005, (repetitions, processes, 8, 3))
