"""What GitHub reads: this project's workflows, the one that README gives to others, updates, and forms of issues."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import typer
import yaml

from zoobench.cli import app
from zoobench.compare.request import parse_request
from zoobench.records.comparison import ComparisonKind

ROOT: Final = Path(__file__).parents[1]
GITHUB: Final = ROOT / ".github"
PAGE: Final = (ROOT / "docs" / "compare.md").read_text(encoding="utf-8")
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE: Final = (ROOT / "Makefile").read_text(encoding="utf-8")
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

OURS: Final = {path.stem: path.read_text(encoding="utf-8") for path in sorted((GITHUB / "workflows").iterdir())}
YOURS: Final[str] = re.findall(r"^```yaml\n(.*?)^```", README, re.DOTALL | re.MULTILINE)[0]
ALL: Final = OURS | {"yours": YOURS}
GATES: Final = {"ours": OURS["compare"], "yours": YOURS}
FORMS: Final = sorted(path.stem for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")

ACTION: Final = re.compile(r"actions/[a-z-]+@v\d+|pypa/gh-action-pypi-publish@release/v\d+")
PROGRAM: Final = ["python", "-m", "zoobench"]
COMMANDS: Final[dict[str, Any]] = vars(typer.main.get_command(app))["commands"]


def read_workflow(text: str) -> dict[str, Any]:
    """YAML reads `on` as true."""
    document: dict[Any, Any] = yaml.safe_load(text)
    return {"on" if key is True else key: value for key, value in document.items()}


def read_yaml(*parts: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(GITHUB.joinpath(*parts).read_text(encoding="utf-8"))
    return document


def steps_of(workflow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (step for job in workflow["jobs"].values() for step in job.get("steps", ()))


def lines_of(job: dict[str, Any]) -> list[str]:
    """Every command line of the job."""
    return [line for step in job.get("steps", ()) for line in step.get("run", "").splitlines()]


def recipe_of(target: str) -> list[str]:
    """The command lines of a target of the Makefile."""
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert found is not None, target
    return [line.replace("$(BIN)", ".venv/bin").strip() for line in found[1].splitlines()]


class TestAll:
    """What holds of every workflow."""

    @pytest.fixture(params=sorted(ALL))
    def text(self, request: pytest.FixtureRequest) -> str:
        return ALL[request.param]

    @pytest.fixture
    def workflow(self, text: str) -> dict[str, Any]:
        return read_workflow(text)

    def test_it_may_only_read(self, workflow: dict[str, Any]) -> None:
        assert workflow["permissions"] == {"contents": "read"}

    def test_it_is_not_started_with_the_rights_of_the_repository_by_a_pull_request(
        self, workflow: dict[str, Any]
    ) -> None:
        events = set(workflow["on"] if isinstance(workflow["on"], dict) else [workflow["on"]])
        assert events <= {"pull_request", "push", "workflow_call", "workflow_dispatch"}

    def test_actions_are_pinned_at_a_major_version(self, workflow: dict[str, Any]) -> None:
        used = [step["uses"] for step in steps_of(workflow) if "uses" in step]
        assert used
        assert [action for action in used if not ACTION.fullmatch(action)] == []

    def test_called_workflows_are_here(self, workflow: dict[str, Any]) -> None:
        called = [job["uses"] for job in workflow["jobs"].values() if "uses" in job]
        assert [path for path in called if not (ROOT / path).is_file()] == []

    def test_no_other_host_than_githubs_is_named(self, text: str) -> None:
        assert set(re.findall(r"https?://([^/\s]+)", text)) <= {"github.com"}

    def test_no_secret_is_used(self, text: str) -> None:
        assert "secrets." not in text

    def test_no_expression_is_put_into_a_command(self, workflow: dict[str, Any]) -> None:
        """The name of a branch may hold shell code: what a command needs of GitHub comes by the environment."""
        assert [step["run"] for step in steps_of(workflow) if "${{" in step.get("run", "")] == []

    def test_every_command_of_zoobench_is_understood(self, workflow: dict[str, Any]) -> None:
        lines = (line for job in workflow["jobs"].values() for line in lines_of(job) if " -m zoobench " in line)
        for line in lines:
            name, *words = shlex.split(line.partition(" -m zoobench ")[2])
            known = {option for parameter in COMMANDS[name].params for option in parameter.opts} | {"--help"}
            assert options_of(words) <= known, line


class TestOurs:
    """What holds of the workflows of this project."""

    @pytest.fixture(params=sorted(OURS))
    def workflow(self, request: pytest.FixtureRequest) -> dict[str, Any]:
        return read_workflow(OURS[request.param])

    def test_every_job_ends(self, workflow: dict[str, Any]) -> None:
        """A job that calls a workflow has the limits of that workflow's jobs."""
        limits = [job.get("timeout-minutes") for job in workflow["jobs"].values() if "uses" not in job]
        assert all(isinstance(limit, int) and limit <= 90 for limit in limits)

    def test_one_commit_is_not_tested_twice_at_a_time(self, workflow: dict[str, Any]) -> None:
        assert "${{ github.ref }}" in workflow["concurrency"]["group"]

    def test_checkouts_keep_no_credentials(self, workflow: dict[str, Any]) -> None:
        checkouts = [step for step in steps_of(workflow) if step.get("uses", "").startswith("actions/checkout@")]
        assert all(step["with"]["persist-credentials"] is False for step in checkouts)

    def test_targets_of_make_exist(self, workflow: dict[str, Any]) -> None:
        targets = set(re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE)) | {".venv/.ready"}
        lines = (line for job in workflow["jobs"].values() for line in lines_of(job))
        assert {line.removeprefix("make ") for line in lines if line.startswith("make ")} <= targets


class TestTests:
    """`test.yml` asks of a change what a developer's own commands ask."""

    JOBS: Final = read_workflow(OURS["test"])["jobs"]

    def test_lint_and_types_are_make_lint(self) -> None:
        lines = [line for name in ("lint", "types") for line in lines_of(self.JOBS[name])]
        asked = [line.removeprefix(".venv/bin/") for line in recipe_of("lint")]
        assert [word for line in lines if (word := line.removeprefix(".venv/bin/")) in asked] == asked

    def test_it_makes_what_a_change_must_pass_and_the_coverage_once(self) -> None:
        wanted = re.findall(r"^make ([a-z0-9-]+)$", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)
        made = {name: [line for line in lines_of(job) if line.startswith("make ")] for name, job in self.JOBS.items()}
        assert {f"make {target}" for target in wanted} - {"make lint"} <= set(made["tests"])
        assert made["coverage"] == ["make coverage"]
        assert made["docs"] == ["make docs"]

    def test_it_runs_on_every_python_that_is_supported_and_on_the_oldest_torch(self) -> None:
        matrix = self.JOBS["tests"]["strategy"]["matrix"]
        assert PROJECT["requires-python"] == f">={matrix['python'][0]}"
        assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14"]
        [oldest] = matrix["include"]
        assert {f"{name}>={oldest[name]}" for name in ("torch", "torchvision")} <= set(PROJECT["dependencies"])
        assert oldest["python"] == matrix["python"][0]

    def test_the_wheel_is_used_where_there_is_no_checkout(self) -> None:
        *_, use = self.JOBS["package"]["steps"]
        assert use["working-directory"].startswith("${{ runner.temp }}/")
        words = [line.partition(" -m zoobench ")[2] for line in use["run"].splitlines()]
        assert words == ["list", "run --preset quick --help"]


class TestRelease:
    """`release.yml` publishes a tag, and nothing else does."""

    WORKFLOW: Final = read_workflow(OURS["release"])
    JOBS: Final = WORKFLOW["jobs"]

    def test_a_tag_starts_it(self) -> None:
        assert self.WORKFLOW["on"] == {"push": {"tags": ["v*"]}}

    def test_one_job_of_all_workflows_may_do_more_than_read_and_it_has_an_environment(self) -> None:
        jobs = {(name, key): job for name, text in OURS.items() for key, job in read_workflow(text)["jobs"].items()}
        granted = {place: job["permissions"] for place, job in jobs.items() if "permissions" in job}
        assert granted == {("release", "publish"): {"id-token": "write"}}
        assert self.JOBS["publish"]["environment"] == "pypi"

    def test_what_is_published_was_tested_and_built_without_those_rights(self) -> None:
        assert set(self.JOBS["publish"]["needs"]) == {"test", "build"}
        assert self.JOBS["test"]["uses"] == "./.github/workflows/test.yml"
        assert not any("run" in step for step in self.JOBS["publish"]["steps"])

    def test_what_is_built_is_checked(self) -> None:
        lines = lines_of(self.JOBS["build"])
        assert lines.index("python -m build") < lines.index("python -m twine check --strict dist/*")


class TestGates:
    """The gate of this project's pull requests, and the one that README gives to others."""

    @pytest.fixture(params=sorted(GATES))
    def workflow(self, request: pytest.FixtureRequest) -> dict[str, Any]:
        return read_workflow(GATES[request.param])

    @pytest.fixture
    def steps(self, workflow: dict[str, Any]) -> list[dict[str, Any]]:
        [job] = workflow["jobs"].values()
        return job["steps"]

    @pytest.fixture
    def command(self, steps: list[dict[str, Any]]) -> list[str]:
        """Words behind `python -m zoobench`."""
        [line] = [step["run"] for step in steps if "zoobench compare" in step.get("run", "")]
        words = shlex.split(line)
        assert words[:3] == PROGRAM
        return words[3:]

    def test_it_gates_pull_requests(self, workflow: dict[str, Any]) -> None:
        assert list(workflow["on"] if isinstance(workflow["on"], dict) else [workflow["on"]]) == ["pull_request"]

    def test_the_whole_history_is_there(self, steps: list[dict[str, Any]]) -> None:
        [checkout] = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
        assert checkout["with"]["fetch-depth"] == 0

    def test_actions_are_githubs_own(self, steps: list[dict[str, Any]]) -> None:
        assert all(step["uses"].startswith("actions/") for step in steps if "uses" in step)

    def test_the_sides_are_the_branch_and_the_merge_into_it(self, command: list[str]) -> None:
        request = parse_request([command[1]])
        assert (request.kind, request.base.asked, request.head.asked) == (ComparisonKind.COMMITS, "HEAD^1", "HEAD")

    def test_ours_is_the_quick_preset_and_keeps_what_it_saw(self) -> None:
        steps = read_workflow(GATES["ours"])["jobs"]["compare"]["steps"]
        [line] = [step["run"] for step in steps if "zoobench compare" in step.get("run", "")]
        assert shlex.split(line)[5:] == ["--preset", "quick", "--minutes", "10"]
        assert [step.get("if") for step in steps if "upload-artifact" in step.get("uses", "")] == ["always()"]

    def test_what_is_given_to_others_is_ten_lines(self) -> None:
        assert len(GATES["yours"].splitlines()) == 10

    def test_the_page_names_no_option_that_is_not_there(self) -> None:
        known = {option for name in ("compare", "bisect") for each in COMMANDS[name].params for option in each.opts}
        of_ours = set(re.findall(r"(?<=[`\s])--(?!benchmark-)[a-z][a-z-]+", PAGE))
        assert of_ours <= known


def test_packages_and_actions_are_kept_up_to_date_each_in_one_pull_request_a_week() -> None:
    updates = {update["package-ecosystem"]: update for update in read_yaml("dependabot.yml")["updates"]}
    assert set(updates) == {"pip", "github-actions"}
    for update in updates.values():
        assert update["schedule"]["interval"] == "weekly"
        assert [group["patterns"] for group in update["groups"].values()] == [["*"]]


@pytest.mark.parametrize("name", FORMS)
def test_an_issue_says_what_a_maintainer_needs(name: str) -> None:
    fields = {field["id"]: field for field in read_yaml("ISSUE_TEMPLATE", f"{name}.yml")["body"]}
    required = {key for key, field in fields.items() if field.get("validations", {}).get("required")}
    needed = {"bug": {"expected", "happened"}, "wrong-number": {"figure", "right", "model"}}
    assert required == {"version", "environment", "command", *needed[name]}
    assert "python -m zoobench env" in fields["environment"]["attributes"]["description"]


def options_of(words: list[str]) -> set[str]:
    return {word.partition("=")[0] for word in words if word.startswith("--")}
