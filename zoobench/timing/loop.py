"""Warm up, then take rounds until the stopping rule says enough."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from zoobench.cases import Budget
from zoobench.devices import Device
from zoobench.timing.rounds import HOST_CLOCK, Clock, Phase, Round, take_round
from zoobench.timing.stopping import Stop, StoppingRule

_WARM_UP_SHARE = 0.25
"""Warm-up ends after this share of its bound, if it has the least number of rounds by then."""

_MIN_WARM_UP_ROUNDS = 3


class Sampled(msgspec.Struct, frozen=True, kw_only=True):
    """What a loop yields. `first_call_s` is by the host's clock and is the first of the warm-up rounds."""

    rounds: tuple[Round, ...]
    first_call_s: float
    warm_up_rounds: int
    stop: Stop
    in_calls_s: float


def sample(phases: Sequence[Phase], device: Device, budget: Budget, clock: Clock = HOST_CLOCK) -> Sampled:
    """Take rounds within the budget, at least one after at least one warm-up call.

    A call so long that the budget is spent before the first round is still timed once: one honest sample, which
    the findings then call too few.
    """
    began = clock()
    warm_up = _warm_up(phases, device, budget, clock)
    rule = StoppingRule(budget)
    rounds = [take_round(phases, device, clock)]
    samples = [rounds[0].device_s]
    while (stop := rule.reason(samples, clock() - began, rounds[-1].host_s)) is None:
        rounds.append(take_round(phases, device, clock))
        samples.append(rounds[-1].device_s)
    return Sampled(
        rounds=tuple(rounds),
        first_call_s=warm_up[0].host_s,
        warm_up_rounds=len(warm_up),
        stop=stop,
        in_calls_s=sum(r.host_s for r in (*warm_up, *rounds)),
    )


def _warm_up(phases: Sequence[Phase], device: Device, budget: Budget, clock: Clock) -> list[Round]:
    """One call always; more until both a few calls and the warm-up time are reached, unless calls are too dear."""
    began = clock()
    rounds = [take_round(phases, device, clock)]
    while _wants_more_warm_up(rounds, clock() - began, budget):
        rounds.append(take_round(phases, device, clock))
    return rounds


def _wants_more_warm_up(rounds: Sequence[Round], elapsed_s: float, budget: Budget) -> bool:
    bound_s = min(budget.max_warmup_s, budget.max_s)
    if elapsed_s + rounds[-1].host_s > bound_s:
        return False
    return len(rounds) < _MIN_WARM_UP_ROUNDS or elapsed_s < bound_s * _WARM_UP_SHARE
