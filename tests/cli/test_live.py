"""The command line around an experiment; what is measured is fabricated, what is decided and written is real."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from contested import make_control, make_evidence, make_experiment, make_side

from zoobench.cases import DeviceFacts, parse_case_id, plans
from zoobench.cli import live
from zoobench.compare import comparison, spec
from zoobench.compare.comparison import MeasuredComparison
from zoobench.compare.journal import EXPERIMENT_FILE
from zoobench.compare.request import WORKING_TREE
from zoobench.compare.spec import AskedPair, ComparisonSpec, Injection
from zoobench.records.comparison import ComparisonKind, Evidence, GenerationPlan, SideName, Stage, load_comparison

ID = "20260301T090000.000Z-compare"
CONTIGUOUS = "torchvision:alexnet/infer/b1/224/fp32/cpu/contiguous/eager/t2/retained"
CHANNELS_LAST = "torchvision:alexnet/infer/b1/224/fp32/cpu/channels_last/eager/t2/retained"
PLAN = GenerationPlan(
    cases=2, screen_generations=6, confirm_generations=8, blocks=16, block_s=0.01, expected_s=60.0, spread_ratio=0.02,
    smallest_ratio=0.04,
)  # fmt: skip


class Bench:
    """Stands where two sides are measured, and remembers what it was asked for."""

    def __init__(self, results: Path) -> None:
        self.results = results
        self.evidence: Evidence = make_evidence({"resnet18": 1.0, "alexnet": 1.0})
        self.asked: list[Any] = []
        self.spec: ComparisonSpec
        self.label = ""
        self.is_interrupted = False
        self.told: list[spec.Event] = []

    def compare(
        self, request: Any, spec: ComparisonSpec, *, results: Path, label: str, emit: Any
    ) -> MeasuredComparison:
        self.asked.append(request)
        self.spec, self.label = spec, label
        return self._conducted(results / ID, emit)

    def resume(self, folder: Path, request: Any, *, budget_s: float, emit: Any) -> MeasuredComparison:
        self.asked.append((request, budget_s))
        return self._conducted(folder, emit)

    def _conducted(self, folder: Path, emit: Any) -> MeasuredComparison:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / EXPERIMENT_FILE).write_bytes(msgspec.json.encode(self.evidence.setup))
        for event in self.told:
            emit(event)
        if self.is_interrupted:
            raise KeyboardInterrupt
        return MeasuredComparison(folder, self.evidence)


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(tmp_path / "results")
    monkeypatch.setattr(comparison, "compare_sides", made.compare)
    monkeypatch.setattr(comparison, "resume_sides", made.resume)
    facts = DeviceFacts(name="cpu", is_available=True, model="Test CPU", precisions=("fp32",))
    monkeypatch.setattr(live, "_facts_of", lambda _: facts)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return made


def test_nothing_slower_is_0_and_everything_is_written_beside_the_journal(program: Callable, bench: Bench) -> None:
    outcome = program("compare", "HEAD~1..HEAD")

    assert outcome.code == 0
    folder = Path("results") / ID
    assert load_comparison(folder / "compare.json").comparison_id == bench.evidence.setup.comparison_id
    assert {"compare.md", "junit.xml", "forest.png"} <= {path.name for path in folder.iterdir()}
    assert (bench.asked[0].base.revision, bench.asked[0].head.revision) == ("HEAD~1", "HEAD")
    assert bench.label == "compare"


def test_half_as_long_again_is_1(program: Callable, bench: Bench) -> None:
    bench.evidence = make_evidence({"resnet18": 1.5, "alexnet": 1.0})
    outcome = program("compare", "HEAD~1..HEAD", "--out", "elsewhere")
    assert outcome.code == 1
    assert "resnet18" in outcome.out
    assert load_comparison(Path("elsewhere") / "compare.json").exit == 1


def test_without_options_it_is_the_quick_preset_for_ten_minutes_at_the_device_s_margin(
    program: Callable, bench: Bench
) -> None:
    program("compare", "HEAD~1")

    matrix, rule = bench.spec.matrix, bench.spec.rule
    assert matrix is not None
    assert (matrix.models, matrix.batch_sizes, matrix.device) == (plans.COMPARISON, (1,), "cpu")
    assert (rule.margin_ratio, rule.alpha, rule.is_strict) == (0.05, 0.05, False)
    assert bench.spec.budget_s == 600.0
    assert bench.spec.injection is None
    assert bench.asked[0].head.revision is None


def test_what_is_asked_for_reaches_the_experiment(program: Callable, bench: Bench) -> None:
    options = ["--models=lenet5", "--batch-sizes=1,8", "--margin=2%", "--alpha=0.01", "--strict", "--minutes=0.5"]
    program("compare", "--aa", "HEAD", *options, "--seed=7", "--label=nightly", "--inject=5", "--inject-share=100%")

    asked = bench.spec
    assert (asked.kind, asked.seed, asked.budget_s, bench.label) == (ComparisonKind.SAME, 7, 30.0, "nightly")
    assert asked.matrix is not None
    assert (asked.matrix.models, asked.matrix.batch_sizes) == (("lenet5",), (1, 8))
    assert (asked.rule.margin_ratio, asked.rule.alpha, asked.rule.is_strict) == (0.02, 0.01, True)
    assert asked.injection == Injection(ratio=0.05, share=1.0)


def test_the_project_s_own_table_says_which_cases_unless_options_do(program: Callable, bench: Bench) -> None:
    Path("pyproject.toml").write_text('[tool.zoobench]\nmodels = "alexnet"\nbatch_sizes = [4]\nlabel = "x"\n')
    program("compare", "HEAD~1", "--batch-sizes=2")
    assert bench.spec.matrix is not None
    assert (bench.spec.matrix.models, bench.spec.matrix.batch_sizes) == (("alexnet",), (2,))
    assert bench.label == "compare"


def test_two_cases_are_one_contest(program: Callable, bench: Bench) -> None:
    program("compare", "--case", CONTIGUOUS, "--case", CHANNELS_LAST)
    (pair,) = bench.spec.pairs
    assert pair == AskedPair(base=parse_case_id(CONTIGUOUS), head=parse_case_id(CHANNELS_LAST))
    assert (bench.spec.kind, bench.spec.matrix) == (ComparisonKind.CASES, None)


def test_every_experiment_has_a_seed_of_its_own(program: Callable, bench: Bench) -> None:
    seeds = set()
    for _ in range(3):
        program("compare", "HEAD~1")
        seeds.add(bench.spec.seed)
    assert len(seeds) == 3


@pytest.mark.parametrize(("text", "ratio"), [("5", 0.05), ("5%", 0.05), ("0.05", 0.05), ("2.5", 0.025)])
def test_an_injection_is_in_percent_or_a_ratio(text: str, ratio: float) -> None:
    assert live.parse_injection(text, "50%") == Injection(ratio=pytest.approx(ratio), share=0.5)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("HEAD~1", "--minutes", "soon"), "minutes 'soon' is not a number of minutes"),
        (("HEAD~1", "--minutes", "0"), "minutes 0 is out of range"),
        (("HEAD~1", "--inject", "much"), "inject 'much' is not a ratio"),
        (("HEAD~1", "--inject", "5", "--inject-share", "0"), "inject-share 0 is out of range"),
        (("HEAD~1", "--precisions", "bf16"), "Test CPU has no precision bf16: it has fp32"),
        (("HEAD~1", "--preset", "slow"), "unknown preset 'slow'"),
        (("HEAD~1", "--resume", ID), f"--resume {ID} takes no sides: leave out HEAD~1"),
        (("--resume", ID, "--replay", ID), f"--replay {ID} takes no sides: leave out --resume {ID}"),
        (("--resume", ID), f"unknown comparison '{ID}': known: none"),
    ],
)
def test_a_mistake_is_one_line(refusal: Callable, bench: Bench, arguments: tuple[str, ...], reason: str) -> None:
    assert refusal("compare", *arguments).startswith(reason)
    assert bench.asked == []


def test_ctrl_c_says_how_to_go_on(program: Callable, bench: Bench) -> None:
    bench.is_interrupted = True
    outcome = program("compare", "HEAD~1")
    assert outcome.code == 130
    assert f"zoobench: stopped; `zoobench compare --resume {ID}` goes on\n" in outcome.err
    assert "Traceback" not in outcome.err


def test_a_resumed_experiment_has_the_sides_that_it_had(
    program: Callable, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, head = (
        make_side(SideName.BASE, commit="a" * 40),
        make_side(SideName.HEAD, asked=WORKING_TREE, commit="b" * 40),
    )
    bench.evidence = make_evidence({"resnet18": 1.5}, setup=make_experiment(base=base, head=head))
    bench.is_interrupted = True
    program("compare", "HEAD~1")
    bench.is_interrupted = False
    monkeypatch.setattr("zoobench.compare.journal.load_spec", lambda _: bench.spec)

    assert program("compare", "--resume", ID, "--minutes", "2").code == 1
    request, budget_s = bench.asked[-1]
    assert (request.kind, request.base.revision, request.head.revision, budget_s) == (
        ComparisonKind.COMMITS, "a" * 40, None, 120.0,
    )  # fmt: skip


def test_resumed_environments_have_their_interpreters(
    program: Callable, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    sides = {name: make_side(name, asked=WORKING_TREE) for name in SideName}
    setup = make_experiment(kind=ComparisonKind.ENVIRONMENTS, base=sides[SideName.BASE], head=sides[SideName.HEAD])
    bench.evidence = make_evidence({"resnet18": 1.0}, setup=setup)
    other = Path("python")
    other.symlink_to(sys.executable)
    program("compare", "--base-python", str(other.absolute()))
    monkeypatch.setattr("zoobench.compare.journal.load_spec", lambda _: bench.spec)

    assert program("compare", "--resume", ID).code == 0
    (resumed, _), asked = bench.asked[-1], bench.asked[0]
    assert resumed == asked
    assert (resumed.kind, resumed.base.python, resumed.head.python) == (
        ComparisonKind.ENVIRONMENTS,
        other.absolute(),
        None,
    )


def test_it_tells_each_case_the_plan_each_generation_and_notes(program: Callable, bench: Bench) -> None:
    case_pair = bench.evidence.case_pairs[0]
    bench.told = [
        spec.PairPrepared(case_pair=case_pair),
        spec.PairPrepared(case_pair=make_control()),
        spec.Planned(plan=PLAN),
        spec.Began(stage=Stage.SCREEN, generation=1, case_pairs=3),
        spec.Noted(text="the time was up"),
    ]
    lines = program("compare", "HEAD~1").err.splitlines()
    assert lines[0] == f"{case_pair.id}: base 10.0 ms, head 10.0 ms"
    assert lines[2].startswith("2 cases, 6 generations of 16 blocks to screen them and 8 to confirm suspects")
    assert lines[3:] == ["screen, generation 1: 3 cases and controls", "note: the time was up"]
