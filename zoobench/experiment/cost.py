"""What a contest costs in a generation, as the pilot saw it: of this, plans are made."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from zoobench.compare.plan import Costs

_WARM_UP_CALLS = 3
"""Bring the model's memory and the library's kernels in; what is left of warming up, half of the orders put on either
side, and a call settles before each block."""

_LEAST_WARM_UP_S = 0.05

_INJECTED_WARM_UP_CALLS = 12
"""What is wasted is a share of what a warm call takes: such contests are warmed up for longer, on both sides."""


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Of one contest that runs on both sides: seconds before its first block, on both together, and a call's mean."""

    contest: str
    fixed_s: float
    call_s: float


def warm_up_bound_s(call_s: float, *, is_injected: bool = False) -> float:
    """How long a side is warmed up in a generation, for calls of that length."""
    calls = _INJECTED_WARM_UP_CALLS if is_injected else _WARM_UP_CALLS
    return max(_LEAST_WARM_UP_S, calls * call_s)


def costs_of(costs: Iterable[Cost], start_s: float) -> Costs:
    """The table of a plan; `start_s` is what it takes until fresh workers of both sides answer."""
    costs = tuple(costs)
    return Costs(
        start_s=start_s,
        fixed_s={cost.contest: cost.fixed_s for cost in costs},
        call_s={cost.contest: cost.call_s for cost in costs},
    )
