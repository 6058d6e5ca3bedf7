"""The repository in which the user stands, of which everything is read and nothing changed.

What git must write to answer (an index, objects of files that are not committed) goes to a scratch folder, so that
HEAD, index, stash, objects and files of the user stay as they are to the byte. No hook is run.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import msgspec

from zoobench.cases import BadInputError, UnknownNameError

# Calls git so that it answers alike everywhere, and changes nothing that it is not asked to change.


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


_PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
_GITLINK = "160000"
_IN_FULL = "fetch the rest with `git fetch --unshallow`, in GitHub Actions with `fetch-depth: 0` at actions/checkout"


class TreeEntry(msgspec.Struct, frozen=True):
    """A path in a tree, relative to the root of the repository."""

    path: PurePosixPath
    is_submodule: bool


class Repository(msgspec.Struct, frozen=True, kw_only=True):
    """A work tree of git. `project` is the project's folder in it, relative to `root`: `.` unless it is one of many."""

    root: Path
    project: PurePosixPath = PurePosixPath()

    def resolve(self, revision: str) -> str:
        """Full hash of the commit that a revision names.

        Raises: UnknownNameError with near names, BadInputError if it is ambiguous or perhaps only not fetched.
        """
        try:
            return git(self.root, "rev-parse", "--verify", f"{revision}^{{commit}}")
        except GitError as error:
            raise self._unknown(revision, str(error)) from None

    def head(self) -> str:
        """Full hash of the commit that is checked out; empty before the first one."""
        try:
            return git(self.root, "rev-parse", "--verify", "HEAD^{commit}")
        except GitError:
            return ""

    def tree(self, commit: str) -> str:
        """Hash of a commit's files."""
        return git(self.root, "rev-parse", "--verify", f"{commit}^{{tree}}")

    def commits(self, good: str, bad: str) -> tuple[str, ...]:
        """From one commit to a later one, both included, along first parents: a merge is one step.

        What a merge brought in is part of that step. Where `good` lies on a branch that was merged, the first step is
        that merge. Raises: BadInputError if the one does not come before the other.
        """
        after_good = set(git(self.root, "rev-list", "--ancestry-path", f"{good}..{bad}").split())
        first_parents = git(self.root, "rev-list", "--first-parent", "--reverse", f"{good}..{bad}").split()
        steps = [commit for commit in first_parents if commit in after_good]
        if not steps:
            raise BadInputError(f"{good[:12]} is not an ancestor of {bad[:12]}{self._perhaps_for_lack_of_history()}")
        return (good, *steps)

    def described(self, commit: str) -> str:
        """Hash, author, date and subject of a commit, in one line."""
        return git(self.root, "log", "-1", "--format=%h %an, %as: %s", commit).strip()

    def entries(self, tree: str, scratch: Scratch) -> tuple[TreeEntry, ...]:
        """Every path of a tree."""
        listing = git(self.root, "ls-tree", "-r", "-z", tree, environment=scratch.objects_of(self))
        return tuple(_entry(line) for line in listing.split("\0") if line)

    def snapshot(self, scratch: Scratch) -> str:
        """Hash of the files as they are: changes and new files included, ignored ones not."""
        index = Path(git(self.root, "rev-parse", "--git-path", "index"))
        environment = scratch.objects_of(self) | scratch.index("snapshot")
        if (self.root / index).exists():
            # The time of its writing comes along: git looks again at files that were changed at that very moment.
            shutil.copy2(self.root / index, environment["GIT_INDEX_FILE"])
        git(self.root, *_PLAIN, "add", "--all", environment=environment)
        return git(self.root, *_PLAIN, "write-tree", environment=environment)

    def write_out(self, tree: str, folder: Path, scratch: Scratch) -> None:
        """Put the files of a tree into an empty folder. Submodules are empty folders there."""
        environment = scratch.objects_of(self) | scratch.index(folder.name)
        options = ("-m", "-u", "--no-sparse-checkout", "--no-recurse-submodules")
        git(self.root, *_PLAIN, f"--work-tree={folder}", "read-tree", *options, tree, environment=environment)

    def tree_in(self, folder: Path, scratch: Scratch) -> str:
        """Hash of the files of a folder that was written out, as they are now; files added since do not count."""
        environment = scratch.objects_of(self) | scratch.index(folder.name)
        git(self.root, *_PLAIN, f"--work-tree={folder}", "add", "--update", environment=environment)
        return git(self.root, *_PLAIN, "write-tree", environment=environment)

    def _unknown(self, revision: str, reason: str) -> BadInputError | UnknownNameError:
        if "ambiguous" in reason:
            return BadInputError(f"{revision} is the beginning of several commits' hashes: write more of it")
        if self._is_shallow():
            return BadInputError(f"{revision} is not in this clone, which is shallow: {_IN_FULL}")
        kinds = ("refs/heads", "refs/tags", "refs/remotes")
        names = git(self.root, "for-each-ref", "--format=%(refname:short)", *kinds).split()
        return UnknownNameError("revision", revision, ["HEAD", *names], where_listed="`git log --oneline --all`")

    def _perhaps_for_lack_of_history(self) -> str:
        return f", as far as this shallow clone tells: {_IN_FULL}" if self._is_shallow() else ""

    def _is_shallow(self) -> bool:
        return git(self.root, "rev-parse", "--is-shallow-repository") == "true"


class Scratch(msgspec.Struct, frozen=True):
    """A folder for what git writes on our behalf; what it holds is needed as long as trees of it are."""

    folder: Path

    def objects_of(self, repository: Repository) -> dict[str, str]:
        """Environment in which new objects come here, beside the repository's."""
        here = self.folder / "objects"
        here.mkdir(parents=True, exist_ok=True)
        theirs = repository.root / git(repository.root, "rev-parse", "--git-path", "objects")
        return {"GIT_OBJECT_DIRECTORY": str(here), "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(theirs)}

    def index(self, name: str) -> dict[str, str]:
        """Environment in which the index is one of this name, here."""
        return {"GIT_INDEX_FILE": str(self.folder / f"{name}.index")}


_PLAIN = (
    "-c", "core.splitIndex=false",  # half of such an index would be written beside the user's
    "-c", "core.fsmonitor=false",
    "-c", "core.safecrlf=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "advice.addEmbeddedRepo=false",
)  # fmt: skip


def find_repository(folder: Path) -> Repository:
    """The repository around a folder, and the project around it in there.

    Raises: BadInputError if there is none.
    """
    try:
        root = Path(git(folder, "rev-parse", "--show-toplevel"))
    except GitError as error:
        if "not a git repository" in str(error) or "must be run in a work tree" in str(error):
            raise BadInputError(
                f"{folder} is in no work tree of git: run this where the project is checked out"
            ) from None
        raise
    return Repository(root=root, project=_project(folder.resolve(), root.resolve()))


def _project(folder: Path, root: Path) -> PurePosixPath:
    """The nearest folder, from here up to the root, that holds a project's file."""
    for candidate in (folder, *folder.parents):
        if candidate == root or any((candidate / name).is_file() for name in _PROJECT_FILES):
            return PurePosixPath(candidate.relative_to(root).as_posix())
    raise AssertionError("unreachable: the root is above the folder")


def _entry(line: str) -> TreeEntry:
    facts, _, path = line.partition("\t")
    return TreeEntry(PurePosixPath(path), facts.startswith(_GITLINK))
