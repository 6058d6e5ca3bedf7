from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from contested import CRASH, RULE, make_environment
from hypothesis import given
from hypothesis import strategies as st
from synthetic import default_run, failed, make_case, make_record, make_run, measurement

from zoobench.cases import Case
from zoobench.records import CaseRecord, Environment, FailureKind, Unavailable
from zoobench.records.comparison import CaseResult, Comparison, ComparisonKind, Exit, Rule, Verdict
from zoobench.records.store import StoredRun
from zoobench.stats.verdicts.stored_runs import compare_runs

STRICT = Rule(margin_ratio=0.05, is_strict=True)
RESNET, VGG = make_case("resnet18"), make_case("vgg16")


def record(case: Case, call_s: float | None = 0.01, **exact: float) -> CaseRecord:
    times = [] if call_s is None else [measurement("latency", *(call_s * (1 + n / 1000) for n in range(7)))]
    return make_record(case, [*times, *(measurement(*one) for one in ({"macs": 3e8} | exact).items())])


def run(*records: CaseRecord, place: int = 0, environment: Environment | None = None) -> StoredRun:
    stored = make_run(records, run_id=f"20260301T1000{place:02d}.000Z-run")
    head = msgspec.structs.replace(stored.run, environment=environment or make_environment())
    return msgspec.structs.replace(stored, run=head)


def runs(case: Case, call_s: list[float], first: int = 0) -> list[StoredRun]:
    """One process each."""
    return [run(record(case, seconds), place=first + place) for place, seconds in enumerate(call_s)]


def compare(base: StoredRun, head: StoredRun, rule: Rule = RULE) -> Comparison:
    return compare_runs([base], [head], rule)


def only(comparison: Comparison) -> CaseResult:
    [case] = comparison.cases
    return case


def test_a_run_against_itself() -> None:
    comparison = compare(default_run(), default_run())
    assert (comparison.exit, comparison.kind) == (Exit.NOTHING_WORSE, ComparisonKind.RUNS)
    assert {case.verdict for case in comparison.cases} == {Verdict.UNDECIDED, Verdict.NOT_COMPARABLE}
    assert all(case.exact_changes == () for case in comparison.cases)


def test_one_process_a_side_decides_no_times() -> None:
    """Half as slow again, and yet one draw against one."""
    case = only(compare(run(record(RESNET, 0.01)), run(record(RESNET, 0.015))))
    assert case.verdict is Verdict.UNDECIDED
    assert case.reason == "one process against 1: times are decided from 4 runs a side on"
    assert case.times is not None
    assert case.times.ratio == pytest.approx(1.5)
    assert (case.times.n, case.times.low, case.times.p_slower) == (1, None, None)


def test_undecided_fails_only_a_strict_comparison() -> None:
    sides = run(record(RESNET)), run(record(RESNET))
    assert (compare(*sides).exit, compare(*sides, STRICT).exit) == (Exit.NOTHING_WORSE, Exit.NO_VERDICT)


@pytest.mark.parametrize(
    ("macs", "verdict", "exit_code"),
    [(4e8, Verdict.WORSE, Exit.REGRESSION), (2e8, Verdict.UNDECIDED, Exit.NOTHING_WORSE)],
)
def test_exact_metrics_always_decide(macs: float, verdict: Verdict, exit_code: Exit) -> None:
    comparison = compare(run(record(RESNET)), run(record(RESNET, macs=macs)))
    assert (comparison.exit, only(comparison).verdict) == (exit_code, verdict)
    assert [change.metric for change in only(comparison).exact_changes] == ["macs"]


def test_a_vanished_case_fails_and_a_new_one_does_not() -> None:
    both, one = run(record(RESNET), record(VGG)), run(record(RESNET))
    gone, new = compare(both, one), compare(one, both)
    assert (gone.exit, gone.cases[1].verdict) == (Exit.REGRESSION, Verdict.REMOVED)
    assert (new.exit, new.cases[1].verdict) == (Exit.NOTHING_WORSE, Verdict.NEW)


def test_a_failure_of_one_side_alone() -> None:
    well, ill = run(record(RESNET), record(VGG)), run(record(RESNET), failed(VGG))
    broken, fixed = compare(well, ill), compare(ill, well)
    assert (broken.exit, broken.cases[1].verdict) == (Exit.REGRESSION, Verdict.BROKEN)
    assert (fixed.exit, fixed.cases[1].verdict) == (Exit.NOTHING_WORSE, Verdict.FIXED)
    assert compare(ill, ill).cases[1].verdict is Verdict.NOT_COMPARABLE


def test_a_case_left_out_for_its_cost_is_not_broken() -> None:
    left_out = make_record(VGG, failure=msgspec.structs.replace(CRASH, kind=FailureKind.OVER_BUDGET))
    comparison = compare(run(record(RESNET), record(VGG)), run(record(RESNET), left_out))
    assert (comparison.exit, comparison.cases[1].verdict) == (Exit.NOTHING_WORSE, Verdict.NOT_COMPARABLE)


def test_where_nothing_matches_there_is_no_comparison() -> None:
    assert compare(run(record(RESNET)), run(record(VGG))).exit is Exit.NO_COMPARISON
    assert compare(run(), run()).exit is Exit.NO_COMPARISON


def test_unlike_threads_are_why_nothing_matches() -> None:
    comparison = compare(run(record(make_case("resnet18", threads=2))), run(record(make_case("resnet18", threads=4))))
    assert comparison.exit is Exit.NO_COMPARISON
    assert comparison.problems[0] == "the runs were measured with 2 and 4 threads: no case is in both"


def test_cases_that_were_only_counted_are_the_same_if_their_counts_are() -> None:
    counted = run(record(RESNET, None))
    comparison = compare(counted, counted, STRICT)
    assert (comparison.exit, only(comparison).verdict) == (Exit.NOTHING_WORSE, Verdict.SAME)
    assert only(comparison).reason == "no times were measured; exact metrics are compared"
    assert only(compare(counted, run(record(RESNET)))).reason == "the base has no times"


def test_four_processes_of_one_run_decide_like_four_runs_of_one() -> None:
    base_s, head_s = [0.01, 0.01001, 0.00999, 0.01002], [0.0151, 0.0152, 0.0150, 0.0153]

    def in_one_run(call_s: list[float], place: int) -> StoredRun:
        samples = [of_process * (1 + n / 1000) for of_process in call_s for n in range(7)]
        latency = measurement("latency", *samples, block_sizes=(1,) * len(samples), process_sizes=(7,) * len(call_s))
        return run(make_record(RESNET, [latency, measurement("macs", 3e8)]), place=place)

    case = only(compare(in_one_run(base_s, 0), in_one_run(head_s, 1)))
    same = only(compare_runs(runs(RESNET, base_s), runs(RESNET, head_s, first=10), RULE))
    assert (case.verdict, case.times) == (Verdict.SLOWER, same.times)


@pytest.mark.parametrize(
    ("head_s", "verdict", "exit_code"),
    [
        ([0.0151, 0.0152, 0.0150, 0.0153], Verdict.SLOWER, Exit.REGRESSION),
        ([0.0071, 0.0072, 0.0070, 0.0073], Verdict.FASTER, Exit.NOTHING_WORSE),
        ([0.01001, 0.01002, 0.00999, 0.01], Verdict.SAME, Exit.NOTHING_WORSE),
        ([0.01, 0.013, 0.009, 0.012], Verdict.UNDECIDED, Exit.NOTHING_WORSE),
    ],
)
def test_four_processes_a_side_decide_times(head_s: list[float], verdict: Verdict, exit_code: Exit) -> None:
    base = runs(RESNET, [0.01, 0.01001, 0.00999, 0.01002])
    comparison = compare_runs(base, runs(RESNET, head_s, first=10), RULE)
    case = only(comparison)
    assert (case.verdict, comparison.exit) == (verdict, exit_code)
    assert case.times is not None
    assert case.times.n == 4
    assert case.times.low is not None
    if verdict is Verdict.SLOWER:
        assert case.times.p_slower == pytest.approx(1 / 70), "one of the 70 ways to choose 4 of 8"


def test_three_processes_are_too_few() -> None:
    comparison = compare_runs(runs(RESNET, [0.01] * 3), runs(RESNET, [0.02] * 4, first=10), RULE)
    assert only(comparison).reason == "3 processes against 4: times are decided from 4 runs a side on"


def test_the_more_cases_the_harder_each_is_to_pass() -> None:
    """By Holm over all of them: 1 in 70 is not one in 20 any more."""
    cases = [make_case("resnet18", batch=batch) for batch in (1, 2, 3, 4)]
    base, head = (
        [run(*(record(case, call_s * (1 + n / 1000)) for case in cases), place=first + n) for n in range(4)]
        for first, call_s in ((0, 0.01), (10, 0.015))
    )
    adjusted = [case.times.p_slower for case in compare_runs(base, head, RULE).cases if case.times]
    assert adjusted == [pytest.approx(4 / 70)] * 4


@pytest.mark.parametrize("fact", ["torch", "torchvision"])
def test_times_of_unlike_environments_are_not_compared(fact: str) -> None:
    base = runs(RESNET, [0.01, 0.01001, 0.00999, 0.01002])
    other = make_environment(**{fact: "9.9"})
    head = [run(record(RESNET, 0.02), place=10 + n, environment=other) for n in range(4)]
    comparison = compare_runs(base, head, RULE)
    assert comparison.exit is Exit.IDENTITY
    assert only(comparison).verdict is Verdict.UNDECIDED
    assert only(comparison).times is not None
    assert (only(comparison).times.low, only(comparison).times.p_slower) == (None, None)
    assert comparison.problems[0].startswith(f"times are not compared: {fact} is ")
    assert comparison.headline.startswith(f"Times are not compared, since the runs differ in {fact}: no change was")
    assert [one.fact for one in comparison.differences if one.matters] == [fact]


def test_exact_metrics_decide_between_unlike_machines_too() -> None:
    other = msgspec.structs.replace(make_environment(), host={"processor": "Another CPU"})
    worse = compare(run(record(RESNET)), run(record(RESNET, macs=4e8), environment=other))
    assert worse.exit is Exit.REGRESSION


def test_facts_that_do_not_matter_are_told_and_no_more() -> None:
    other = make_environment(numpy="2.5.0")
    comparison = compare(run(record(RESNET)), run(record(RESNET), environment=other))
    assert comparison.exit is Exit.NOTHING_WORSE
    assert [(one.fact, one.matters) for one in comparison.differences] == [("numpy", False)]


def test_of_several_runs_the_newest_that_did_not_fail_tells_the_facts() -> None:
    base = [
        run(record(RESNET, macs=1e8), place=0),
        run(record(RESNET, macs=3e8), place=1),
        run(failed(RESNET), place=2),
    ]
    comparison = compare_runs(base, [run(record(RESNET), place=3)], RULE)
    assert only(comparison).exact_changes == ()
    assert only(comparison).times is not None
    assert comparison.base.asked == ",".join(stored.run.run_id for stored in base)


def test_what_could_not_be_read_is_told() -> None:
    damaged = msgspec.structs.replace(run(record(RESNET)), notes=("cases.jsonl line 2 is corrupt and was skipped",))
    assert compare(damaged, run(record(RESNET))).notes == damaged.notes


def test_metrics_that_this_zoobench_does_not_know_are_no_obstacle() -> None:
    foreign = run(record(RESNET, from_a_plug_in=1.0))
    assert compare(foreign, foreign).exit is Exit.NOTHING_WORSE


def test_what_is_unavailable_is_no_change() -> None:
    silent = make_record(RESNET, unavailable=(Unavailable(metric="macs", reason="not countable"),))
    assert only(compare(run(record(RESNET)), run(silent))).exact_changes == ()


seconds = st.lists(st.floats(0.005, 0.02), min_size=1, max_size=5)


@given(seconds, seconds)
def test_swapped_sides_turn_the_result_round(base_s: list[float], head_s: list[float]) -> None:
    base, head = runs(RESNET, base_s), runs(RESNET, head_s, first=10)
    here, there = only(compare_runs(base, head, RULE)), only(compare_runs(head, base, RULE))
    mirror = {Verdict.SLOWER: Verdict.FASTER, Verdict.FASTER: Verdict.SLOWER}
    assert there.verdict is mirror.get(here.verdict, here.verdict)
    assert here.times is not None
    assert there.times is not None
    assert there.times.ratio == pytest.approx(1 / here.times.ratio)
    assert there.times.p_faster == here.times.p_slower


def test_stored_runs_are_compared_without_torch_and_pandas(tmp_path: Path) -> None:
    program = (
        "import sys; sys.path.insert(0, 'tests'); from synthetic import default_run;"
        "from zoobench.stats.verdicts.stored_runs import compare_runs; from zoobench.records.comparison import Rule;"
        "compare_runs([default_run()], [default_run()], Rule(margin_ratio=0.05));"
        "print([name for name in ('torch', 'pandas', 'scipy', 'matplotlib') if name in sys.modules])"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"
