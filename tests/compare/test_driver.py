from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fakes import FakeClock
from opposing import Act
from opposing import Stage as Fakes
from sides import make_case, matrix

from zoobench.cases import Allocator, BadInputError
from zoobench.compare.checkouts import Checkout
from zoobench.compare.comparison import Deciding, Means, MeasuredComparison, measure_comparison, resume
from zoobench.compare.journal import load_evidence
from zoobench.compare.messages import Compute, Discover, ListCases, Prepare, TakeBlock, WarmUp
from zoobench.compare.spec import (
    AskedPair,
    Began,
    ComparisonSpec,
    Event,
    Injection,
    Noted,
    NothingToCompareError,
    PairPrepared,
    Planned,
    SideError,
    Taken,
)
from zoobench.records import Failure, FailureKind
from zoobench.records.comparison import ComparisonKind, Evidence, GenerationPlan, Rule, SideName, Stage
from zoobench.stats.verdicts.plan import LEAST_SCREEN

A, B, C = (make_case(f"nets:{name}") for name in "abc")
FAILED = Failure(kind=FailureKind.CRASH, message="it broke", where="here")
SCREEN, CONFIRM = 3, 2
PLAN = GenerationPlan(
    cases=3, screen_generations=SCREEN, confirm_generations=0, blocks=4, block_s=0.5, expected_s=100.0,
    spread_ratio=0.02, smallest_ratio=0.1,
)  # fmt: skip


def make_plan(*_: Any) -> GenerationPlan:
    return PLAN


def confirm_b(*_: Any) -> GenerationPlan:
    return msgspec.structs.replace(PLAN, confirm_generations=CONFIRM, blocks=8)


DECIDING = Deciding(make_plan=make_plan, suspects=lambda _: (B.id,), confirmation_plan=confirm_b)


@pytest.fixture
def fakes() -> Fakes:
    both = dict.fromkeys(SideName, (A, B, C))
    return Fakes(clock=FakeClock(), cases=both, acts=[], asked=[], hash_seeds=[], living=[])


class Bench:
    """Conducts with fake sides, and remembers what was told."""

    def __init__(self, fakes: Fakes, results: Path) -> None:
        self.fakes = fakes
        self.results = results
        self.events: list[Event] = []
        self.means = Means(fakes.start, fakes.clock, DECIDING)

    def conduct(self, **fields: Any) -> MeasuredComparison:
        spec = ComparisonSpec(
            **{"kind": ComparisonKind.COMMITS, "rule": Rule(margin_ratio=0.05), "seed": 1, "budget_s": 1e6,
               "matrix": matrix("nets:a", "nets:b", "nets:c"), "has_controls": False} | fields
        )  # fmt: skip
        try:
            return measure_comparison(
                *self.sides(), spec, results=self.results, emit=self.events.append, means=self.means
            )
        finally:
            assert not self.fakes.living, "no worker is left behind"

    def resume(self, folder: Path, budget_s: float = 1e6, notes: Sequence[str] = ()) -> MeasuredComparison:
        return resume(folder, *self.sides(), budget_s=budget_s, notes=notes, emit=self.events.append, means=self.means)

    def sides(self) -> tuple[Checkout, Checkout]:
        base, head = (
            Checkout(name=side, asked=f"v{number}", folder=self.project(side), python=Path("python"),
                     tree=self.fakes.trees.get(side, ""))
            for number, side in enumerate(SideName)
        )  # fmt: skip
        return base, head

    def project(self, side: SideName) -> Path:
        """What its worker says to have loaded is there."""
        folder = self.results.parent / side
        (folder / "nets").mkdir(parents=True, exist_ok=True)
        (folder / "nets" / "__init__.py").touch()
        return folder

    def folder(self) -> Path:
        (folder,) = self.results.iterdir()
        return folder


@pytest.fixture
def bench(fakes: Fakes, tmp_path: Path) -> Bench:
    return Bench(fakes, tmp_path / "results")


def measured(evidence: Evidence) -> list[tuple[Stage, int, str]]:
    return [(one.stage, one.generation, one.case_pair) for one in evidence.replicates if one.failure is None]


def test_an_experiment_from_introductions_to_confirmation(bench: Bench) -> None:
    folder, evidence = bench.conduct()

    assert [case_pair.id for case_pair in evidence.case_pairs] == [A.id, B.id, C.id]
    assert evidence.plans == (PLAN, confirm_b())
    wanted = {(Stage.SCREEN, generation, case.id) for generation in (1, 2, 3) for case in (A, B, C)}
    wanted |= {(Stage.CONFIRM, generation, B.id) for generation in (4, 5)}
    assert set(measured(evidence)) == wanted
    assert len(evidence.replicates) == len(wanted)
    assert {len(one.blocks) for one in evidence.replicates if one.stage is Stage.CONFIRM} == {8}
    assert load_evidence(folder) == evidence
    assert evidence.setup.comparison_id == folder.name
    assert (evidence.setup.base.asked, evidence.setup.head.asked) == ("v0", "v1")
    assert evidence.setup.head.loaded == {"nets": "nets/__init__.py"}


def test_everything_is_told_as_it_happens(bench: Bench) -> None:
    _, evidence = bench.conduct()

    assert [event.case_pair for event in bench.events if isinstance(event, PairPrepared)] == list(evidence.case_pairs)
    assert [event.plan for event in bench.events if isinstance(event, Planned)] == list(evidence.plans)
    assert [event.replicate for event in bench.events if isinstance(event, Taken)] == list(evidence.replicates)
    began = [(event.generation, event.case_pairs) for event in bench.events if isinstance(event, Began)]
    assert began == [(1, 3), (2, 3), (3, 3), (4, 1), (5, 1)]


def test_fresh_workers_measure_each_generation_and_both_have_the_same_hashes(bench: Bench) -> None:
    bench.conduct()
    seeds = bench.fakes.hash_seeds
    assert seeds[::2] == seeds[1::2]
    assert len(set(seeds)) == 1 + SCREEN + CONFIRM


def test_controls_are_measured_in_both_stages(bench: Bench) -> None:
    _, evidence = bench.conduct(has_controls=True)
    controls = [case_pair.id for case_pair in evidence.case_pairs if case_pair.is_control]
    assert len(controls) == 2
    assert {(stage, name) for stage, _, name in measured(evidence) if name in controls} == {
        (stage, name) for stage in Stage for name in controls
    }
    assert {
        request.is_control for _, request in bench.fakes.requests(Prepare) if request.case.model.source == "control"
    } == {True}


def test_cases_may_be_given_and_none_is_measured_twice(bench: Bench) -> None:
    pairs = (AskedPair(base=A, head=B), AskedPair(base=C, head=C))
    _, evidence = bench.conduct(pairs=pairs)
    assert [case_pair.id for case_pair in evidence.case_pairs] == [f"{A.id} | {B.id}", C.id, A.id, B.id]
    assert evidence.case_pairs[0].head_case == B


def test_nothing_to_compare_is_a_line(bench: Bench) -> None:
    bench.fakes.cases = dict.fromkeys(SideName, ())
    with pytest.raises(NothingToCompareError, match="no case was selected") as nothing:
        bench.conduct()
    assert nothing.value.exit_code == 4
    assert not bench.results.exists()


@pytest.mark.parametrize("request_kind", [Discover, ListCases])
def test_a_side_that_cannot_say_who_it_is_is_a_line(bench: Bench, request_kind: Any) -> None:
    bench.fakes.acts = [Act(request_kind, side=SideName.BASE, is_dead=False)]
    with pytest.raises(SideError, match=r"^the base cannot be measured: it broke$") as failed:
        bench.conduct()
    assert failed.value.exit_code == 4


def test_a_model_that_one_side_lacks_is_found_and_not_measured(bench: Bench) -> None:
    bench.fakes.acts = [Act(Prepare, model="nets:a", is_dead=False, is_missing=True, is_lasting=True)]
    _, evidence = bench.conduct()
    assert [case_pair.head.is_missing for case_pair in evidence.case_pairs] == [True, False, False]
    assert {name for _, _, name in measured(evidence)} == {B.id, C.id}


def test_where_nothing_runs_on_both_sides_no_plan_is_made(bench: Bench) -> None:
    bench.fakes.acts = [Act(Prepare, is_dead=False, is_lasting=True, is_missing=True, nth=0)]
    _, evidence = bench.conduct()
    assert (len(evidence.case_pairs), evidence.plans, evidence.replicates) == (3, (), ())


@pytest.mark.parametrize("request_kind", [Prepare, Compute, WarmUp])
def test_a_death_in_the_pilot_is_that_contests_and_the_next_have_fresh_workers(bench: Bench, request_kind: Any) -> None:
    bench.fakes.acts = [Act(request_kind, model="nets:b", is_lasting=True)]
    _, evidence = bench.conduct()
    assert [case_pair.head.failure for case_pair in evidence.case_pairs] == [None, FAILED, None]
    assert {name for _, _, name in measured(evidence)} == {A.id, C.id}
    assert len(bench.fakes.hash_seeds) == 2 * (2 + SCREEN), "nobody to confirm: the suspect is the broken one"


def test_a_worker_killed_in_a_generation_costs_one_attempt(bench: Bench) -> None:
    bench.fakes.acts = [Act(TakeBlock, model="nets:b", nth=3)]
    _, evidence = bench.conduct()
    (again,) = [one for one in evidence.replicates if one.attempt == 2]
    assert (again.case_pair, again.failure) == (B.id, None)
    assert len(measured(evidence)) == SCREEN * 3 + CONFIRM
    assert evidence.notes == (f"{B.id}: generation {again.generation} was begun anew, the head failed: it broke",)


def test_what_fails_twice_in_a_generation_is_given_up_and_the_rest_decided(bench: Bench) -> None:
    bench.fakes.acts = [Act(TakeBlock, model="nets:b", nth=1, is_lasting=True)]
    _, evidence = bench.conduct()
    (failed,) = [one for one in evidence.replicates if one.failure]
    assert (failed.case_pair, failed.attempt, failed.generation, failed.failed) == (B.id, 2, 1, SideName.HEAD)
    assert sorted(measured(evidence)) == sorted((Stage.SCREEN, n, case.id) for n in (1, 2, 3) for case in (A, C))


def test_the_systems_heap_has_processes_of_its_own(bench: Bench) -> None:
    alone = make_case("nets:d", allocator=Allocator.SYSTEM)
    bench.fakes.cases = dict.fromkeys(SideName, (A, B, alone))
    bench.conduct()
    assert len(bench.fakes.hash_seeds) == 2 * (1 + 1 + 2 * SCREEN + CONFIRM)


def test_an_injection_is_in_a_share_of_the_heads_cases(bench: Bench) -> None:
    _, evidence = bench.conduct(injection=Injection(ratio=0.1, share=0.4), has_controls=True)
    injected = [case_pair for case_pair in evidence.case_pairs if case_pair.injected_ratio]
    assert [case_pair.injected_ratio for case_pair in injected] == [0.1]
    wasted = {
        request.case.id: request.wasted_ratio for side, request in bench.fakes.requests(Prepare) if request.wasted_ratio
    }
    assert wasted == {injected[0].id: 0.1}
    assert not injected[0].is_control


class TestTime:
    """The budget is a deadline."""

    def generation_s(self, bench: Bench) -> float:
        bench.conduct()
        first, second, *_ = [at for _, request, at in bench.fakes.asked if isinstance(request, Prepare)][6::6]
        bench.fakes.asked.clear()
        bench.events.clear()
        return second - first

    def test_a_generation_that_would_end_too_late_is_not_begun(self, bench: Bench) -> None:
        each_s = self.generation_s(bench)
        long = msgspec.structs.replace(PLAN, screen_generations=20, expected_s=0.0)
        bench.means = Means(bench.fakes.start, bench.fakes.clock, DECIDING._replace(
            make_plan=lambda *_: long,
            confirmation_plan=lambda *_: msgspec.structs.replace(long, confirm_generations=0),
        ))  # fmt: skip
        began_s = bench.fakes.clock()
        pilot_s = 4.0 + 3 * (2 * 1.0 + 2 * 2.0 + 2 * 2.0)
        _, evidence = bench.conduct(budget_s=pilot_s + 9.5 * each_s)

        assert {generation for _, generation, _ in measured(evidence)} == set(range(1, 10))
        assert evidence.notes == (
            "the time was up after 9 of 20 generations of the screening: --minutes gives it more",
        )
        assert bench.fakes.clock() - began_s <= pilot_s + 9.5 * each_s
        assert [event.text for event in bench.events if isinstance(event, Noted)] == list(evidence.notes)

    def test_the_screening_leaves_the_confirmation_its_time_once_it_can_say_something(self, bench: Bench) -> None:
        each_s = self.generation_s(bench)
        set_aside = msgspec.structs.replace(PLAN, screen_generations=20, expected_s=1e5)
        bench.means = Means(bench.fakes.start, bench.fakes.clock, DECIDING._replace(make_plan=lambda *_: set_aside))
        _, evidence = bench.conduct(budget_s=1e5 + each_s)

        screened = {generation for stage, generation, _ in measured(evidence) if stage is Stage.SCREEN}
        assert LEAST_SCREEN <= len(screened) < 20
        assert [stage for stage, _, _ in measured(evidence)].count(Stage.CONFIRM) == CONFIRM


class TestResuming:
    """An experiment that was cut off goes on with what it lacks."""

    @pytest.mark.parametrize("nth", [1, 2, 7, 17, 19, 26])
    def test_wherever_it_is_interrupted_it_ends_as_if_it_had_not_been(
        self, bench: Bench, tmp_path: Path, nth: int
    ) -> None:
        whole = bench.conduct().evidence
        bench.results = tmp_path / "cut"
        bench.fakes.acts = [Act(TakeBlock, nth=nth, interrupts=True)]
        bench.fakes.asked.clear()
        with pytest.raises(KeyboardInterrupt):
            bench.conduct()
        kept = load_evidence(bench.folder())
        assert kept.replicates == whole.replicates[: len(kept.replicates)]

        resumed = bench.resume(bench.folder()).evidence

        key = lambda one: (one.generation, one.case_pair)  # noqa: E731
        assert sorted(resumed.replicates, key=key) == sorted(whole.replicates, key=key)
        assert (resumed.case_pairs, resumed.plans) == (whole.case_pairs, whole.plans)
        assert load_evidence(bench.folder()) == resumed

    def test_a_pilot_is_gone_on_with_as_well(self, bench: Bench) -> None:
        bench.fakes.acts = [Act(Prepare, model="nets:c", interrupts=True)]
        with pytest.raises(KeyboardInterrupt):
            bench.conduct()
        bench.fakes.asked.clear()
        evidence = bench.resume(bench.folder()).evidence
        assert [case_pair.id for case_pair in evidence.case_pairs] == [A.id, B.id, C.id]
        tried = [request.case.id for _, request in bench.fakes.requests(Prepare)][:2]
        assert tried == [C.id, C.id], "the others were tried before"

    def test_an_experiment_that_is_complete_stays_as_it_is(self, bench: Bench) -> None:
        folder, evidence = bench.conduct()
        bench.fakes.asked.clear()
        assert bench.resume(folder).evidence == evidence
        assert bench.fakes.requests(Prepare) == []

    def test_what_is_noted_of_the_sides_anew_is_put_in_once(self, bench: Bench) -> None:
        folder, _ = bench.conduct()
        bench.resume(folder, notes=["submodules are left empty"])
        notes = ["submodules are left empty", "copies of a killed run were removed"]
        assert bench.resume(folder, notes=notes).evidence.notes == tuple(notes)
        assert load_evidence(folder).notes == tuple(notes)

    def test_other_files_or_another_torch_are_another_experiment(self, bench: Bench) -> None:
        folder, _ = bench.conduct()
        bench.fakes.torch = "3"
        with pytest.raises(
            BadInputError, match="was begun with torch '2' of the base, here it is '3': start a new one"
        ):
            bench.resume(folder)
        bench.fakes.torch = "2"
        bench.fakes.trees = {SideName.HEAD: "abc"}
        with pytest.raises(BadInputError, match="was begun with files '' of the head, here it is 'abc'"):
            bench.resume(folder)
        bench.fakes.trees = {}
        bench.resume(folder)
