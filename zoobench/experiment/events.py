"""What an experiment tells while it goes on."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from zoobench.compare.evidence import Contest, Plan, Replicate, SideName, Stage


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A contest was tried on both sides."""

    contest: Contest


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """From here on, this plan is in force."""

    plan: Plan


class Began(msgspec.Struct, frozen=True, kw_only=True):
    """A generation of so many contests."""

    stage: Stage
    generation: int
    contests: int


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A contest was measured in a generation, or failed in it."""

    replicate: Replicate


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader of the result must know."""

    text: str


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """A worker worked on a request from then to then, by a clock that all processes share."""

    side: SideName
    request: str
    began_s: float
    ended_s: float


Event = Found | Planned | Began | Taken | Noted | Spent
Tell = Callable[[Event], None]


def ignore(_: Event) -> None:
    """Tell nobody."""
