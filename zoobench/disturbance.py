"""Which rounds were disturbed: known by what else happened meanwhile, declared here, and never by their times."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence

import msgspec

PACE = "pace"
"""Time of a fixed computation just before the round, over what it takes on this machine when quiet."""
RUN_DELAY = "run_delay_s"
STEAL = "steal_s"
CONTINUED = "continued"
THROTTLED = "throttled"
DISTURBED = "disturbed"
"""For samples whose other covariates stand with another measurement of the same rounds: 1 where disturbed, else 0."""

SLOW_PACE_RATIO = 1.05
"""Between processes of a busy virtual machine, medians of rounds up to this pace spread a third as much as of all."""

WAITED_SHARE = 0.02
"""Of a round's time that its threads spent waiting for a processor, or that the hypervisor took: that of the ±2 % that
are asked of a median."""


class Cause(enum.StrEnum):
    """What disturbed a round."""

    PAUSED = "paused"
    THROTTLED = "throttled"
    STEAL = "steal"
    WAITING = "waiting"
    SLOW = "slow"
    OTHER = "other"


class _Sign(msgspec.Struct, frozen=True):
    covariate: str
    cause: Cause
    is_seen: Callable[[float, float], bool]


_SIGNS = (
    _Sign(CONTINUED, Cause.PAUSED, lambda value, _: value > 0),
    _Sign(THROTTLED, Cause.THROTTLED, lambda value, _: value > 0),
    _Sign(STEAL, Cause.STEAL, lambda value, sample: value > WAITED_SHARE * sample),
    _Sign(RUN_DELAY, Cause.WAITING, lambda value, sample: value > WAITED_SHARE * sample),
    _Sign(PACE, Cause.SLOW, lambda value, _: value > SLOW_PACE_RATIO),
    _Sign(DISTURBED, Cause.OTHER, lambda value, _: value > 0),
)
"""In the order in which they are asked: the first that is seen is the cause."""


def causes(samples: Sequence[float], covariates: Mapping[str, Sequence[float]]) -> tuple[Cause | None, ...]:
    """What disturbed each sample; None where nothing known did. A covariate that was not read accuses nobody."""
    signs = [(sign, covariates[sign.covariate]) for sign in _SIGNS if sign.covariate in covariates]
    return tuple(
        next((sign.cause for sign, values in signs if sign.is_seen(values[index], sample)), None)
        for index, sample in enumerate(samples)
    )
