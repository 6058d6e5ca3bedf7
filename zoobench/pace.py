"""How fast the machine was during each round, against its own quiet best."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

_QUIET_QUANTILE = 0.1
"""A machine is quiet for a tenth of the time, or else nothing can be told from within; and no reading is taken for
the best because of one lucky one."""


def quiet_s(readings_s: Sequence[float]) -> float:
    """What the fixed computation takes when the machine is as quiet as it was during these readings.

    Raises: ValueError without readings.
    """
    if not len(readings_s):
        raise ValueError("no readings, no pace")
    place = int(_QUIET_QUANTILE * len(readings_s))
    return float(np.partition(np.asarray(readings_s), place)[place])


def quietest_s(*readings_s: float | None) -> float | None:
    """The best of those that are known; None where none is."""
    return min((reading_s for reading_s in readings_s if reading_s is not None), default=None)


def paces(readings_s: Sequence[Sequence[float]], best_s: float) -> tuple[float, ...]:
    """The pace of each round, 1 when quiet, of blocks of readings: one before each round, and one after the last.

    A round is as slow as the slower of its two neighbours: what begins or ends within it shows in one of them.
    """
    pairs = (pair for block in readings_s for pair in itertools.pairwise(block))
    return tuple(max(before, after) / best_s for before, after in pairs)
