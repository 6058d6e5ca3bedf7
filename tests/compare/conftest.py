"""Real repositories, made by git itself, and the harness's copy."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from git_projects import GitProject

from zoobench.compare.checkouts import write_harness


@pytest.fixture(autouse=True)
def _plain_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of the machine's user, and no repository around the tests."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A. User")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "user@example.org")


@pytest.fixture
def new_project(tmp_path: Path) -> Callable[[str], GitProject]:
    """A repository without a commit, by the name of its folder."""

    def make(name: str) -> GitProject:
        root = tmp_path / name
        subprocess.run(["git", "init", "--quiet", "--initial-branch", "main", str(root)], check=True)
        return GitProject(root)

    return make


@pytest.fixture
def project(new_project: Callable[[str], GitProject]) -> GitProject:
    """A small package with two commits; what it builds is ignored."""
    made = new_project("project")
    made.commit(
        {
            "pyproject.toml": '[project]\nname = "acme"\nversion = "1"\n',
            "acme/__init__.py": "",
            "acme/nets.py": "WIDTH = 1\n",
            ".gitignore": "build/\n",
        },
        "first",
    )
    made.git("tag", "v1")
    made.commit({"acme/nets.py": "WIDTH = 2\n"}, "second")
    return made


@pytest.fixture(scope="session")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The harness's copy, made once for all tests."""
    return write_harness(tmp_path_factory.mktemp("harness"))
