"""The command line around a bisection, on a real repository; which commit is slow is fabricated."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contested import make_evidence

from zoobench.compare.comparison import MeasuredComparison
from zoobench.records.comparison import ComparisonKind

CASE = "torchvision:resnet18/infer/b1/224/fp32/cpu/contiguous/eager/t2/retained"
COMMITS = 9


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A. User", "-c", "user.email=user@example.org"]
    done = subprocess.run(["git", "-C", str(folder), *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    made = []
    for number in range(COMMITS):
        git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", f"change {number}")
        made.append(git(tmp_path, "rev-parse", "HEAD"))
    monkeypatch.chdir(tmp_path)
    return made


@pytest.fixture
def slow_from(commits: list[str], monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[Any]]:
    """From that commit on, a call takes half as long again; what was asked for comes back."""

    def begin(first: int) -> list[Any]:
        asked: list[Any] = []

        def measure(request: Any) -> MeasuredComparison:
            asked.append(request)
            places = (commits.index(side.revision) for side in (request.sides.base, request.sides.head))
            base, head = (1.5 if place >= first else 1.0 for place in places)
            return MeasuredComparison(Path(), make_evidence({"resnet18": head / base}))

        # by its name in sys.modules: the package has a function of that name
        monkeypatch.setattr(sys.modules["zoobench.cli.bisect"], "measure_live", measure)
        return asked

    return begin


@pytest.mark.parametrize("first", range(1, COMMITS))
def test_the_commit_is_found_named_and_confirmed_against_its_parent(
    program: Callable, slow_from: Callable, commits: list[str], first: int
) -> None:
    asked = slow_from(first)
    outcome = program("bisect", commits[0], "main", "--case", CASE, "--minutes", "0.5", "--margin", "2%")

    assert outcome.code == 0
    assert f"{commits[first][:7]} A. User, " in outcome.out
    assert f": change {first}\n" in outcome.out
    assert outcome.out.endswith("confirmed: slower against its parent\n")
    assert (asked[-1].sides.base.revision, asked[-1].sides.head.revision) == (commits[first - 1], commits[first])
    assert {request.sides.base.revision for request in asked[:-1]} == {commits[0]}
    assert {(request.sides.kind, request.label, request.budget_s) for request in asked} == {
        (ComparisonKind.COMMITS, "bisect", 30.0)
    }
    assert {request.sides.head.case.id for request in asked} == {CASE}
    assert {request.rule.margin_ratio for request in asked} == {0.02}


def test_nothing_found_is_3(program: Callable, slow_from: Callable, commits: list[str]) -> None:
    slow_from(COMMITS)
    outcome = program("bisect", commits[0], commits[-1], "--case", CASE)
    assert outcome.code == 3
    assert outcome.out.endswith("nothing found: BAD is not worse than GOOD: it is same\n")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("nowhere", "main"), "unknown revision 'nowhere'"),
        (("main", "main~1"), "is not an ancestor of"),
        (("main~1", "main", "--minutes", "-1"), "minutes -1 is out of range"),
    ],
)
def test_a_mistake_is_one_line(refusal: Callable, commits: list[str], arguments: tuple[str, ...], reason: str) -> None:
    assert reason in refusal("bisect", *arguments, "--case", CASE)


def test_a_case_must_be_one(refusal: Callable, commits: list[str]) -> None:
    assert "resnet18" in refusal("bisect", "main~1", "main", "--case", "resnet18")
