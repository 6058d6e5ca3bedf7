"""One round: a call between two waits, its phases told apart by marks on the device's own timeline."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence

import msgspec

from zoobench.devices import Device
from zoobench.disturbance import HOST_LEAD
from zoobench.timing.covariates import read_counters

Clock = Callable[[], float]
"""Seconds that never step back."""

HOST_CLOCK: Clock = time.perf_counter

_LEAD_DECIMALS = 3


class Phase(msgspec.Struct, frozen=True):
    """A part of a call, and the metric that its time is. A call is its phases, one after the other."""

    metric: str
    run: Callable[[], object]


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """Times of one call in seconds: on the device's timeline as a whole and by phase, and by the host's clock.

    `conditions` are the device's surroundings just before the call, `covariates` what happened to the process in it,
    and how far the host was ahead of a device that has a timeline of its own.
    """

    device_s: float
    phases_s: tuple[float, ...]
    host_s: float
    conditions: dict[str, float]
    covariates: dict[str, float]


def host_lead(began_s: float, launched_s: float, ended_s: float) -> float:
    """The share of the time that was left when all was launched; 0 of no time at all."""
    return round((ended_s - launched_s) / (ended_s - began_s), _LEAD_DECIMALS) if ended_s > began_s else 0.0


def take_round(phases: Sequence[Phase], device: Device, clock: Clock = HOST_CLOCK) -> Round:
    """Time one call.

    The device is idle at the start, so nothing earlier is timed; it is waited for before any time is read, so that
    nothing is left out.
    """
    conditions = device.conditions()
    device.wait()
    counters, began = read_counters(), clock()
    marks = [device.mark()]
    for phase in phases:
        phase.run()
        marks.append(device.mark())
    launched = clock()
    device.wait()
    ended, later = clock(), read_counters()
    lead = {HOST_LEAD: host_lead(began, launched, ended)} if device.has_own_timeline() else {}
    return Round(
        device_s=device.elapsed_s(marks[0], marks[-1]),
        phases_s=tuple(device.elapsed_s(start, end) for start, end in itertools.pairwise(marks)),
        host_s=ended - began,
        conditions=conditions,
        covariates=later.since(counters) | lead,
    )
