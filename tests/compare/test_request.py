from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from synthetic import make_case

from zoobench.cases import BadInputError, Compiler, ModelRef, UnknownNameError
from zoobench.compare.request import ComparisonRequest, SideRequest, parse_request
from zoobench.records.comparison import ComparisonKind

EAGER, INDUCTOR = make_case(), make_case(compiler=Compiler.INDUCTOR)
RUN, OTHER_RUN, THIRD_RUN = "20260101T000000.000Z", "20260102T000000.000Z-quick", "20260103T000000.000Z"
HERE = SideRequest()


def at(revision: str) -> SideRequest:
    return SideRequest(revision=revision)


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """Another environment's interpreter: a link, as in every virtual environment."""
    path = tmp_path / "bin" / "python"
    path.parent.mkdir()
    path.symlink_to(sys.executable)
    return path


@pytest.mark.parametrize(
    ("sides", "kind", "base", "head"),
    [
        (["main..topic"], ComparisonKind.COMMITS, at("main"), at("topic")),
        (["HEAD~3..v1.0"], ComparisonKind.COMMITS, at("HEAD~3"), at("v1.0")),
        (["main"], ComparisonKind.COMMITS, at("main"), HERE),
        ([RUN, OTHER_RUN], ComparisonKind.RUNS, SideRequest(runs=(RUN,)), SideRequest(runs=(OTHER_RUN,))),
        (
            [f"{RUN},{OTHER_RUN}", THIRD_RUN],
            ComparisonKind.RUNS,
            SideRequest(runs=(RUN, OTHER_RUN)),
            SideRequest(runs=(THIRD_RUN,)),
        ),
    ],
)
def test_the_arguments_say_what_is_on_the_sides(
    sides: list[str], kind: ComparisonKind, base: SideRequest, head: SideRequest
) -> None:
    assert parse_request(sides) == ComparisonRequest(kind=kind, base=base, head=head)


def test_the_same_commit_can_be_asked_for_on_both_sides() -> None:
    assert parse_request([], aa="v1.0") == ComparisonRequest(kind=ComparisonKind.SAME, base=at("v1.0"), head=at("v1.0"))


@pytest.mark.parametrize(("sides", "side"), [([], HERE), (["v1.0"], at("v1.0"))])
def test_two_cases_are_of_one_commit_or_of_the_working_tree(sides: list[str], side: SideRequest) -> None:
    request = parse_request(sides, cases=[EAGER.id, INDUCTOR.id])
    assert request.kind is ComparisonKind.CASES
    assert (request.base.case, request.head.case) == (EAGER, INDUCTOR)
    assert (request.base.revision, request.head.revision) == (side.revision, side.revision)


def test_two_models_can_be_compared_if_a_call_is_of_the_same_pictures() -> None:
    other = make_case(model=ModelRef("import", "package.module:factory"))
    assert parse_request([], cases=[EAGER.id, other.id]).head.case == other


def test_an_environment_is_given_by_its_interpreter_and_links_are_kept(python: Path) -> None:
    request = parse_request([], base_python=str(python))
    assert request == ComparisonRequest(kind=ComparisonKind.ENVIRONMENTS, base=SideRequest(python=python), head=HERE)
    assert request.base.python is not None
    assert request.base.python.is_symlink()


def test_an_interpreter_is_found_as_a_shell_finds_it(python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(python.parent), prepend=os.pathsep)
    monkeypatch.chdir(python.parent.parent)
    assert parse_request(["main"], base_python="python").base.python == python
    assert parse_request(["main"], base_python="bin/python").base.python == python


def test_one_commit_in_two_environments_is_a_comparison_of_environments(python: Path) -> None:
    request = parse_request(["v1..v1"], base_python=str(python), head_python=sys.executable)
    assert (request.kind, request.base.revision, request.head.revision) == (ComparisonKind.ENVIRONMENTS, "v1", "v1")


def test_two_commits_each_in_its_environment_are_a_comparison_of_commits(python: Path) -> None:
    request = parse_request(["v1..v2"], base_python=str(python))
    assert request.kind is ComparisonKind.COMMITS
    assert (request.base.python, request.head.python) == (python, None)


def test_this_interpreter_may_be_named_for_a_side_whose_code_differs() -> None:
    assert parse_request(["v1..v2"], base_python=sys.executable).base.python == Path(sys.executable)


@pytest.mark.parametrize(
    ("side", "text"),
    [
        (HERE, "working tree"),
        (at("main"), "main"),
        (SideRequest(runs=(RUN, OTHER_RUN)), f"{RUN},{OTHER_RUN}"),
    ],
)
def test_a_side_is_called_what_the_user_called_it(side: SideRequest, text: str) -> None:
    assert side.asked == text


FORMS = "name BASE..HEAD, BASE alone against the working tree, --aa COMMIT, or two stored runs"


@pytest.mark.parametrize(
    ("sides", "options", "message"),
    [
        ([], {}, f"there is nothing to compare: {FORMS}"),
        (["main", "topic"], {}, "main topic are two revisions: write main..topic"),
        (["a..b", "c"], {}, f"a..b c is too much: {FORMS}"),
        (["a", "b", "c"], {}, f"a b c is too much: {FORMS}"),
        (
            ["main...topic"],
            {},
            (
                "main...topic would compare with where the two parted: write main..topic, or name that commit, which "
                "`git merge-base main topic` prints"
            ),
        ),
        (
            ["main.."],
            {},
            "main.. is not BASE..HEAD: name one of each, or BASE alone against the working tree",
        ),
        (["..topic"], {}, "..topic is not BASE..HEAD: name one of each, or BASE alone against the working tree"),
        ([".."], {}, ".. is not BASE..HEAD: name one of each, or BASE alone against the working tree"),
        (["a..b..c"], {}, "a..b..c is not BASE..HEAD: name one of each, or BASE alone against the working tree"),
        (["main..main"], {}, "both sides are main: --aa main does that on purpose"),
        (["^main"], {}, "'^main' is no revision: name a commit, branch or tag"),
        (["--all"], {}, "'--all' is no revision: name a commit, branch or tag"),
        ([""], {}, "'' is no revision: name a commit, branch or tag"),
        (["main"], {"aa": "v1"}, "--aa v1 has the same commit on both sides: leave out main"),
        (
            ["main"],
            {"aa": "v1", "base_python": "python", "cases": ["x"]},
            "--aa v1 has the same commit on both sides: leave out main and --base-python and --case",
        ),
        ([], {"aa": "v1..v2"}, "--aa takes one commit, for both sides, not v1..v2: --aa v2"),
        ([RUN], {}, "two stored runs can be compared, not 1: RUN RUN, or RUN,RUN RUN,RUN"),
        ([RUN, OTHER_RUN, THIRD_RUN], {}, "two stored runs can be compared, not 3: RUN RUN, or RUN,RUN RUN,RUN"),
        ([RUN, RUN], {}, f"run {RUN} is on both sides: a run cannot be compared with itself"),
        (
            [f"{RUN},{OTHER_RUN}", OTHER_RUN],
            {},
            f"run {OTHER_RUN} is on both sides: a run cannot be compared with itself",
        ),
        ([RUN, "main"], {}, "main is no run's id: compare two stored runs, or measure BASE..HEAD"),
        ([RUN, OTHER_RUN], {"head_python": "x"}, "stored runs are measured already: leave out --head-python"),
        ([RUN, OTHER_RUN], {"cases": ["x"]}, "stored runs are measured already: leave out --case"),
        ([], {"cases": [EAGER.id]}, "--case is given twice, base first, not once: --case A --case B"),
        ([], {"cases": ["a", "b", "c"]}, "--case is given twice, base first, not 3 times: --case A --case B"),
        (
            ["a..b"],
            {"cases": [EAGER.id, INDUCTOR.id]},
            "two cases are compared on one commit, not on a..b: COMMIT, or nothing",
        ),
        (
            [],
            {"cases": [EAGER.id, INDUCTOR.id], "head_python": "python"},
            "two cases are compared in one environment: leave out --head-python",
        ),
        (
            [],
            {"cases": [EAGER.id, EAGER.id]},
            f"--case names {EAGER.id} twice: to compare a commit with itself, use --aa COMMIT",
        ),
        (
            [],
            {"cases": [EAGER.id, make_case(batch=8).id]},
            "the two cases differ in batch size (1, 8): it must be the same",
        ),
        (
            [],
            {"cases": [EAGER.id, make_case(image_size=192).id]},
            "the two cases differ in image size (224, 192): it must be the same",
        ),
        (
            [],
            {"base_python": sys.executable},
            "both sides are the working tree: --aa HEAD does that on purpose",
        ),
        (
            ["main"],
            {"base_python": "/no/such/python"},
            "--base-python /no/such/python does not exist: name a Python interpreter, such as .venv/bin/python",
        ),
        (
            ["main"],
            {"head_python": __file__},
            f"--head-python {__file__} cannot be executed: name a Python interpreter, such as .venv/bin/python",
        ),
        (
            ["main"],
            {"head_python": "/tmp"},
            "--head-python /tmp is a folder: name the interpreter in it, such as /tmp/bin/python",
        ),
    ],
)
def test_what_means_nothing_is_refused_with_what_was_meant(
    sides: list[str], options: dict[str, object], message: str
) -> None:
    with pytest.raises(BadInputError) as raised:
        parse_request(sides, **options)
    assert str(raised.value) == message


def test_a_mistake_within_a_case_is_named() -> None:
    with pytest.raises(UnknownNameError, match=re.escape("unknown compiler 'inducktor': did you mean inductor?")):
        parse_request([], cases=[EAGER.id, INDUCTOR.id.replace("inductor", "inducktor")])


def test_the_shell_and_the_request_agree_on_what_python_is() -> None:
    found = shutil.which("python3")
    assert found is not None
    assert parse_request(["main"], head_python="python3").head.python == Path(found)
