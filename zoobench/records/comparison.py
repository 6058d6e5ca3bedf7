"""What a comparison saw: frozen records, raw samples included, from which is decided, and can be decided again.

An experiment compares a base with a head. In each *generation* both sides run in fresh processes at the same time, and
take turns: blocks of rounds in an order such as ABBA (A is the base), never both at once. One case in one generation is
a *replicate*: it yields one log-ratio, and only log-ratios of different generations are independent.
"""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Any

import msgspec

from zoobench.cases import BadInputError, Case, StoreError
from zoobench.records.files import write_record
from zoobench.records.record import Environment, Failure

SCHEMA = 1
"""Version of the layout below and of `zoobench.records.comparison`."""


class SideName(enum.StrEnum):
    """The two sides; in an order of blocks they are A and B."""

    BASE = "base"
    HEAD = "head"


class ComparisonKind(enum.StrEnum):
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


class GenerationPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How much will be measured. `smallest_ratio` is the slowdown found with a probability of 80 %."""

    cases: int
    screen_generations: int
    confirm_generations: int
    blocks: int
    block_s: float
    expected_s: float
    spread_ratio: float
    smallest_ratio: float


class ComparisonSetup(msgspec.Struct, frozen=True, kw_only=True):
    """The head of an experiment: who against whom, by which rule, drawn from which seed."""

    comparison_id: str = msgspec.field(name="experiment_id")
    started_at: str
    command: tuple[str, ...]
    kind: ComparisonKind
    base: Side
    head: Side
    rule: Rule
    seed: int
    schema: int = SCHEMA


class CaseFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What one side says of a case before it is timed.

    `exact` are its exact metrics by key (`zoobench.records.metrics`), `unavailable` those it cannot have and why;
    `call_s` is a warm call. With a `failure` the side cannot run the case; `is_missing` if that is because it has no
    such model.
    """

    exact: dict[str, float] = {}
    unavailable: dict[str, str] = {}
    call_s: float | None = None
    failure: Failure | None = None
    is_missing: bool = False


class CasePair(msgspec.Struct, frozen=True, kw_only=True):
    """One case on both sides. `id` names it everywhere; the two cases differ only where cases are compared.

    `output_error` is the largest difference of the two outputs over the largest value of the base's, None where there
    are no two outputs; up to `output_tolerance` it is rounding. A control has none of the project's code in it: it
    shows whether the sides were treated alike. The head's calls were slowed down by `injected_ratio` of the base's
    time.
    """

    id: str
    base_case: Case | None
    head_case: Case | None
    base: CaseFacts
    head: CaseFacts
    output_error: float | None = None
    output_tolerance: float = 0.0
    is_control: bool = False
    injected_ratio: float = 0.0


class Block(msgspec.Struct, frozen=True, array_like=True):
    """Consecutive rounds of one side under one memory layout, in seconds a call.

    `covariates` have one value a round (`zoobench.stats.interference`); `references_s` is what the device's fixed
    computation took before each round and after the last, empty where the device has none.
    """

    samples: tuple[float, ...]
    covariates: dict[str, tuple[float, ...]] = {}
    references_s: tuple[float, ...] = ()


class Replicate(msgspec.Struct, frozen=True, kw_only=True):
    """One case in one generation: its blocks in the order in which they were measured, A or B for each in `order`.

    A generation is begun anew once if a worker dies in it (`attempt` 2). With a `failure`, of `failed`, it says nothing
    about times.
    """

    case_pair: str = msgspec.field(name="contest")
    stage: Stage
    generation: int
    order: str
    blocks: tuple[Block, ...]
    attempt: int = 1
    failure: Failure | None = None
    failed: SideName | None = None

    def __post_init__(self) -> None:
        if len(self.order) != len(self.blocks) or set(self.order) - {"A", "B"}:
            raise ValueError(f"{self.case_pair}: every block is of side A or of side B")


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """All that an experiment saw. `plans` are in force one after the other: a new one replaces the one before."""

    setup: ComparisonSetup
    case_pairs: tuple[CasePair, ...] = ()
    plans: tuple[GenerationPlan, ...] = ()
    replicates: tuple[Replicate, ...] = ()
    notes: tuple[str, ...] = ()


# What is decided about two sides: one object, from which every output is rendered.


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

    kind: ComparisonKind
    comparison_id: str = msgspec.field(name="experiment_id")
    started_at: str
    base: Side
    head: Side
    rule: Rule
    cases: tuple[CaseResult, ...]
    exit: Exit
    headline: str
    plan: GenerationPlan | None = None
    controls: tuple[CaseResult, ...] = ()
    differences: tuple[Difference, ...] = ()
    noise_ratio: float | None = None
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    schema: int = SCHEMA


# `compare.json`: the whole result, to be read by programs; its schema is `zoobench/records/compare.schema.json`.


FILE = "compare.json"


def write_document(comparison: Comparison, folder: Path) -> Path:
    """Put it in the place of the one before, if any.

    Raises: OSError; then the one before is still there.
    """
    return write_record(folder / FILE, comparison)


def load_comparison(path: Path) -> Comparison:
    """Read a result back.

    Raises: StoreError for what is none, BadInputError for one of another schema.
    """
    try:
        document = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} is not a comparison: {error}") from None
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror or error}") from error
    _check_schema(document.get("schema"), path)
    try:
        return msgspec.convert(document, Comparison)
    except msgspec.ValidationError as error:
        raise StoreError(f"{path} is not a comparison: {error}") from None


def schema_of_document() -> dict[str, Any]:
    """The JSON schema of the document (draft 2020-12)."""
    (reference,), definitions = msgspec.json.schema_components([Comparison], ref_template="#/$defs/{name}")
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A comparison by zoobench"}
    return {**head, **reference, "$defs": definitions}


def _check_schema(schema: object, path: Path) -> None:
    if not isinstance(schema, int):
        raise StoreError(f"{path} is not a comparison: it has no schema")
    if schema != SCHEMA:
        raise BadInputError(f"{path} has schema {schema}, this zoobench reads {SCHEMA}: use the zoobench that wrote it")
