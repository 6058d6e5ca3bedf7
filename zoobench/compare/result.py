"""What is decided about two sides: one object, from which every output is rendered."""

from __future__ import annotations

import enum

import msgspec

from zoobench.compare.evidence import SCHEMA, Kind, Plan, Rule, Side


class Verdict(enum.StrEnum):
    """What may be said about a case, the worst first."""

    BROKEN = "broken"
    REMOVED = "removed"
    OUTPUT_CHANGED = "output-changed"
    SLOWER = "slower"
    WORSE = "worse"
    """An exact metric is."""
    NOT_COMPARABLE = "not-comparable"
    UNDECIDED = "undecided"
    NEW = "new"
    FIXED = "fixed"
    FASTER = "faster"
    BETTER = "better"
    """An exact metric is, and none is worse."""
    SAME = "same"


REGRESSIONS = frozenset({
    Verdict.BROKEN, Verdict.REMOVED, Verdict.OUTPUT_CHANGED, Verdict.SLOWER, Verdict.WORSE,
})  # fmt: skip
"""Verdicts that fail a comparison."""


class Exit(enum.IntEnum):
    """Exit codes of a comparison. 2 is a user's mistake, and no comparison."""

    NOTHING_WORSE = 0
    REGRESSION = 1
    USAGE = 2
    NO_VERDICT = 3
    NO_COMPARISON = 4
    """A side failed as a whole, or nothing matched."""
    IDENTITY = 5
    """A side did not load its own code, or the two are of different machines or environments."""


class ExactChange(msgspec.Struct, frozen=True, kw_only=True):
    """An exact metric that differs. `is_worse` is None where no direction is better."""

    metric: str
    base: float
    head: float
    is_worse: bool | None


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """What the times of a case come to.

    `ratio` is the head's time over the base's, with an interval (None where replicates are too few for one), from `n`
    replicates: those of the confirmation if there was one, else those of the screening. `dropped` replicates were
    disturbed. `p_slower` and `p_faster` are probabilities of such evidence if nothing had changed by more than the
    margin, adjusted for the number of suspects (Holm), None for a case that was not suspected. `spread_ratio` is the
    standard deviation of the replicates' log-ratios. `base_s` and `head_s` are about the medians over the
    replicates; of an experiment, in which both are of the same moments, they have this ratio.
    `detectable_ratio` is how much slower the head could be for all that is known: the interval's upper end, less 1.
    """

    base_s: float
    head_s: float
    ratio: float
    low: float | None
    high: float | None
    n: int
    dropped: int = 0
    is_confirmed: bool = False
    p_slower: float | None = None
    p_faster: float | None = None
    spread_ratio: float | None = None
    detectable_ratio: float | None = None


class CaseResult(msgspec.Struct, frozen=True, kw_only=True):
    """One case. `reason` is a line for people wherever the verdict alone does not say why."""

    id: str
    verdict: Verdict
    times: Times | None = None
    exact_changes: tuple[ExactChange, ...] = ()
    reason: str = ""
    injected_ratio: float = 0.0


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A fact in which the two sides' environments differ; `matters` if times cannot be compared for it."""

    fact: str
    base: str
    head: str
    matters: bool


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The whole result. `controls` hold no code of the project: a verdict on one of them is contamination.

    `headline` is the one sentence; `exit` what the command returns. `noise_ratio` is the median over the cases of the
    spread of their log-ratios. `problems` are what kept the comparison from a verdict, one line each; `notes` what a
    reader must know beside.
    """

    kind: Kind
    experiment_id: str
    started_at: str
    base: Side
    head: Side
    rule: Rule
    cases: tuple[CaseResult, ...]
    exit: Exit
    headline: str
    plan: Plan | None = None
    controls: tuple[CaseResult, ...] = ()
    differences: tuple[Difference, ...] = ()
    noise_ratio: float | None = None
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    schema: int = SCHEMA
