"""A device as a case of a run finds it: the same heap, threads and modes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import torch

from zoobench.cases import Case
from zoobench.devices import Device, get_device
from zoobench.measure.worker.rounds import HOST_CLOCK, CallPhase, Clock, Round, take_round

_WARM_UP_ROUNDS = 3

LEAST_ROUNDS = 5
"""A median of fewer is one odd round's to move."""

_DECIMALS = 9


@contextlib.contextmanager
def as_in_a_case(case: Case) -> Iterator[Device]:
    """The case's device with its settings in place."""
    device = get_device(case.device)
    with device.settings(case), torch.inference_mode():
        yield device


def rounds_for(
    seconds: float,
    call: Callable[[], object],
    device: Device,
    clock: Clock = HOST_CLOCK,
    *,
    warm_up_rounds: int = _WARM_UP_ROUNDS,
) -> list[Round]:
    """A few rounds to warm up, which are left out, then rounds until the time is over, a few at least."""
    phases = [CallPhase("latency", call)]
    for _ in range(warm_up_rounds):
        take_round(phases, device, clock)
    ends_s = clock() + seconds
    rounds: list[Round] = []
    while len(rounds) < LEAST_ROUNDS or clock() < ends_s:
        rounds.append(take_round(phases, device, clock))
    return rounds


def covariates_of(rounds: Sequence[Round]) -> dict[str, tuple[float, ...]]:
    """By name, a value a round."""
    return {name: tuple(rounded(r.covariates[name]) for r in rounds) for name in rounds[0].covariates}


def rounded(value: float) -> float:
    """To nanoseconds: finer digits are not measured."""
    return round(value, _DECIMALS)
