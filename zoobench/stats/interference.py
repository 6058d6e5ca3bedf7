"""Which rounds were disturbed: known by what else happened meanwhile, declared here, and never by their times."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Collection, Mapping, Sequence

import msgspec
import numpy as np

Floats = np.ndarray[tuple[int], np.dtype[np.float64]]
Integers = np.ndarray[tuple[int], np.dtype[np.int64]]

PACE = "pace"
"""Time of a fixed computation just before the round, over what it takes on this machine when quiet."""
RUN_DELAY = "run_delay_s"
STEAL = "steal_s"
CONTINUED = "continued"
THROTTLED = "throttled"
HOST_LEAD = "host_lead"
"""Share of a round that was left when the host had launched all of the call; none on a CPU, where it is the device."""
DISTURBED = "disturbed"
"""For samples whose other covariates stand with another measurement of the same rounds: 1 where disturbed, else 0."""

SLOW_PACE_RATIO = 1.05
"""Rounds up to this pace, of mobilenet_v2 in ten processes on a busy virtual machine, had medians that spread by 2.1 %;
all rounds, by 6.5 %."""

WAITED_SHARE = 0.02
"""Of a round's time that its threads spent waiting for a processor, or that the hypervisor took: that of the ±2 % that
are asked of a median."""


LEADING_SHARE = 0.1
"""A host that is that far ahead of the device has time to spare: how fast it is does not show in the round. Beside one
NVIDIA H200, in each of six cases in which it was ahead by 15 to 80 % of the round, the median round at a slow pace took
at most 0.3 % longer than the median of the others; in those in which it was ahead by up to 8 %, up to 34 % longer (the
covariates of `results/reference/h200`)."""


class Cause(enum.StrEnum):
    """What disturbed a round."""

    PAUSED = "paused"
    THROTTLED = "throttled"
    STEAL = "steal"
    WAITING = "waiting"
    SLOW = "slow"
    OTHER = "other"


class _Sign(msgspec.Struct, frozen=True):
    """A round is disturbed if the covariate is above the limit, or above that share of the round's own time.

    A sign that is the host's alone says nothing of a round in which the host was far ahead of the device.
    """

    cause: Cause
    covariate: str
    limit: float = 0.0
    is_share: bool = False
    is_of_host: bool = False


_SIGNS = (
    _Sign(Cause.PAUSED, CONTINUED),
    _Sign(Cause.THROTTLED, THROTTLED),
    _Sign(Cause.STEAL, STEAL, WAITED_SHARE, is_share=True),
    _Sign(Cause.WAITING, RUN_DELAY, WAITED_SHARE, is_share=True),
    _Sign(Cause.SLOW, PACE, SLOW_PACE_RATIO, is_of_host=True),
    _Sign(Cause.OTHER, DISTURBED),
)
"""The most severe first: the first that is seen is the cause."""

COVARIATES = frozenset({*(sign.covariate for sign in _SIGNS), HOST_LEAD})
"""Those that decide whether a round was disturbed; the others explain it."""


def causes(samples: Sequence[float], covariates: Mapping[str, Sequence[float]]) -> tuple[Cause | None, ...]:
    """The cause of interference with each sample, or None. A covariate that was not read is no cause."""
    found: list[Cause | None] = [None] * len(samples)
    for sign in reversed(_SIGNS):
        values = covariates.get(sign.covariate, ())
        if not values or max(values) <= sign.limit * (min(samples) if sign.is_share else 1.0):
            continue  # most signs are in no round at all, and a report asks of 10⁶ of them
        leads = covariates.get(HOST_LEAD) if sign.is_of_host else None
        for index, (value, sample) in enumerate(zip(values, samples, strict=True)):
            limit = sign.limit * sample if sign.is_share else sign.limit
            if value > limit and (leads is None or leads[index] < LEADING_SHARE):
                found[index] = sign.cause
    return tuple(found)


def marks(samples: Sequence[float], covariates: Mapping[str, Sequence[float]]) -> tuple[float, ...]:
    """The covariate `disturbed` for other times of the same rounds."""
    return tuple(float(cause is not None) for cause in causes(samples, covariates))


def disturbed(
    samples: Floats, covariates: Mapping[str, Floats], despite: Collection[Cause] = ()
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which samples anything disturbed, but for these causes: what `causes` says, for arrays of 10⁶."""
    found = np.zeros(len(samples), dtype=np.bool_)
    for sign in _SIGNS:
        if sign.covariate in covariates and sign.cause not in despite:
            is_seen = covariates[sign.covariate] > (sign.limit * samples if sign.is_share else sign.limit)
            if sign.is_of_host and HOST_LEAD in covariates:
                is_seen &= covariates[HOST_LEAD] < LEADING_SHARE
            found |= is_seen
    return found


# How fast the machine was during each round, against its own quiet best.


_QUIET_QUANTILE = 0.1
"""A machine is quiet for a tenth of the time, or else nothing can be found out from within; and no reading is taken for
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
