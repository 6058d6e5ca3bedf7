"""The gate on evidence made by hand: what comes in as equal goes out as 0, and every defect that is put in is found."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import msgspec
import pytest
from contested import (
    CALL_S,
    CRASH,
    EXACT,
    MISSING,
    RULE,
    failed_replicates,
    make_contest,
    make_control,
    make_environment,
    make_evidence,
    make_experiment,
    make_replicate,
    make_side,
    noisy_evidence,
    replicates_of,
    spread_round,
)
from hypothesis import given
from hypothesis import strategies as st
from synthetic import make_case

from zoobench.records.comparison import (
    CaseFacts,
    CasePair,
    CaseResult,
    Comparison,
    ComparisonKind,
    Evidence,
    Exit,
    Replicate,
    Rule,
    SideName,
    Stage,
    Verdict,
)
from zoobench.stats.verdicts.decide import decide

STRICT = msgspec.structs.replace(RULE, is_strict=True)
BOTH_STAGES = tuple(Stage)


def with_contest(evidence: Evidence, case_pair: CasePair, log_ratio: float | None = 0.0, n: int = 12) -> Evidence:
    """One more, measured in both stages unless its log-ratio is None."""
    values = [] if log_ratio is None else spread_round(log_ratio, n)
    replicates = [one for stage in BOTH_STAGES for one in replicates_of(case_pair.id, values, stage)]
    return msgspec.structs.replace(
        evidence,
        case_pairs=(*evidence.case_pairs, case_pair),
        replicates=(*evidence.replicates, *replicates),
    )


def only(comparison: Comparison, model: str) -> CaseResult:
    [found] = [case for case in comparison.cases if f":{model}/" in case.id]
    return found


EQUAL = make_evidence({"resnet18": 1.0, "alexnet": 1.0})
VGG = make_case("vgg16")


def test_equal_sides_are_the_same() -> None:
    comparison = decide(EQUAL)
    assert comparison.exit is Exit.NOTHING_WORSE
    assert {case.verdict for case in comparison.cases} == {Verdict.SAME}
    assert comparison.headline == "No change was found in 2 cases; 2 same."
    assert (comparison.problems, comparison.differences) == ((), ())


def test_half_as_slow_again_is_slower() -> None:
    comparison = decide(make_evidence({"resnet18": 1.5, "alexnet": 1.0}))
    assert comparison.exit is Exit.REGRESSION
    assert only(comparison, "resnet18").verdict is Verdict.SLOWER
    assert only(comparison, "alexnet").verdict is Verdict.SAME
    assert comparison.headline == "Of 2 cases, 1 is slower (resnet18 by 50.0 %); 1 same."


def test_faster_fails_nothing() -> None:
    comparison = decide(make_evidence({"resnet18": 0.5, "alexnet": 1.0}))
    assert (comparison.exit, only(comparison, "resnet18").verdict) == (Exit.NOTHING_WORSE, Verdict.FASTER)


def test_a_vanished_case_fails() -> None:
    gone = make_contest(VGG, head_case=None, head=CaseFacts(failure=MISSING, is_missing=True), output_error=None)
    comparison = decide(with_contest(EQUAL, gone, None))
    assert comparison.exit is Exit.REGRESSION
    assert only(comparison, "vgg16").verdict is Verdict.REMOVED
    assert only(comparison, "vgg16").reason == "head: unknown model 'gone'"


def test_a_new_case_fails_nothing() -> None:
    new = make_contest(VGG, base_case=None, base=CaseFacts(failure=MISSING, is_missing=True), output_error=None)
    comparison = decide(with_contest(EQUAL, new, None))
    assert (comparison.exit, only(comparison, "vgg16").verdict) == (Exit.NOTHING_WORSE, Verdict.NEW)


def test_a_case_that_only_the_head_cannot_run_is_broken_and_the_rest_decided() -> None:
    broken = make_contest(VGG, head=CaseFacts(failure=CRASH), output_error=None)
    comparison = decide(with_contest(EQUAL, broken, None))
    assert comparison.exit is Exit.REGRESSION
    assert only(comparison, "vgg16").verdict is Verdict.BROKEN
    assert only(comparison, "vgg16").reason == "head: the worker was killed by SIGSEGV (latency)"
    assert only(comparison, "resnet18").verdict is Verdict.SAME


def test_a_case_that_only_the_base_cannot_run_is_fixed() -> None:
    comparison = decide(with_contest(EQUAL, make_contest(VGG, base=CaseFacts(failure=CRASH), output_error=None), None))
    assert (comparison.exit, only(comparison, "vgg16").verdict) == (Exit.NOTHING_WORSE, Verdict.FIXED)


def test_a_case_that_neither_side_can_run_is_not_comparable() -> None:
    neither = make_contest(VGG, base=CaseFacts(failure=CRASH), head=CaseFacts(failure=CRASH), output_error=None)
    comparison = decide(with_contest(EQUAL, neither, None))
    assert (comparison.exit, only(comparison, "vgg16").verdict) == (Exit.NOTHING_WORSE, Verdict.NOT_COMPARABLE)


@pytest.mark.parametrize(("side", "verdict"), [(SideName.HEAD, Verdict.BROKEN), (SideName.BASE, Verdict.FIXED)])
def test_a_crash_that_comes_again_while_measuring_is_the_sides(side: SideName, verdict: Verdict) -> None:
    case_pair = make_contest(VGG)
    evidence = with_contest(EQUAL, case_pair, None)
    replicates = (*evidence.replicates, *failed_replicates(case_pair.id, side))
    comparison = decide(msgspec.structs.replace(evidence, replicates=replicates))
    assert only(comparison, "vgg16").verdict is verdict
    assert only(comparison, "vgg16").times is None


def test_a_crash_that_does_not_come_again_is_nothing() -> None:
    first, _ = failed_replicates(EQUAL.case_pairs[0].id, SideName.HEAD, generation=0)
    comparison = decide(msgspec.structs.replace(EQUAL, replicates=(first, *EQUAL.replicates)))
    assert comparison.exit is Exit.NOTHING_WORSE


def test_a_changed_output_fails_and_the_times_are_told() -> None:
    comparison = decide(with_contest(EQUAL, make_contest(VGG, output_error=0.2, output_tolerance=1e-5)))
    found = only(comparison, "vgg16")
    assert (comparison.exit, found.verdict) == (Exit.REGRESSION, Verdict.OUTPUT_CHANGED)
    assert found.reason == "outputs differ by 0.2 of the largest value, rounding is 1e-05"
    assert found.times is not None
    assert found.times.n == 12


def test_an_output_within_rounding_is_the_same() -> None:
    comparison = decide(with_contest(EQUAL, make_contest(VGG, output_error=1e-5, output_tolerance=1e-5)))
    assert only(comparison, "vgg16").verdict is Verdict.SAME


@pytest.mark.parametrize(
    ("parameters", "verdict", "exit_code"),
    [(2e6, Verdict.WORSE, Exit.REGRESSION), (5e5, Verdict.BETTER, Exit.NOTHING_WORSE)],
)
def test_exact_metrics_decide_by_themselves(parameters: float, verdict: Verdict, exit_code: Exit) -> None:
    heavier = make_contest(VGG, head=CaseFacts(exact={**EXACT, "parameters": parameters}, call_s=CALL_S))
    comparison = decide(with_contest(EQUAL, heavier))
    found = only(comparison, "vgg16")
    assert (comparison.exit, found.verdict) == (exit_code, verdict)
    assert [change.metric for change in found.exact_changes] == ["parameters"]


def test_a_vanished_exact_metric_is_told() -> None:
    silent = make_contest(VGG, head=CaseFacts(exact={"parameters": 1e6}, call_s=CALL_S))
    assert only(decide(with_contest(EQUAL, silent)), "vgg16").reason == "the head does not tell macs, the base does"


def test_the_worst_that_can_be_said_is_the_verdict() -> None:
    """Slower, with more parameters, and another output."""
    heavier = CaseFacts(exact={**EXACT, "parameters": 2e6}, call_s=CALL_S)
    slower = make_contest(VGG, head=heavier)
    changed = make_contest(VGG, head=heavier, output_error=0.2)
    assert only(decide(with_contest(EQUAL, slower, 0.4)), "vgg16").verdict is Verdict.SLOWER
    assert only(decide(with_contest(EQUAL, changed, 0.4)), "vgg16").verdict is Verdict.OUTPUT_CHANGED


@pytest.mark.parametrize("ways", [1, 2])
def test_where_nothing_matches_there_is_no_comparison(ways: int) -> None:
    gone = make_contest(VGG, head_case=None, head=CaseFacts(is_missing=True), output_error=None)
    new = make_contest(make_case("lenet5"), base_case=None, base=CaseFacts(is_missing=True), output_error=None)
    comparison = decide(Evidence(setup=make_experiment(), case_pairs=(gone, new)[:ways]))
    assert comparison.exit is Exit.NO_COMPARISON
    assert comparison.problems[0].startswith("no case was compared (1 removed")


def test_where_there_is_no_case_at_all_there_is_no_comparison() -> None:
    comparison = decide(Evidence(setup=make_experiment()))
    assert (comparison.exit, comparison.headline) == (Exit.NO_COMPARISON, "There is nothing to compare.")
    assert comparison.problems == ("no case was found on either side: --models and --preset choose them",)


def test_a_side_that_fails_everywhere_is_no_comparison() -> None:
    case_pairs = [make_contest(make_case(name), head=CaseFacts(failure=CRASH)) for name in ("resnet18", "vgg16")]
    comparison = decide(Evidence(setup=make_experiment(), case_pairs=tuple(case_pairs)))
    assert comparison.exit is Exit.NO_COMPARISON
    assert comparison.problems == ("no case was compared (2 broken): head: the worker was killed by SIGSEGV (latency)",)


def test_nothing_measured_is_no_comparison() -> None:
    comparison = decide(msgspec.structs.replace(EQUAL, replicates=()))
    assert comparison.exit is Exit.NO_COMPARISON
    assert {case.reason for case in comparison.cases} == {"no replicate was measured"}


def test_a_control_that_changed_is_contamination() -> None:
    comparison = decide(with_contest(make_evidence({"resnet18": 1.5}), make_control(), math.log(1.1)))
    assert comparison.exit is Exit.NO_VERDICT
    assert only(comparison, "resnet18").verdict is Verdict.SLOWER, "results are never corrected"
    assert comparison.headline == ("No verdict, the controls differ: of 1 case, 1 is slower (resnet18 by 50.0 %).")
    [problem] = comparison.problems
    assert problem.startswith("control control/product is 10.0 % slower, and holds no code of the project")


def test_a_control_that_became_faster_is_contamination_too() -> None:
    assert decide(with_contest(EQUAL, make_control(), -math.log(1.1))).exit is Exit.NO_VERDICT


def test_a_control_within_the_margin_is_not() -> None:
    comparison = decide(with_contest(EQUAL, make_control(), math.log(1.02)))
    assert comparison.exit is Exit.NOTHING_WORSE
    assert [control.verdict for control in comparison.controls] == [Verdict.SAME]
    assert len(comparison.cases) == 2, "a control is no case"


@pytest.mark.parametrize(("controls", "is_seen"), [(1, True), (2, False)])
def test_controls_are_one_family_of_tests(controls: int, *, is_seen: bool) -> None:
    """Six generations beyond the margin have a p of 1 in 64: enough for two tests (slower, faster), not for four."""
    evidence = EQUAL
    for place in range(controls):
        control = make_control(f"control/{place}")
        replicates = (*evidence.replicates, *replicates_of(control.id, spread_round(math.log(1.1), 6)))
        evidence = msgspec.structs.replace(evidence, case_pairs=(*evidence.case_pairs, control), replicates=replicates)
    comparison = decide(evidence)
    assert (comparison.exit is Exit.NO_VERDICT) == is_seen
    assert [control.times.p_slower for control in comparison.controls if control.times] == [controls / 32] * controls


def test_a_control_is_judged_by_all_its_generations() -> None:
    [control] = decide(with_contest(EQUAL, make_control())).controls
    assert control.times is not None
    assert control.times.n == 24


@pytest.mark.parametrize("control_ratio", [0.0, math.log(1.1)])
@pytest.mark.parametrize(
    "case_pair",
    [
        make_contest(VGG, head=CaseFacts(exact={**EXACT, "parameters": 2e6})),
        make_contest(VGG, output_error=0.2),
        make_contest(VGG, head=CaseFacts(failure=CRASH)),
        make_contest(VGG, head_case=None, head=CaseFacts(is_missing=True)),
    ],
    ids=["worse", "output-changed", "broken", "removed"],
)
def test_facts_of_the_code_fail_whatever_the_controls_say(case_pair: CasePair, control_ratio: float) -> None:
    evidence = with_contest(with_contest(EQUAL, case_pair, 0.4), make_control(), control_ratio)
    assert decide(evidence).exit is Exit.REGRESSION


def test_controls_may_differ_between_two_versions_of_torch() -> None:
    setup = make_experiment(
        kind=ComparisonKind.ENVIRONMENTS, head=make_side(SideName.HEAD, environment=make_environment(torch="2.15.0"))
    )
    evidence = with_contest(make_evidence({"resnet18": 1.0}, setup=setup), make_control(), math.log(1.1))
    comparison = decide(evidence)
    assert comparison.exit is Exit.NOTHING_WORSE
    assert comparison.notes == (
        "controls differ, as they may between two versions of torch: they hold none of the project's code",
    )
    [difference] = comparison.differences
    assert (difference.fact, difference.base, difference.head) == ("torch", "2.14.1", "2.15.0")
    assert not difference.matters, "the two were measured together"


def test_a_control_that_could_not_be_measured_is_told() -> None:
    [note] = decide(with_contest(EQUAL, make_control(), None)).notes
    assert note.startswith("no control was measured")


def undecided(rule: Rule) -> Evidence:
    """One case spreads too widely for its interval to lie within the margin."""
    return msgspec.structs.replace(make_evidence({"resnet18": 1.0}, half_width=0.2), setup=make_experiment(rule=rule))


def test_undecided_fails_only_a_strict_comparison() -> None:
    lenient, strict = decide(undecided(RULE)), decide(undecided(STRICT))
    assert (lenient.exit, strict.exit) == (Exit.NOTHING_WORSE, Exit.NO_VERDICT)
    assert [case.verdict for case in lenient.cases] == [Verdict.UNDECIDED]
    [problem] = strict.problems
    assert problem.startswith("1 case is without a verdict, and a strict comparison needs one on each")
    assert lenient.cases[0].times is not None
    assert lenient.cases[0].times.detectable_ratio == pytest.approx(lenient.cases[0].times.high - 1)
    assert lenient.cases[0].reason.startswith("a change from −")


def test_slower_fails_a_strict_comparison_as_any_other() -> None:
    evidence = make_evidence({"resnet18": 1.5}, setup=make_experiment(rule=STRICT))
    assert decide(evidence).exit is Exit.REGRESSION


def test_a_suspect_that_was_not_confirmed_is_undecided() -> None:
    slow = make_evidence({"resnet18": 1.5, "alexnet": 1.0})
    screened = tuple(one for one in slow.replicates if one.stage is Stage.SCREEN)
    comparison = decide(msgspec.structs.replace(slow, replicates=screened))
    found = only(comparison, "resnet18")
    assert (found.verdict, comparison.exit) == (Verdict.UNDECIDED, Exit.NOTHING_WORSE)
    assert found.reason == "suspected in the screening, and no generation was left to confirm it"
    [note] = comparison.notes
    assert note.startswith("suspected and not confirmed: 1 of 2 cases")
    assert found.times is not None
    assert (found.times.p_slower, found.times.is_confirmed) == (1.0, False)


def test_only_the_confirmation_speaks_of_a_suspect() -> None:
    """The screening saw it 50 % slower; the confirmation, not slower at all."""
    case_pair = make_contest()
    evidence = Evidence(
        setup=make_experiment(),
        case_pairs=(case_pair,),
        replicates=(
            *replicates_of(case_pair.id, spread_round(math.log(1.5), 20)),
            *replicates_of(case_pair.id, spread_round(0.0, 10), Stage.CONFIRM),
        ),
    )
    [case] = decide(evidence).cases
    assert case.times is not None
    assert (case.verdict, case.times.n, case.times.p_slower) == (Verdict.SAME, 10, 1.0)


@pytest.mark.parametrize(("suspects", "n", "is_found"), [(1, 5, True), (1, 4, False), (20, 9, True), (20, 8, False)])
def test_two_to_the_minus_n_bounds_what_can_be_confirmed(suspects: int, n: int, *, is_found: bool) -> None:
    """Twenty confirmed cases need at least nine generations (method, section 6)."""
    case_pairs = [make_contest(make_case("resnet18", batch=place + 1)) for place in range(suspects)]
    replicates = [
        one
        for case_pair in case_pairs
        for stage, size in ((Stage.SCREEN, 8), (Stage.CONFIRM, n))
        for one in replicates_of(case_pair.id, spread_round(math.log(1.5), size), stage)
    ]
    evidence = Evidence(setup=make_experiment(), case_pairs=tuple(case_pairs), replicates=tuple(replicates))
    verdicts = {case.verdict for case in decide(evidence).cases}
    assert verdicts == {Verdict.SLOWER if is_found else Verdict.UNDECIDED}


def test_dropped_replicates_are_counted_and_told() -> None:
    paused = {"continued": (1.0,)}
    case_pair = make_contest()
    good = replicates_of(case_pair.id, [0.0] * 4)
    bad = [
        msgspec.structs.replace(
            one,
            generation=10 + one.generation,
            blocks=tuple(msgspec.structs.replace(b, samples=b.samples[:1], covariates=paused) for b in one.blocks),
        )
        for one in good
    ]
    evidence = Evidence(setup=make_experiment(), case_pairs=(case_pair,), replicates=(*good, *bad))
    [few], [none] = (
        decide(msgspec.structs.replace(evidence, replicates=replicates)).cases
        for replicates in (evidence.replicates, tuple(bad))
    )
    assert few.times is not None
    assert (few.times.n, few.times.dropped) == (4, 4)
    assert few.reason == "replicates left: 4 (4 were dropped), an interval needs 6"
    assert none.verdict is Verdict.NOT_COMPARABLE
    assert none.reason == "none of 4 replicates is left (0 of 2 pairs of blocks were undisturbed, 2 are needed)"


def test_a_replay_from_the_disk_comes_to_the_same_result() -> None:
    evidence = noisy_evidence([0.0, 0.1, -0.2, 0.03], screen=8, confirm=10, spread=0.02, order="ABBABAAB")
    replayed = msgspec.json.decode(msgspec.json.encode(evidence), type=Evidence)
    comparison = decide(evidence)
    assert decide(replayed) == comparison
    assert msgspec.json.decode(msgspec.json.encode(comparison), type=Comparison) == comparison


MIRROR = {Verdict.SLOWER: Verdict.FASTER, Verdict.FASTER: Verdict.SLOWER}


def swapped(replicates: Sequence[Replicate]) -> tuple[Replicate, ...]:
    return tuple(
        msgspec.structs.replace(one, order=one.order.translate(str.maketrans("AB", "BA"))) for one in replicates
    )


@given(st.lists(st.sampled_from([-0.2, -0.06, 0.0, 0.06, 0.2]), min_size=1, max_size=6), st.integers(0, 2**16))
def test_swapped_sides_turn_slower_into_faster(changes: list[float], seed: int) -> None:
    evidence = noisy_evidence(changes, screen=7, confirm=9, spread=0.02, seed=seed)
    here = decide(evidence)
    there = decide(msgspec.structs.replace(evidence, replicates=swapped(evidence.replicates)))
    for one, other in zip(here.cases, there.cases, strict=True):
        assert other.verdict is MIRROR.get(one.verdict, one.verdict)
        assert one.times is not None
        assert other.times is not None
        assert (other.times.p_faster, other.times.p_slower) == (one.times.p_slower, one.times.p_faster)
        assert other.times.ratio == pytest.approx(1 / one.times.ratio)


@given(st.permutations(range(5)))
def test_the_order_of_the_contests_does_not_matter(places: list[int]) -> None:
    evidence = noisy_evidence([0.0, 0.06, 0.2, -0.1, 0.1], screen=7, confirm=7, spread=0.03)
    shuffled = msgspec.structs.replace(evidence, case_pairs=tuple(evidence.case_pairs[place] for place in places))
    by_id = {case.id: case for case in decide(shuffled).cases}
    assert [by_id[case.id] for case in decide(evidence).cases] == list(decide(evidence).cases)


def test_an_injected_slowdown_is_carried_through() -> None:
    [case] = decide(with_contest(Evidence(setup=make_experiment()), make_contest(injected_ratio=0.1))).cases
    assert case.injected_ratio == 0.1


def test_the_noise_is_the_median_spread_of_the_cases() -> None:
    comparison = decide(EQUAL)
    spreads = [case.times.spread_ratio for case in comparison.cases if case.times]
    assert comparison.noise_ratio == pytest.approx(sum(spreads) / 2)
    assert decide(msgspec.structs.replace(EQUAL, replicates=())).noise_ratio is None


def test_a_screening_that_was_cut_off_is_decided_as_far_as_it_went() -> None:
    cut = tuple(itertools.islice((one for one in EQUAL.replicates if one.stage is Stage.SCREEN), 14))
    comparison = decide(msgspec.structs.replace(EQUAL, replicates=cut))
    assert [case.verdict for case in comparison.cases] == [Verdict.SAME, Verdict.UNDECIDED]
    assert comparison.cases[1].reason == "replicates left: 2, an interval needs 6"


def test_a_replicate_is_no_round() -> None:
    """A thousand rounds of one generation are one replicate."""
    case_pair = make_contest()
    one = make_replicate(case_pair.id, 0.5)
    long = msgspec.structs.replace(
        one, blocks=tuple(msgspec.structs.replace(block, samples=block.samples * 300) for block in one.blocks)
    )
    [case] = decide(Evidence(setup=make_experiment(), case_pairs=(case_pair,), replicates=(long,))).cases
    assert case.times is not None
    assert (case.times.n, case.times.low) == (1, None)
