"""Calls git so that it answers alike everywhere, and changes nothing that it is not told to change."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from zoobench.errors import BadInputError

LIMIT_S = 300.0
"""For one call. The longest hashes and copies every file of a project, which is a matter of seconds."""

_QUIET = {
    "LC_ALL": "C",  # we read a few of its messages
    "GIT_OPTIONAL_LOCKS": "0",  # reading refreshes no index
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_LFS_SKIP_SMUDGE": "1",  # files in LFS stay pointers: to fill them would use the network
}

_OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR")
"""Set by git where a hook of its own starts us: they would turn our calls to the repository of the hook."""


class GitError(BadInputError):
    """Git refused; the text is what it said, in one line."""


def git(folder: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """What git prints when it is called in `folder`, without the last line end.

    Raises: GitError if it fails, BadInputError if there is no git or it does not come to an end.
    """
    inherited = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            env=inherited | _QUIET | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LIMIT_S,
            check=True,
        )
    except FileNotFoundError:
        raise BadInputError("there is no git here: install it, since commits are looked up with it") from None
    except subprocess.TimeoutExpired:
        raise BadInputError(f"`git {arguments[0]}` in {folder} was not done in {LIMIT_S:.0f} s") from None
    except subprocess.CalledProcessError as error:
        raise GitError(_said(error)) from None
    return done.stdout.decode(errors="surrogateescape").removesuffix("\n")


def _said(error: subprocess.CalledProcessError) -> str:
    """The line that says why. What follows it is advice, what precedes it warnings."""
    lines = error.stderr.decode(errors="replace").strip().splitlines()
    reasons = [line for line in lines if line.startswith(("fatal: ", "error: "))] or lines
    return reasons[0].removeprefix("fatal: ").removeprefix("error: ") if reasons else f"git exited {error.returncode}"
