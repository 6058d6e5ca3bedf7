"""The experiment from start to end: discovery, pilot, plan, screening, suspects, confirmation.

Everything seen is on the disk as it is seen; whatever ends an experiment early leaves what was measured, and it can be
resumed.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from zoobench.cases import BadInputError
from zoobench.compare.checkouts import Checkout, Worktrees, checked_out, write_harness
from zoobench.compare.environments import check_dependencies, check_unchanged, examine_interpreter
from zoobench.compare.generation import Bounds, Generation, hash_seed, take_generation
from zoobench.compare.journal import LABEL, Journal, JournalLine, create_journal, load_spec, resume_journal
from zoobench.compare.pilot import DiscoveredSides, Tried, discover, try_pair
from zoobench.compare.repository import find_repository
from zoobench.compare.request import ComparisonRequest
from zoobench.compare.spec import (
    AskedPair,
    Began,
    ComparisonSpec,
    Noted,
    OnEvent,
    PairPrepared,
    Planned,
    Taken,
    choose_injected,
    control_pairs,
    costs_of,
    ignore,
)
from zoobench.compare.worker_pair import SideProcess, Start, WorkerPair
from zoobench.measure.session import MUST_AGREE
from zoobench.records.comparison import CasePair, ComparisonSetup, Evidence, GenerationPlan, Rule, Side, SideName, Stage
from zoobench.stats.verdicts import plan as planning
from zoobench.stats.verdicts.plan import LEAST_SCREEN, Costs, PlanShape, cost_s, suspects

_GRACE = 1.2
"""What must be measured to say anything may take so much longer than its plan: cut short, all of it would be wasted."""


class Deciding(NamedTuple):
    """What is decided between the stages."""

    make_plan: Callable[[Sequence[CasePair], Costs, Rule, float], GenerationPlan] = planning.make_plan
    suspects: Callable[[Evidence], tuple[str, ...]] = suspects
    confirmation_plan: Callable[[Evidence, Costs, float], GenerationPlan] = planning.confirmation_plan


class Means(NamedTuple):
    """How workers are started, by which clock they are given time, and who decides. Tests have others."""

    start: Start
    clock: Callable[[], float] = time.monotonic
    deciding: Deciding = Deciding()


class MeasuredComparison(NamedTuple):
    """An experiment on the disk, and what it saw."""

    folder: Path
    evidence: Evidence


def measure_comparison(
    base: Checkout,
    head: Checkout,
    spec: ComparisonSpec,
    *,
    results: Path,
    label: str = LABEL,
    notes: Sequence[str] = (),
    emit: OnEvent = ignore,
    means: Means | None = None,
) -> MeasuredComparison:
    """Compare the two sides; the folder of the experiment is made in `results`, `notes` are put into its journal.

    Raises: IdentityError for a side that loaded other files than its own, SideError for one that cannot be measured at
    all, NothingToCompareError, BadInputError for what was asked wrongly or a time budget that is too short, StoreError
    if the disk does not take it.
    """

    def begin(discovered: DiscoveredSides) -> Journal:
        journal = create_journal(results, spec, lambda name, now: _head(name, now, spec, discovered), label)
        return _with_notes(journal, notes)

    with _means(means, emit) as chosen:
        return _measure({base.name: base, head.name: head}, spec, begin, chosen, emit)


def resume(
    folder: Path,
    base: Checkout,
    head: Checkout,
    *,
    budget_s: float,
    notes: Sequence[str] = (),
    emit: OnEvent = ignore,
    means: Means | None = None,
) -> MeasuredComparison:
    """Go on with an experiment where it stopped, for so much longer; notes that it has already are not put in again.

    Raises: as `measure_comparison`; BadInputError also if a side is not what it was.
    """
    spec = msgspec.structs.replace(load_spec(folder), budget_s=budget_s)

    def begin(discovered: DiscoveredSides) -> Journal:
        journal = resume_journal(folder)
        try:
            _check_same(journal.evidence.setup, discovered)
        except BadInputError:
            journal.close()
            raise
        return _with_notes(journal, notes)

    with _means(means, emit) as chosen:
        return _measure({base.name: base, head.name: head}, spec, begin, chosen, emit)


def _measure(
    checkouts: Mapping[SideName, Checkout],
    spec: ComparisonSpec,
    begin: Callable[[DiscoveredSides], Journal],
    means: Means,
    emit: OnEvent,
) -> MeasuredComparison:
    def new(seed: int) -> WorkerPair:
        return WorkerPair(means.start, checkouts, seed)

    deadline = means.clock() + spec.budget_s
    with contextlib.ExitStack() as stack:
        with new(hash_seed(spec.seed, "pilot")) as workers:
            discovered = discover(workers, checkouts, spec)
            journal = stack.enter_context(begin(discovered))
            conductor = _Conductor(journal, spec, new, _Time(means.clock, deadline), emit)
            conductor.try_pairs(discovered.pairs, workers)
        conductor.compare(means.deciding)
        return MeasuredComparison(journal.folder, journal.evidence)


@contextlib.contextmanager
def _means(given: Means | None, emit: OnEvent) -> Iterator[Means]:
    """Those given, else real processes that run a copy of this harness."""
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="zoobench-") as folder:
        bootstrap = write_harness(Path(folder))

        def start(checkout: Checkout, hash_seed: int) -> SideProcess:
            return SideProcess(checkout, bootstrap, hash_seed=hash_seed, emit=emit)

        yield Means(start)


class _Time(NamedTuple):
    """What the clock says, and when the budget ends."""

    clock: Callable[[], float]
    deadline: float

    @property
    def left_s(self) -> float:
        return self.deadline - self.clock()


class _Conductor:
    """Goes through an experiment and writes down what is seen; what is in the journal already is not done again."""

    def __init__(
        self, journal: Journal, spec: ComparisonSpec, new: Callable[[int], WorkerPair], time: _Time, emit: OnEvent
    ) -> None:
        self._journal = journal
        self._spec = spec
        self._new = new
        self._time = time
        self._emit = emit
        self._start_s = 0.0

    def try_pairs(self, pairs: Sequence[AskedPair], workers: WorkerPair) -> None:
        """The pilot: of cases and controls, those first that share these workers."""
        self._start_s = workers.start_s
        injected = self._injected(pairs)
        known = {case_pair.id for case_pair in self._journal.evidence.case_pairs}
        controls = control_pairs(pairs) if self._spec.has_controls else ()
        left = [pair for pair in (*pairs, *controls) if pair.id not in known]
        shared = deque(pair for pair in left if not pair.needs_own_processes)
        self._try_until_death(shared, workers, injected)
        alone = [deque([pair]) for pair in left if pair.needs_own_processes]
        for together in (shared, *alone):
            while together:
                with self._new(hash_seed(self._spec.seed, "pilot")) as fresh:
                    self._try_until_death(together, fresh, injected)

    def compare(self, deciding: Deciding) -> None:
        """Screening, and confirmation of what it suspects."""
        costs = costs_of(self._journal.costs, self._start_s)
        case_pairs = self._running()
        if all(case_pair.is_control for case_pair in case_pairs):
            return
        if not self._journal.evidence.plans:
            self._put_in_force(deciding.make_plan(case_pairs, costs, self._spec.rule, self._time.left_s))
        screening, *later = self._journal.evidence.plans
        if not later:
            self._stage(Stage.SCREEN, case_pairs, screening, self._screening_end(screening, costs))
            self._put_in_force(deciding.confirmation_plan(self._journal.evidence, costs, self._time.left_s))
        confirming = self._journal.evidence.plans[-1]
        suspected = deciding.suspects(self._journal.evidence)
        chosen = [case_pair for case_pair in case_pairs if case_pair.is_control or case_pair.id in suspected]
        until_s = max(self._time.deadline, self._time.clock() + _GRACE * confirming.expected_s)
        self._stage(Stage.CONFIRM, chosen, confirming, until_s)

    def _try_until_death(self, left: deque[AskedPair], workers: WorkerPair, injected: Mapping[str, float]) -> None:
        while left:
            pair = left.popleft()
            tried = try_pair(
                workers,
                pair,
                injected_ratio=injected.get(pair.id, 0.0),
                limit_s=self._spec.time_limit_s,
            )
            self._add_tried(tried)
            if tried.is_over:
                return

    def _add_tried(self, tried: Tried) -> None:
        """The cost before the case pair: a case pair that is known is not tried again."""
        if tried.cost is not None:
            self._journal.add(JournalLine(cost=tried.cost))
        for note in tried.notes:
            self._note(note)
        self._journal.add(JournalLine(case_pair=tried.case_pair))
        self._emit(PairPrepared(case_pair=tried.case_pair))

    def _injected(self, pairs: Sequence[AskedPair]) -> dict[str, float]:
        injection = self._spec.injection
        if injection is None:
            return {}
        chosen = choose_injected([pair.id for pair in pairs], injection.share, self._spec.seed)
        return dict.fromkeys(chosen, injection.ratio)

    def _put_in_force(self, plan: GenerationPlan) -> None:
        self._journal.add(JournalLine(plan=plan))
        self._emit(Planned(plan=plan))

    def _running(self) -> list[CasePair]:
        """The case pairs that run on both sides, controls among them."""
        running = {cost.case_pair for cost in self._journal.costs}
        return [case_pair for case_pair in self._journal.evidence.case_pairs if case_pair.id in running]

    def _screening_end(self, plan: GenerationPlan, costs: Costs) -> float:
        """When it has to be over, so that the confirmation has the time that the plan set aside.

        The least that has an interval is finished even if it takes longer: with less, nothing could be said.
        """
        shape = PlanShape(plan.blocks, plan.block_s)
        generation_s = costs.start_s + sum(cost_s(costs, case_pair, shape) for case_pair in costs.call_s)
        set_aside_s = max(0.0, plan.expected_s - plan.screen_generations * generation_s)
        least_s = _GRACE * LEAST_SCREEN * generation_s
        return max(self._time.deadline - set_aside_s, self._time.clock() + least_s)

    def _stage(self, stage: Stage, case_pairs: Sequence[CasePair], plan: GenerationPlan, until_s: float) -> None:
        """The generations that are missing, as long as another one ends in time; it takes as long as the last did."""
        numbers = _numbers(stage, plan)
        last_s = 0.0
        for number in numbers:
            missing = self._missing(stage, number, case_pairs)
            began_s = self._time.clock()
            if missing and began_s + last_s > until_s:
                self._note(_time_is_up(stage, numbers.index(number), len(numbers)))
                return
            if missing:
                self._generation(stage, number, missing, plan, until_s)
                last_s = self._time.clock() - began_s

    def _missing(self, stage: Stage, number: int, case_pairs: Sequence[CasePair]) -> list[CasePair]:
        """Those without a replicate in this generation; what failed twice in one is not measured again."""
        replicates = self._journal.evidence.replicates
        done = {
            replicate.case_pair
            for replicate in replicates
            if (replicate.stage, replicate.generation) == (stage, number)
        }
        given_up = {replicate.case_pair for replicate in replicates if replicate.failure is not None}
        return [case_pair for case_pair in case_pairs if case_pair.id not in done | given_up]

    def _generation(
        self, stage: Stage, number: int, case_pairs: Sequence[CasePair], plan: GenerationPlan, until_s: float
    ) -> None:
        self._emit(Began(stage=stage, generation=number, case_pairs=len(case_pairs)))
        generation = Generation(
            stage=stage,
            number=number,
            plan=plan,
            seed=self._spec.seed,
            limit_s=self._spec.time_limit_s,
        )
        bounds = Bounds(note=self._note, is_in_time=lambda: self._time.clock() < until_s)
        for replicate in take_generation(generation, case_pairs, self._new, bounds):
            self._journal.add(JournalLine(replicate=replicate))
            self._emit(Taken(replicate=replicate))

    def _note(self, text: str) -> None:
        self._journal.add(JournalLine(note=text))
        self._emit(Noted(text=text))


def _numbers(stage: Stage, plan: GenerationPlan) -> range:
    """Of the generations: those of the confirmation go on where those of the screening end."""
    if stage is Stage.SCREEN:
        return range(1, plan.screen_generations + 1)
    return range(plan.screen_generations + 1, plan.screen_generations + plan.confirm_generations + 1)


def _time_is_up(stage: Stage, done: int, planned: int) -> str:
    name = "screening" if stage is Stage.SCREEN else "confirmation"
    return f"the time was up after {done} of {planned} generations of the {name}: --minutes gives it more"


def _head(name: str, now: str, spec: ComparisonSpec, discovered: DiscoveredSides) -> ComparisonSetup:
    return ComparisonSetup(
        comparison_id=name,
        started_at=now,
        command=spec.command,
        kind=spec.kind,
        base=discovered.base,
        head=discovered.head,
        rule=spec.rule,
        seed=spec.seed,
    )


def _with_notes(journal: Journal, notes: Sequence[str]) -> Journal:
    for note in notes:
        if note not in journal.evidence.notes:
            journal.add(JournalLine(note=note))
    return journal


def _check_same(setup: ComparisonSetup, discovered: DiscoveredSides) -> None:
    """Raises: BadInputError if a side's files, machine or torch are not those of the experiment."""
    for then, now in ((setup.base, discovered.base), (setup.head, discovered.head)):
        for fact, before, after in _identity(then, now):
            if before != after:
                raise BadInputError(
                    f"experiment {setup.comparison_id} was begun with {fact} {before!r} of the {then.name}, "
                    f"here it is {after!r}: start a new one"
                )


def _identity(then: Side, now: Side) -> Iterator[tuple[str, str, str]]:
    yield "files", then.tree, now.tree
    for group, fact in MUST_AGREE:
        before, after = (getattr(side.environment, group).get(fact, "") for side in (then, now))
        yield fact, before, after


# One comparison: both sides on the disk, measured in turns, and proved to be what they were at its beginning.


def compare_sides(
    request: ComparisonRequest,
    spec: ComparisonSpec,
    *,
    results: Path,
    label: str = LABEL,
    emit: OnEvent = ignore,
) -> MeasuredComparison:
    """Measure the two sides of a request, of the repository that we are in.

    Raises: IdentityError if a side has changed meanwhile, and all that `measure_comparison` and `checked_out` raise.
    """
    with _sides(request) as sides:
        return measure_comparison(
            sides.base, sides.head, spec, results=results, label=label, notes=sides.notes, emit=emit
        )


def resume_sides(
    folder: Path, request: ComparisonRequest, *, budget_s: float, emit: OnEvent = ignore
) -> MeasuredComparison:
    """Go on with an experiment, for so much longer.

    Raises: as `compare_sides`; BadInputError if a side is not what it was.
    """
    with _sides(request) as sides:
        return resume(folder, sides.base, sides.head, budget_s=budget_s, notes=sides.notes, emit=emit)


@contextmanager
def _sides(request: ComparisonRequest) -> Iterator[Worktrees]:
    """What the user asks is checked before anything is written; afterwards the files must be what they were."""
    for python in dict.fromkeys((request.base.python, request.head.python)):
        if python is not None:
            examine_interpreter(python)
    with checked_out(request, find_repository(Path.cwd())) as sides:
        check_dependencies(request, sides.base, sides.head)
        yield sides
        for side in (sides.base, sides.head):
            check_unchanged(side, sides.tree_now(side))
