"""What an experiment is asked to do, complete in itself: from it alone the experiment can be resumed."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

import msgspec

from zoobench.cases import Allocator, Case, Matrix, Mode, ModelRef, Precision, ZoobenchError
from zoobench.records import Failure
from zoobench.records.comparison import CasePair, ComparisonKind, Exit, GenerationPlan, Replicate, Rule, SideName, Stage
from zoobench.stats.verdicts.plan import Costs

TIME_LIMIT_S = 120.0
"""Of one request: to build a model, to count it, to warm it up, to take a block."""


class AskedPair(msgspec.Struct, frozen=True, kw_only=True):
    """A case pair to be: the case of each side, of which at most one is None."""

    base: Case | None
    head: Case | None
    is_control: bool = False

    def __post_init__(self) -> None:
        if self.base is None and self.head is None:
            raise ValueError("a contest has a case on one side at least")

    @property
    def cases(self) -> tuple[Case, ...]:
        """The base's and the head's, where there are such."""
        return tuple(case for case in (self.base, self.head) if case is not None)

    @property
    def id(self) -> str:
        """The case's id; where the two sides' cases differ, both."""
        return " | ".join(dict.fromkeys(case.id for case in self.cases))

    @property
    def needs_own_processes(self) -> bool:
        """Whether no other case pair may share its workers."""
        return needs_own_processes(self.base, self.head)


def needs_own_processes(*cases: Case | None) -> bool:
    """The system's heap is only itself in a process that never retained memory."""
    return any(case is not None and case.allocator is Allocator.SYSTEM for case in cases)


class Injection(msgspec.Struct, frozen=True, kw_only=True):
    """A slowdown of known size: `ratio` of a warm call is wasted in each of the head's, in a `share` of the cases."""

    ratio: float
    share: float = 0.5


class ComparisonSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Which cases, by which rule, within which time.

    Each side expands `matrix`, whose axes are all set but the models' image sizes, by its own catalogue; `pairs` are
    case pairs given outright. `budget_s` is a deadline from the start of the experiment. Everything that is drawn
    (orders, layouts, where a slowdown is injected) is drawn from `seed`. `pythons` are the interpreters that the user
    named for base and head; the empty path is the one that runs the experiment.
    """

    kind: ComparisonKind
    rule: Rule
    seed: int
    budget_s: float
    command: tuple[str, ...] = ()
    matrix: Matrix | None = None
    pairs: tuple[AskedPair, ...] = ()
    pythons: tuple[str, str] = ("", "")
    injection: Injection | None = None
    has_controls: bool = True
    time_limit_s: float = TIME_LIMIT_S


# Case pairs without any of the project's code: if one of them differs, the two sides were not treated alike.


SOURCE = "control"
CONVOLUTIONS = ModelRef(SOURCE, "convolutions")
NORMALISATIONS = ModelRef(SOURCE, "normalisations")


class _Control(NamedTuple):
    model: ModelRef
    image_size: int


_CONTROLS = (_Control(CONVOLUTIONS, 32), _Control(NORMALISATIONS, 112))


def control_pairs(pairs: Sequence[AskedPair]) -> tuple[AskedPair, ...]:
    """The controls on the device and the threads of these case pairs; none without case pairs."""
    cases = [case for pair in pairs for case in (pair.head, pair.base) if case is not None]
    if not cases:
        return ()
    of_device = {(case.device, case.threads): case for case in reversed(cases)}
    made = [_case(control, device, threads) for device, threads in reversed(of_device) for control in _CONTROLS]
    return tuple(AskedPair(base=case, head=case, is_control=True) for case in made)


def _case(control: _Control, device: str, threads: int) -> Case:
    return Case(
        model=control.model,
        mode=Mode.INFER,
        batch=1,
        image_size=control.image_size,
        precision=Precision.FP32,
        device=device,
        threads=threads,
    )


# Where a slowdown of known size is injected, to see whether it is found.


def choose_injected(case_pairs: Collection[str], share: float, seed: int) -> frozenset[str]:
    """The case pairs whose head wastes time, by seed: that share of them, one at least; whatever order they come in."""
    if not case_pairs:
        return frozenset()
    count = min(len(case_pairs), max(1, round(share * len(case_pairs))))
    return frozenset(random.Random(f"{seed}/injection").sample(sorted(case_pairs), count))  # noqa: S311 - not for secrets


# What can go wrong with a side.


class SideError(ZoobenchError):
    """A side that cannot be measured at all."""

    exit_code = Exit.NO_COMPARISON

    def __init__(self, side: SideName, message: str) -> None:
        super().__init__(f"the {side} cannot be measured: {message}")


class RequestFailedError(Exception):
    """A request of which nothing came. `is_dead` if the worker is gone, `is_missing` if its side has no such model."""

    def __init__(self, side: SideName, failure: Failure, *, is_dead: bool = False, is_missing: bool = False) -> None:
        super().__init__(f"{side}: {failure.message}")
        self.side = side
        self.failure = failure
        self.is_dead = is_dead
        self.is_missing = is_missing


class NothingToCompareError(ZoobenchError):
    """No case on either side."""

    exit_code = Exit.NO_COMPARISON


# What a case pair costs in a generation, as the pilot saw it: of this, plans are made.


_WARM_UP_CALLS = 3
"""Bring the model's memory and the library's kernels in; what is left of warming up, half of the orders put on either
side, and a call settles before each block."""

_LEAST_WARM_UP_S = 0.05

_INJECTED_WARM_UP_CALLS = 12
"""What is wasted is a share of what a warm call takes: such case pairs are warmed up for longer, on both sides."""


class PairCost(msgspec.Struct, frozen=True, kw_only=True):
    """Of one case pair that runs on both sides: seconds before its first block, on both together, and a call's mean."""

    case_pair: str
    fixed_s: float
    call_s: float


def warm_up_bound_s(call_s: float, *, is_injected: bool = False) -> float:
    """How long a side is warmed up in a generation, for calls of that length."""
    calls = _INJECTED_WARM_UP_CALLS if is_injected else _WARM_UP_CALLS
    return max(_LEAST_WARM_UP_S, calls * call_s)


def costs_of(costs: Iterable[PairCost], start_s: float) -> Costs:
    """The table of a plan; `start_s` is what it takes until fresh workers of both sides answer."""
    costs = tuple(costs)
    return Costs(
        start_s=start_s,
        fixed_s={cost.case_pair: cost.fixed_s for cost in costs},
        call_s={cost.case_pair: cost.call_s for cost in costs},
    )


# Events of a comparison while it goes on.


class PairPrepared(msgspec.Struct, frozen=True, kw_only=True):
    """A case pair was tried on both sides."""

    case_pair: CasePair


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """From here on, this plan is in force."""

    plan: GenerationPlan


class Began(msgspec.Struct, frozen=True, kw_only=True):
    """A generation of so many case pairs."""

    stage: Stage
    generation: int
    case_pairs: int


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A case pair was measured in a generation, or failed in it."""

    replicate: Replicate


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader of the result must know."""

    text: str


class TimeSpent(msgspec.Struct, frozen=True, kw_only=True):
    """A worker worked on a request from then to then, by a clock that all processes share."""

    side: SideName
    request: str
    began_s: float
    ended_s: float


Event = PairPrepared | Planned | Began | Taken | Noted | TimeSpent
OnEvent = Callable[[Event], None]


def ignore(_: Event) -> None:
    """Ignore the event."""
