"""What stands around an experiment, on a real repository; nothing is measured."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contested import RULE, make_evidence
from git_projects import GitProject

from zoobench.cases import BadInputError, IdentityError
from zoobench.compare import comparison
from zoobench.compare.checkouts import Checkout
from zoobench.compare.comparison import MeasuredComparison
from zoobench.compare.request import ComparisonRequest, parse_request
from zoobench.compare.spec import ComparisonSpec
from zoobench.records.comparison import ComparisonKind, SideName

ASSIGNMENT = ComparisonSpec(kind=ComparisonKind.COMMITS, rule=RULE, seed=1, budget_s=60.0)
Meanwhile = Callable[[Checkout, Checkout], object]


class Bench:
    """Stands where the experiment is conducted; `meanwhile` is what happens to the sides during it."""

    def __init__(self) -> None:
        self.meanwhile: Meanwhile = lambda base, head: None
        self.sides: list[Checkout] = []
        self.asked: dict[str, Any] = {}

    def conduct(self, base: Checkout, head: Checkout, spec: ComparisonSpec, **asked: Any) -> MeasuredComparison:
        return self._conducted(base, head, {"assignment": spec, **asked})

    def resume(self, folder: Path, base: Checkout, head: Checkout, **asked: Any) -> MeasuredComparison:
        return self._conducted(base, head, {"folder": folder, **asked})

    def _conducted(self, base: Checkout, head: Checkout, asked: dict[str, Any]) -> MeasuredComparison:
        self.sides, self.asked = [base, head], asked
        self.meanwhile(base, head)
        return MeasuredComparison(Path("results"), make_evidence({"resnet18": 1.0}))


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, project: GitProject) -> Bench:
    made = Bench()
    monkeypatch.setattr(comparison, "measure_comparison", made.conduct)
    monkeypatch.setattr(comparison, "resume", made.resume)
    monkeypatch.chdir(project.root)
    return made


def compare(request: ComparisonRequest) -> MeasuredComparison:
    return comparison.compare_sides(request, ASSIGNMENT, results=Path("results"), label="nightly")


def test_each_side_has_its_own_files_while_it_is_measured_and_they_are_gone_afterwards(bench: Bench) -> None:
    seen: list[str] = []
    bench.meanwhile = lambda *sides: seen.extend((side.folder / "acme/nets.py").read_text() for side in sides)
    measured_comparison = compare(parse_request(["v1..HEAD"]))

    assert seen == ["WIDTH = 1\n", "WIDTH = 2\n"]
    assert [side.folder.exists() for side in bench.sides] == [False, False]
    assert (bench.asked["assignment"], bench.asked["label"]) == (ASSIGNMENT, "nightly")
    assert measured_comparison.folder == Path("results")


def test_what_is_not_there_as_in_the_repository_goes_into_the_journal(bench: Bench, project: GitProject) -> None:
    project.commit({".gitattributes": "*.bin filter=lfs\n"}, "large files")
    compare(parse_request(["v1..HEAD"]))
    told = "head: files in Git LFS are left as pointers"
    assert [note for note in bench.asked["notes"] if note.startswith(told)]
    comparison.resume_sides(Path("results/stopped"), parse_request(["v1..HEAD"]), budget_s=30.0)
    assert [note for note in bench.asked["notes"] if note.startswith(told)]


def test_sides_that_ask_for_other_dependencies_are_refused_before_anything_is_measured(
    bench: Bench, project: GitProject
) -> None:
    project.commit({"requirements.txt": "torch>=2.14\n"}, "newer torch")
    with pytest.raises(IdentityError, match="different dependencies"):
        compare(parse_request(["v1..HEAD"]))
    assert bench.sides == []


def test_an_interpreter_that_cannot_run_a_side_is_refused_before_anything_is_measured(
    bench: Bench, tmp_path: Path
) -> None:
    old = tmp_path / "python"
    old.write_text('#!/bin/sh\necho \'{"version": "3.8.0", "packages": {}}\'\n', encoding="ascii")
    old.chmod(0o755)
    with pytest.raises(BadInputError, match=r"is Python 3\.8\.0: a side needs"):
        compare(parse_request([], base_python=str(old), head_python=sys.executable))
    assert bench.sides == []


@pytest.mark.parametrize("name", SideName)
def test_a_side_whose_files_changed_under_it_is_no_proof_of_anything(bench: Bench, name: SideName) -> None:
    def change(*sides: Checkout) -> None:
        (side,) = (side for side in sides if side.name is name)
        (side.folder / "acme/nets.py").write_text("WIDTH = 3\n", encoding="utf-8")

    bench.meanwhile = change
    with pytest.raises(IdentityError, match=f"files of {name} changed while it was measured"):
        compare(parse_request(["v1..HEAD"]))


def test_a_resumed_sitting_has_the_same_around_it(bench: Bench) -> None:
    request = parse_request(["v1..HEAD"])
    comparison.resume_sides(Path("results/stopped"), request, budget_s=30.0)
    assert (bench.asked["folder"], bench.asked["budget_s"]) == (Path("results/stopped"), 30.0)
    assert [side.asked for side in bench.sides] == ["v1", "HEAD"]

    bench.meanwhile = lambda base, _: (base.folder / "acme/nets.py").unlink()
    with pytest.raises(IdentityError, match="files of base changed"):
        comparison.resume_sides(Path("results/stopped"), request, budget_s=30.0)
