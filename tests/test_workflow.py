"""The gate of this project's pull requests, and the one that README gives to others."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from zoobench.cli import app
from zoobench.compare.request import parse_request
from zoobench.records.comparison import ComparisonKind

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "compare.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
WORKFLOWS = {
    "ours": (ROOT / ".github" / "workflows" / "compare.yml").read_text(encoding="utf-8"),
    "yours": re.findall(r"^```yaml\n(.*?)^```", README, re.DOTALL | re.MULTILINE)[0],
}
PROGRAM = ["python", "-m", "zoobench"]
COMMANDS: dict[str, Any] = vars(typer.main.get_command(app))["commands"]


@pytest.fixture(params=sorted(WORKFLOWS))
def text(request: pytest.FixtureRequest) -> str:
    return WORKFLOWS[request.param]


@pytest.fixture
def workflow(text: str) -> dict[str, Any]:
    """YAML reads `on` as true."""
    document: dict[Any, Any] = yaml.safe_load(text)
    return {"on" if key is True else key: value for key, value in document.items()}


@pytest.fixture
def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    [job] = workflow["jobs"].values()
    return job["steps"]


@pytest.fixture
def command(steps: list[dict[str, Any]]) -> list[str]:
    """Words behind `python -m zoobench`."""
    [line] = [step["run"] for step in steps if "zoobench compare" in step.get("run", "")]
    words = shlex.split(line)
    assert words[:3] == PROGRAM
    return words[3:]


def options_of(words: list[str]) -> set[str]:
    return {word.partition("=")[0] for word in words if word.startswith("--")}


def test_it_gates_pull_requests_and_may_only_read(workflow: dict[str, Any]) -> None:
    assert list(workflow["on"] if isinstance(workflow["on"], dict) else [workflow["on"]]) == ["pull_request"]
    assert workflow["permissions"] == {"contents": "read"}


def test_the_whole_history_is_there(steps: list[dict[str, Any]]) -> None:
    [checkout] = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    assert checkout["with"]["fetch-depth"] == 0


def test_actions_are_githubs_own_at_a_major_version(steps: list[dict[str, Any]]) -> None:
    used = [step["uses"] for step in steps if "uses" in step]
    assert used
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", action) for action in used)


def test_no_other_host_than_githubs_is_named(text: str) -> None:
    assert set(re.findall(r"https?://([^/\s]+)", text)) <= {"github.com"}


def test_the_sides_are_the_branch_and_the_merge_into_it(command: list[str]) -> None:
    request = parse_request([command[1]])
    assert (request.kind, request.base.asked, request.head.asked) == (ComparisonKind.COMMITS, "HEAD^1", "HEAD")


def test_ours_is_the_quick_preset_and_keeps_what_it_saw() -> None:
    steps = yaml.safe_load(WORKFLOWS["ours"])["jobs"]["compare"]["steps"]
    [line] = [step["run"] for step in steps if "zoobench compare" in step.get("run", "")]
    assert shlex.split(line)[5:] == ["--preset", "quick", "--minutes", "10"]
    assert [step.get("if") for step in steps if "upload-artifact" in step.get("uses", "")] == ["always()"]


def test_what_is_given_to_others_is_ten_lines() -> None:
    assert len(WORKFLOWS["yours"].splitlines()) == 10


def test_every_option_is_one_of_the_commands(command: list[str]) -> None:
    known = {option for parameter in COMMANDS["compare"].params for option in parameter.opts}
    assert options_of(command) <= known


def test_the_page_names_no_option_that_is_not_there() -> None:
    known = {option for name in ("compare", "bisect") for each in COMMANDS[name].params for option in each.opts}
    of_ours = set(re.findall(r"(?<=[`\s])--(?!benchmark-)[a-z][a-z-]+", PAGE))
    assert of_ours <= known
