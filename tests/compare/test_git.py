from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from git_projects import GitProject

from zoobench.cases import BadInputError
from zoobench.compare import repository as calls
from zoobench.compare.repository import GitError, git


def test_it_answers_without_the_line_end(project: GitProject) -> None:
    assert git(project.root, "rev-parse", "--abbrev-ref", "HEAD") == "main"


def test_what_git_says_is_one_line_without_its_advice(project: GitProject) -> None:
    with pytest.raises(GitError) as raised:
        git(project.root, "checkout", "no-such-branch")
    assert str(raised.value) == "pathspec 'no-such-branch' did not match any file(s) known to git"


def test_a_silent_failure_is_told_by_its_exit_code(project: GitProject) -> None:
    with pytest.raises(GitError, match=r"^git exited 1$"):
        git(project.root, "diff", "--quiet", "v1", "main")


def test_without_git_the_line_says_what_to_install(project: GitProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project.root))
    with pytest.raises(BadInputError, match=r"^there is no git here: install it"):
        git(project.root, "status")


def test_a_call_that_hangs_is_ended(project: GitProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "LIMIT_S", 0.2)
    project.git("config", "alias.hang", "!sleep 3")
    with pytest.raises(BadInputError, match=re.escape(f"`git hang` in {project.root} was not done in 0 s")):
        git(project.root, "hang")


def test_within_a_hook_of_another_repository_the_folder_counts(
    project: GitProject, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    subprocess.run(["git", "init", "--quiet", "--bare", str(tmp_path / "other")], check=True)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "other" / "index"))
    assert git(project.root, "rev-parse", "--show-toplevel") == str(project.root)
