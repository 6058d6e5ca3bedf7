from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import pytest
from synthetic import make_case, make_record, make_run, make_side, measurement

from zoobench.compare.journal import EXPERIMENT_FILE, JOURNAL_FILE, JournalLine
from zoobench.records import CaseRecord, Failure, FailureKind, RunRecord
from zoobench.records.comparison import (
    Block,
    CaseFacts,
    CasePair,
    ComparisonKind,
    ComparisonSetup,
    Evidence,
    Replicate,
    Rule,
    SideName,
    Stage,
    Verdict,
    load_comparison,
    write_document,
)
from zoobench.stats.verdicts.decide import decide

BASE, HEAD = "20260301T100000.000Z-base", "20260302T100000.000Z-head"
NETS = ("resnet18", "alexnet", "mobilenet_v2")


def store(results: Path, run: RunRecord, records: Iterable[CaseRecord]) -> str:
    path = results / run.run_id
    path.mkdir(parents=True)
    (path / "run.json").write_bytes(msgspec.json.encode(run))
    (path / "cases.jsonl").write_bytes(b"".join(msgspec.json.encode(record) + b"\n" for record in records))
    return run.run_id


def record(net: str, latency_s: float = 0.015, parameters: float = 11_689_512, device: str = "cpu") -> CaseRecord:
    samples = (latency_s * factor for factor in (0.99, 0.995, 1.0, 1.0, 1.005, 1.01))
    of_case = [measurement("latency", *samples), measurement("parameters", parameters)]
    return make_record(make_case(net, device=device), of_case)


def run_of(run_id: str, processor: str = "Example CPU") -> RunRecord:
    run = make_run([], run_id=run_id).run
    environment = msgspec.structs.replace(
        run.environment,
        host={"processor": processor, "usable_threads": "2"},
        commit={"revision": f"{len(run_id) % 10}" * 40, "is_dirty": "false"},
    )
    return msgspec.structs.replace(run, environment=environment)


def plain_run(results: Path, run_id: str, factor: float = 1.0, **head: str) -> str:
    return store(results, run_of(run_id, **head), [record(net, 0.015 * factor) for net in NETS])


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


@pytest.fixture
def compared(program: Callable, results: Path) -> Callable:
    """Compares, and gives the outcome with the comparison that was written."""

    def run(*arguments: str) -> tuple:
        outcome = program("compare", *arguments, "--results", str(results))
        return outcome, load_comparison(results / HEAD / "compare" / "compare.json")

    return run


def test_the_same_twice_is_nothing_worse(compared: Callable, results: Path, golden: Callable) -> None:
    plain_run(results, BASE)
    plain_run(results, HEAD)
    outcome, comparison = compared(BASE, HEAD)
    assert (outcome.code, outcome.err) == (comparison.exit, "") == (0, "")
    golden("compare_same", outcome.out.replace(str(results), "RESULTS"))
    names = {path.name for path in (results / HEAD / "compare").iterdir()}
    assert names == {"compare.json", "compare.md", "junit.xml"}


def test_more_parameters_are_a_regression(compared: Callable, results: Path) -> None:
    store(results, run_of(BASE), [record("resnet18"), record("alexnet")])
    store(results, run_of(HEAD), [record("resnet18", parameters=11_689_513), record("alexnet")])
    outcome, comparison = compared(BASE, HEAD)
    assert outcome.code == 1
    assert [case.verdict for case in comparison.cases][:1] == [Verdict.WORSE]
    assert "11,689,513" in outcome.out


def test_a_vanished_case_is_a_regression(compared: Callable, results: Path) -> None:
    store(results, run_of(BASE), [record("resnet18"), record("alexnet")])
    store(results, run_of(HEAD), [record("resnet18")])
    outcome, comparison = compared(BASE, HEAD)
    assert outcome.code == 1
    assert [case.verdict for case in comparison.cases][1] == Verdict.REMOVED


def test_nothing_in_common_is_4(compared: Callable, results: Path) -> None:
    store(results, run_of(BASE), [record("resnet18")])
    store(results, run_of(HEAD), [record("alexnet")])
    assert compared(BASE, HEAD)[0].code == 4


def test_another_machine_is_5(compared: Callable, results: Path) -> None:
    plain_run(results, BASE)
    plain_run(results, HEAD, processor="Another CPU")
    outcome, comparison = compared(BASE, HEAD)
    assert outcome.code == 5
    assert any(difference.matters for difference in comparison.differences)


def test_runs_of_several_processes_decide_times(compared: Callable, results: Path) -> None:
    bases = [plain_run(results, f"2026030{day}T090000.000Z-base", 1 + day / 1000) for day in range(1, 7)]
    heads = [plain_run(results, f"2026030{day}T080000.000Z-head", 1.5 + day / 1000) for day in range(1, 6)]
    heads.append(plain_run(results, "20260309T100000.000Z-head", 1.5))
    arguments = ",".join(bases), ",".join(heads), "--out", str(results / HEAD / "compare")
    outcome, comparison = compared(*arguments)
    assert outcome.code == 1
    assert {case.verdict for case in comparison.cases} == {Verdict.SLOWER}
    assert (results / HEAD / "compare" / "forest.png").exists()


def test_strict_needs_a_verdict_on_every_case(compared: Callable, results: Path) -> None:
    plain_run(results, BASE)
    plain_run(results, HEAD)
    assert compared(BASE, HEAD, "--strict")[0].code == 3


@pytest.mark.parametrize(("text", "ratio"), [("5%", 0.05), ("0.05", 0.05), ("2.5 %", 0.025)])
def test_margin_and_alpha_are_ratios(compared: Callable, results: Path, text: str, ratio: float) -> None:
    plain_run(results, BASE)
    plain_run(results, HEAD)
    _, comparison = compared(BASE, HEAD, "--margin", text, "--alpha", "1%")
    assert (comparison.rule.margin_ratio, comparison.rule.alpha) == (pytest.approx(ratio), pytest.approx(0.01))


@pytest.mark.parametrize(("device", "ratio"), [("cpu", 0.05), ("cuda:0", 0.02)])
def test_the_margin_is_the_device_s(compared: Callable, results: Path, device: str, ratio: float) -> None:
    for run_id in (BASE, HEAD):
        store(results, run_of(run_id), [record("resnet18", device=device)])
    assert compared(BASE, HEAD)[1].rule.margin_ratio == ratio


def test_out_says_where_and_the_job_s_summary_is_written(
    program: Callable, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain_run(results, BASE)
    plain_run(results, HEAD)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    out = tmp_path / "else" / "where"
    outcome = program("compare", BASE, HEAD, "--results", str(results), "--out", str(out))
    assert outcome.code == 0
    assert f"wrote {out / 'compare.md'}\n" in outcome.out
    assert (tmp_path / "summary.md").read_bytes() == (out / "compare.md").read_bytes()


def test_a_verdict_is_printed_even_if_it_cannot_be_written(program: Callable, results: Path, tmp_path: Path) -> None:
    plain_run(results, BASE)
    plain_run(results, HEAD)
    (tmp_path / "file").write_text("")
    outcome = program("compare", BASE, HEAD, "--results", str(results), "--out", str(tmp_path / "file"))
    assert outcome.code == 2
    assert outcome.err == f"zoobench: cannot write the comparison to {tmp_path / 'file'}: File exists\n"
    assert "3 undecided" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "there is nothing to compare"),
        ((BASE,), "two stored runs can be compared, not 1"),
        ((BASE, BASE), f"run {BASE} is on both sides"),
        ((BASE, f"{HEAD}x"), f"unknown run '{HEAD}x': did you mean"),
        ((BASE, HEAD, "--margin", "five"), "margin 'five' is not a ratio, as 0.02 or 2%"),
        ((BASE, HEAD, "--margin", "0"), "margin 0 is out of range"),
        ((BASE, HEAD, "--alpha", "100%"), "alpha 100% is out of range"),
        ((BASE, "--replay", HEAD), f"--replay {HEAD} takes no sides: leave out {BASE}"),
        (
            ("--replay", "20260301T100000.000Z-compare"),
            "unknown comparison '20260301T100000.000Z-compare': known: none",
        ),
    ],
)
def test_a_mistake_is_one_line(refusal: Callable, results: Path, arguments: tuple[str, ...], reason: str) -> None:
    plain_run(results, BASE)
    plain_run(results, HEAD)
    assert refusal("compare", *arguments, "--results", str(results)).startswith(reason)


def test_a_run_of_a_newer_schema_is_a_mistake(refusal: Callable, results: Path) -> None:
    plain_run(results, BASE)
    store(results, msgspec.structs.replace(run_of(HEAD), schema=99), [])
    assert "has schema 99, this zoobench reads up to" in refusal("compare", BASE, HEAD, "--results", str(results))


def evidence(slowdown: float = 1.2) -> Evidence:
    """Six generations that screen two cases and nine that confirm the slower one; a third case fails on the head."""
    setup = ComparisonSetup(
        comparison_id="20260302T100000.000Z-compare",
        started_at="2026-03-02T10:00:00.000+00:00",
        command=("zoobench", "compare", "main"),
        kind=ComparisonKind.COMMITS,
        base=make_side(SideName.BASE),
        head=make_side(SideName.HEAD),
        rule=Rule(margin_ratio=0.05),
        seed=1,
    )
    cases = {net: make_case(net) for net in NETS}
    failure = Failure(kind=FailureKind.CRASH, message="killed by signal 11", where="forward")
    case_pairs = [
        CasePair(
            id=case.id, base_case=case, head_case=case, base=CaseFacts(exact={"parameters": 1.0}),
            head=CaseFacts(failure=failure) if net == "alexnet" else CaseFacts(exact={"parameters": 1.0}),
        )
        for net, case in cases.items()
    ]  # fmt: skip
    ratios = {"resnet18": slowdown, "mobilenet_v2": 1.0}
    replicates = [
        replicate(cases[net].id, Stage.SCREEN, generation, ratios[net]) for generation in range(6) for net in ratios
    ]
    replicates += [replicate(cases["resnet18"].id, Stage.CONFIRM, generation, slowdown) for generation in range(6, 15)]
    return Evidence(setup=setup, case_pairs=tuple(case_pairs), replicates=tuple(replicates))


def replicate(case_pair: str, stage: Stage, generation: int, ratio: float) -> Replicate:
    order = "ABBABAAB"
    noise = 1 + 0.001 * (generation % 5)
    blocks = [Block(samples=(0.01 * noise * (ratio if side == "B" else 1.0),) * 3) for side in order]
    return Replicate(case_pair=case_pair, stage=stage, generation=generation, order=order, blocks=tuple(blocks))


@pytest.fixture
def setup(results: Path) -> Path:
    """An experiment's folder as `zoobench.compare.journal` writes it, without a result."""
    seen = evidence()
    folder = results / seen.setup.comparison_id
    folder.mkdir(parents=True)
    (folder / EXPERIMENT_FILE).write_bytes(msgspec.json.encode(seen.setup))
    lines = [
        *(JournalLine(case_pair=each) for each in seen.case_pairs),
        *(JournalLine(replicate=each) for each in seen.replicates),
    ]
    (folder / JOURNAL_FILE).write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    return folder


def test_a_replay_comes_to_the_stored_verdicts(program: Callable, setup: Path) -> None:
    write_document(decide(evidence()), setup)
    before = (setup / "compare.json").read_bytes()
    outcome = program("compare", "--replay", setup.name, "--results", str(setup.parent))
    assert (outcome.code, outcome.err) == (1, "")
    assert outcome.out.endswith(f"the same verdicts as in {setup / 'compare.json'}\n")
    assert (setup / "compare.json").read_bytes() == before
    assert not (setup / "compare.md").exists()


def test_a_replay_that_comes_to_other_verdicts_says_which(program: Callable, setup: Path) -> None:
    write_document(decide(evidence(slowdown=1.0)), setup)
    outcome = program("compare", "--replay", setup.name, "--results", str(setup.parent))
    assert outcome.code == 3
    first, last = outcome.err.splitlines()
    assert first == f"zoobench: {make_case('resnet18').id}: stored same, now slower"
    assert last.startswith(f"zoobench: not the verdicts that are stored in {setup / 'compare.json'}: ")


def test_a_replay_of_an_unfinished_experiment_writes_its_result(program: Callable, setup: Path) -> None:
    outcome = program("compare", "--replay", setup.name, "--results", str(setup.parent))
    assert outcome.code == 1
    assert "the experiment was not finished" in outcome.out
    assert load_comparison(setup / "compare.json") == decide(evidence())


def test_a_replay_under_another_rule_is_held_against_nothing(program: Callable, setup: Path) -> None:
    write_document(decide(evidence()), setup)
    arguments = ("--replay", setup.name, "--results", str(setup.parent), "--margin", "30%")
    outcome = program("compare", *arguments)
    assert "decided by another rule than the experiment's" in outcome.out
    assert "the same verdicts" not in outcome.out


WHAT_IS_IMPORTED = """
import json, sys
from zoobench.cli import main

sys.argv = ["zoobench", *json.loads(sys.argv[1])]
try:
    main()
except SystemExit as ended:
    print(json.dumps([ended.code, sorted({"torch", "pandas", "scipy", "matplotlib", "pytest"} & set(sys.modules))]))
"""


def test_stored_runs_are_compared_without_torch_and_where_nothing_is_drawn_without_matplotlib(results: Path) -> None:
    plain_run(results, BASE)
    plain_run(results, HEAD)
    arguments = msgspec.json.encode(["compare", BASE, HEAD, "--results", str(results)]).decode()
    done = subprocess.run(
        [sys.executable, "-c", WHAT_IS_IMPORTED, arguments], env=os.environ, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-1] == "[0, []]"


def test_an_experiment_is_replayed_and_drawn_without_torch(setup: Path) -> None:
    arguments = msgspec.json.encode(["compare", "--replay", setup.name, "--results", str(setup.parent)])
    done = subprocess.run(
        [sys.executable, "-c", WHAT_IS_IMPORTED, arguments.decode()], capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-1] == '[1, ["matplotlib"]]'
