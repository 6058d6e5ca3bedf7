from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoobench.cases import BadInputError, IdentityError
from zoobench.compare.checkouts import Checkout
from zoobench.compare.environments import check_dependencies, dependency_differences
from zoobench.compare.request import ComparisonRequest, parse_request
from zoobench.records.comparison import SideName

PROJECT = """
[project]
requires-python = ">=3.11"
dependencies = [{dependencies}]
[project.optional-dependencies]
dev = [{extras}]
[dependency-groups]
test = [{group}]
"""


def project(dependencies: str = "", extras: str = "", group: str = "") -> dict[str, str]:
    return {"pyproject.toml": PROJECT.format(dependencies=dependencies, extras=extras, group=group)}


def differences(tmp_path: Path, base: Mapping[str, str], head: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    for name, files in (("base", base), ("head", head)):
        (tmp_path / name).mkdir()
        for file, text in files.items():
            path = tmp_path / name / file
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    found = dependency_differences(tmp_path / "base", tmp_path / "head")
    return {each.fact: (each.base, each.head) for each in found}


LOCK = """
version = 1
[[package]]
name = "acme"
version = "{own}"
source = {{ editable = "." }}
[[package]]
name = "torch"
version = "{torch}"
source = {{ registry = "somewhere" }}
[[package]]
name = "numpy"
version = "2.4"
"""


@pytest.mark.parametrize(
    ("base", "head", "expected"),
    [
        ({}, {}, {}),
        (project('"torch>=2.9"'), project('"torch>=2.9"'), {}),
        (
            project('"torch>=2.9"'),
            project('"torch>=2.10"'),
            {"pyproject.toml: torch": (">=2.9", ">=2.10")},
        ),
        (project('"torch"'), project(), {"pyproject.toml: torch": ("any version", "nothing")}),
        (
            project('"a; python_version<\'3\'", "a>1"'),
            project('"a>1"'),
            {"pyproject.toml: a": (";python_version<'3' and >1", ">1")},
        ),
        (project(extras='"ruff"'), project(extras='"mypy"'), {}),
        (
            project(group='"pytest>8"'),
            project(group='"pytest>9"'),
            {"pyproject.toml: group test: pytest": (">8", ">9")},
        ),
        (
            project(),
            {"pyproject.toml": '[project]\nrequires-python = ">=3.12"'},
            {"pyproject.toml: requires-python": (">=3.11", ">=3.12")},
        ),
        (
            {"requirements.txt": "torch==2.9\nnumpy\n"},
            {"requirements.txt": "torch==2.10\nnumpy\n"},
            {"requirements.txt: torch": ("==2.9", "==2.10")},
        ),
        (
            {"constraints-gpu.txt": "torch==2.9"},
            {},
            {"constraints-gpu.txt: torch": ("==2.9", "nothing")},
        ),
        (
            {"requirements/base.txt": "torch==2.9"},
            {"requirements/base.txt": "torch==2.10"},
            {"requirements/base.txt: torch": ("==2.9", "==2.10")},
        ),
        (
            {"requirements.txt": "-r base.txt"},
            {"requirements.txt": "-r other.txt"},
            {
                "requirements.txt: -r base.txt": ("any version", "nothing"),
                "requirements.txt: -r other.txt": ("nothing", "any version"),
            },
        ),
        (
            {"requirements.txt": "torch==2.9 \\\n    --hash=sha256:1"},
            {"requirements.txt": "torch==2.9 \\\n    --hash=sha256:2"},
            {"requirements.txt: torch": ("==2.9--hash=sha256:1", "==2.9--hash=sha256:2")},
        ),
        (
            {"uv.lock": LOCK.format(own="1", torch="2.9")},
            {"uv.lock": LOCK.format(own="2", torch="2.10")},
            {"uv.lock: torch": ("2.9", "2.10")},
        ),
        ({"poetry.lock": LOCK.format(own="1", torch="2.9")}, {"poetry.lock": LOCK.format(own="2", torch="2.9")}, {}),
    ],
    ids=[
        "no project", "the same", "a version", "a package", "conditions", "extras", "a group", "the Python",
        "requirements", "constraints", "a folder of requirements", "another file", "hashes", "a lock",
        "the project's own version",
    ],
)  # fmt: skip
def test_what_differs_is_told_by_file_and_name(
    tmp_path: Path, base: dict[str, str], head: dict[str, str], expected: dict[str, tuple[str, str]]
) -> None:
    assert differences(tmp_path, base, head) == expected


names = st.text("ab_-.", min_size=1, max_size=3).map(lambda text: f"x{text}x")
requirements = st.dictionaries(
    names.map(lambda name: name.replace("_", "-").replace(".", "-")), st.sampled_from(["", ">1", "==2"])
)


@given(requirements=requirements, data=st.data())
def test_order_case_spaces_and_comments_say_nothing(
    tmp_path_factory: pytest.TempPathFactory, requirements: dict[str, str], data: st.DataObject
) -> None:
    lines = [f"{name}{version}" for name, version in requirements.items()]
    shuffled = data.draw(st.permutations(lines))
    disguised = [
        line.upper().replace("-", "_").replace(">", " >= ").replace(">= ", "> ") + "  # why" for line in shuffled
    ]
    before, after = "\n".join(lines), "# a comment\n\n" + "\n".join(disguised)
    assert (
        differences(tmp_path_factory.mktemp("sides"), {"requirements.txt": before}, {"requirements.txt": after}) == {}
    )


@pytest.mark.parametrize("name", ["pyproject.toml", "uv.lock"])
def test_a_file_with_a_syntax_error_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInputError, match=rf"/head/{name} cannot be read: "):
        differences(tmp_path, {}, {name: "[project"})


def sides(tmp_path: Path) -> tuple[Checkout, Checkout]:
    """The head asks for a newer torch, and for four packages more."""
    added = "".join(f'"new{number}", ' for number in range(4))
    differences(tmp_path, project('"torch>=2.9"'), project(f'{added}"torch>=2.10"'))
    base, head = (
        Checkout(name=name, asked=asked, folder=tmp_path / name, python=Path(sys.executable))
        for name, asked in ((SideName.BASE, "v1"), (SideName.HEAD, "main"))
    )
    return base, head


def test_one_environment_for_different_dependencies_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IdentityError) as raised:
        check_dependencies(parse_request(["v1..main"]), *sides(tmp_path))
    assert str(raised.value) == (
        "the sides ask for different dependencies (pyproject.toml: torch >=2.9 against >=2.10; "
        "pyproject.toml: new0 nothing against any version; pyproject.toml: new1 nothing against any version; "
        "and 2 more): make an environment for v1 and name its interpreter with --base-python, or name "
        f"{sys.executable} if this one serves both"
    )


@pytest.mark.parametrize(
    "request_",
    [
        parse_request(["v1..main"], base_python=sys.executable),
        parse_request(["v1..main"], head_python=sys.executable),
    ],
    ids=["base", "head"],
)
def test_with_an_environment_given_the_differences_are_told(tmp_path: Path, request_: ComparisonRequest) -> None:
    found = check_dependencies(request_, *sides(tmp_path))
    assert [each.fact for each in found][:2] == ["pyproject.toml: torch", "pyproject.toml: new0"]
    assert not any(each.matters for each in found)
