"""What a comparison saw: frozen records, raw samples included, from which is decided, and can be decided again.

An experiment compares a base with a head. In each *generation* both sides run in fresh processes at the same time, and
take turns: blocks of rounds in an order such as ABBA (A is the base), never both at once. One case in one generation is
a *replicate*: it yields one log-ratio, and only log-ratios of different generations are independent.
"""

from __future__ import annotations

import enum

import msgspec

from zoobench.cases import Case
from zoobench.records import Environment, Failure

SCHEMA = 1
"""Version of the layout below and of `zoobench.compare.result`."""


class SideName(enum.StrEnum):
    """The two sides; in an order of blocks they are A and B."""

    BASE = "base"
    HEAD = "head"


class Kind(enum.StrEnum):
    """What is on the two sides."""

    COMMITS = "commits"
    ENVIRONMENTS = "environments"
    CASES = "cases"
    SAME = "a/a"
    RUNS = "runs"


class Stage(enum.StrEnum):
    """Every case is screened; suspects are confirmed in later generations, of which the screening knew nothing."""

    SCREEN = "screen"
    CONFIRM = "confirm"


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """Which code, in which environment.

    `asked` is what the user wrote: a revision, `working tree`, ids of runs. `tree` is git's hash of the files that were
    measured, changes included; `commit` the commit they stand on. `loaded` are the files of the project that the side's
    worker had imported, by module, relative to the side's folder: the proof that it measured its own.
    """

    name: SideName
    asked: str
    environment: Environment
    commit: str = ""
    tree: str = ""
    is_dirty: bool = False
    loaded: dict[str, str] = {}


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """By what is decided, fixed before anything is measured.

    A change counts from `margin_ratio` on (0.05: 5 % slower or faster). `alpha` bounds the probability that a
    comparison in which nothing is slower by more than the margin calls anything slower. A strict one needs a verdict
    on every case.
    """

    margin_ratio: float
    alpha: float = 0.05
    is_strict: bool = False


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How much will be measured. `smallest_ratio` is the slowdown found with a probability of 80 %."""

    cases: int
    screen_generations: int
    confirm_generations: int
    blocks: int
    block_s: float
    expected_s: float
    spread_ratio: float
    smallest_ratio: float


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """The head of an experiment: who against whom, by which rule, drawn from which seed."""

    experiment_id: str
    started_at: str
    command: tuple[str, ...]
    kind: Kind
    base: Side
    head: Side
    rule: Rule
    seed: int
    schema: int = SCHEMA


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What one side says of a case before it is timed.

    `exact` are its exact metrics by key (`zoobench.metrics`), `unavailable` those it cannot have and why; `call_s` is a
    warm call. With a `failure` the side cannot run the case; `is_missing` if that is because it has no such model.
    """

    exact: dict[str, float] = {}
    unavailable: dict[str, str] = {}
    call_s: float | None = None
    failure: Failure | None = None
    is_missing: bool = False


class Contest(msgspec.Struct, frozen=True, kw_only=True):
    """One case on both sides. `id` names it everywhere; the two cases differ only where cases are compared.

    `output_error` is the largest difference of the two outputs over the largest value of the base's, None where there
    are no two outputs; up to `output_tolerance` it is rounding. A control has none of the project's code in it: it
    tells whether the sides were treated alike. `injected_ratio` of the base's time was wasted in the head's calls.
    """

    id: str
    base_case: Case | None
    head_case: Case | None
    base: Facts
    head: Facts
    output_error: float | None = None
    output_tolerance: float = 0.0
    is_control: bool = False
    injected_ratio: float = 0.0


class Block(msgspec.Struct, frozen=True, array_like=True):
    """Consecutive rounds of one side under one memory layout, in seconds a call.

    `covariates` have one value a round (`zoobench.disturbance`); `references_s` is what the device's fixed computation
    took before each round and after the last, empty where the device has none.
    """

    samples: tuple[float, ...]
    covariates: dict[str, tuple[float, ...]] = {}
    references_s: tuple[float, ...] = ()


class Replicate(msgspec.Struct, frozen=True, kw_only=True):
    """One case in one generation: its blocks in the order in which they were measured, A or B for each in `order`.

    A generation is begun anew once if a worker dies in it (`attempt` 2). With a `failure`, of `failed`, it says nothing
    about times.
    """

    contest: str
    stage: Stage
    generation: int
    order: str
    blocks: tuple[Block, ...]
    attempt: int = 1
    failure: Failure | None = None
    failed: SideName | None = None

    def __post_init__(self) -> None:
        if len(self.order) != len(self.blocks) or set(self.order) - {"A", "B"}:
            raise ValueError(f"{self.contest}: every block is of side A or of side B")


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """All that an experiment saw. `plans` are in force one after the other: a new one replaces the one before."""

    experiment: Experiment
    contests: tuple[Contest, ...] = ()
    plans: tuple[Plan, ...] = ()
    replicates: tuple[Replicate, ...] = ()
    notes: tuple[str, ...] = ()
