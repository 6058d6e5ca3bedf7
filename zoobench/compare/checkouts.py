"""The two sides' files, each in a folder of its own, for as long as they are measured.

Both are clean copies, written by the same means from a tree of git: a commit's, or one made of the user's files as they
are. They are no `git worktree`s, for these are entered in the user's repository, run its hooks, and stay there when a
run is killed. What a killed run leaves here is a folder whose lock nobody holds any more; the next run removes it.
"""

from __future__ import annotations

import ast
import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from zoobench.cases import BadInputError, ZoobenchError
from zoobench.compare.repository import GitError, Repository, Scratch, TreeEntry
from zoobench.compare.request import THIS_PYTHON, ComparisonRequest, SideRequest
from zoobench.records.comparison import ComparisonKind, SideName

# A side of an experiment as it lies on the disk.


class Checkout(msgspec.Struct, frozen=True, kw_only=True):
    """A side's files on the disk and the interpreter that runs them.

    `asked` is what the user wrote. `folder` is the root of the side's work tree; both sides' paths are equally long,
    since the length of a path can move what is measured. `python` is absolute but not resolved: a virtual environment
    is known by the link's own path. `tree` is git's hash of the files, changes included, `commit` what they stand on;
    both are empty where no repository is involved.
    """

    name: SideName
    asked: str
    folder: Path
    python: Path
    commit: str = ""
    tree: str = ""
    is_dirty: bool = False


# The measuring side under a second name, so that zoobench can measure zoobench.
#
# Both sides must be measured by the same code, while the code that is measured may be zoobench itself, at two commits.
# So workers import a copy of this zoobench's sources, made when an experiment begins, in which the package and every
# import of it is called `zoobench_harness`. `zoobench` is then free for the side's own. What happens to the sources
# during the experiment, as in a working tree that is edited meanwhile, does not reach the copy.


PACKAGE = "zoobench"
COPY = "zoobench_harness"
BOOTSTRAP = Path("compare") / "worker" / "bootstrap.py"

_LEFT_OUT = ("cli", "pytest_plugin", "report", "papers", "checks", "__pycache__")
"""Rooms in which nothing is measured by a worker of an experiment."""

_COPIED = (".py", ".csv")


def write_harness(folder: Path) -> Path:
    """Put the copy into the folder; the script that a side's python is to run."""
    source = Path(__file__).parents[1]
    for path in _sources(source):
        copy = folder / COPY / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8")
        copy.write_text(renamed(text, path) if path.suffix == ".py" else text, encoding="utf-8")
    return folder / COPY / BOOTSTRAP


def renamed(text: str, path: Path) -> str:
    """The module's text with the package called by its second name in every import; lines stay where they are.

    Raises: ZoobenchError for an import that cannot be renamed alone, since it binds the package's name itself.
    """
    lines = text.splitlines(keepends=True)
    for node in ast.walk(ast.parse(text, path)):
        if isinstance(node, ast.Import) and any(_is_own(alias.name) for alias in node.names):
            raise ZoobenchError(f"{path}:{node.lineno}: write `from zoobench import …`: the harness cannot rename this")
        if isinstance(node, ast.ImportFrom) and node.level == 0 and _is_own(node.module or ""):
            line = lines[node.lineno - 1]
            lines[node.lineno - 1] = line.replace(f"from {PACKAGE}", f"from {COPY}", 1)
    return "".join(lines)


def _is_own(module: str) -> bool:
    return module == PACKAGE or module.startswith(f"{PACKAGE}.")


def _sources(source: Path) -> Iterator[Path]:
    for path in sorted(source.rglob("*")):
        inner = path.relative_to(source)
        if path.suffix in _COPIED and not set(inner.parts) & set(_LEFT_OUT):
            yield path


_PREFIX = "zoobench-sides-"
_LOCK = "lock"
_UNWRITTEN = ("unable to write", "unable to create", os.strerror(errno.ENOSPC))
"""In git's words."""

_MOST_NAMED = 3


class Worktrees(msgspec.Struct, frozen=True, kw_only=True):
    """Both sides on the disk. `notes` say what is not there as it is in the repository, and what was cleaned up."""

    base: Checkout
    head: Checkout
    notes: tuple[str, ...]
    repository: Repository
    scratch: Scratch

    def tree_now(self, side: Checkout) -> str:
        """Hash of the side's files as they are now: equal to its `tree` unless one was changed or removed since."""
        return self.repository.tree_in(_root_of(self.scratch, side.name), self.scratch)


@contextlib.contextmanager
def checked_out(request: ComparisonRequest, repository: Repository, place: Path | None = None) -> Iterator[Worktrees]:
    """The two sides of a request, in a folder of `place` (the system's for temporary files) that is removed at the end.

    Raises: UnknownNameError for a revision, BadInputError if there is nothing to compare or no room.
    """
    commits = {side.revision: _commit(side.revision, repository) for side in (request.base, request.head)}
    place = place or Path(tempfile.gettempdir())
    cleaned = _remove_leftovers(place)
    with _own_folder(place) as folder:
        with _room_in(place):
            scratch = Scratch(folder)
            files = {name: _files(name, commit, repository, scratch) for name, commit in commits.items()}
            base = _written_out(SideName.BASE, request.base, files[request.base.revision], repository, scratch)
            head = _written_out(SideName.HEAD, request.head, files[request.head.revision], repository, scratch)
        _check_there_is_a_difference(request, base, head)
        notes = (*cleaned, *_same_files(request, base, head), *_gaps((base, head), repository, scratch))
        yield Worktrees(base=base, head=head, notes=notes, repository=repository, scratch=scratch)


class _Files(NamedTuple):
    """What a side is a copy of. The working tree is looked at once, even if it is on both sides."""

    commit: str
    tree: str
    is_dirty: bool


def _commit(revision: str | None, repository: Repository) -> str:
    return repository.head() if revision is None else repository.resolve(revision)


def _files(revision: str | None, commit: str, repository: Repository, scratch: Scratch) -> _Files:
    committed = repository.tree(commit) if commit else ""
    tree = repository.snapshot(scratch) if revision is None else committed
    return _Files(commit, tree, is_dirty=tree != committed)


def _written_out(
    name: SideName, side: SideRequest, files: _Files, repository: Repository, scratch: Scratch
) -> Checkout:
    root = _root_of(scratch, name)
    root.mkdir()
    repository.write_out(files.tree, root, scratch)
    folder = root / repository.project
    if not folder.is_dir():
        raise BadInputError(f"{side.asked} has no folder {repository.project}, in which this project is here")
    return Checkout(
        name=name,
        asked=side.asked,
        folder=folder,
        python=side.python or THIS_PYTHON,
        commit=files.commit,
        tree=files.tree,
        is_dirty=files.is_dirty,
    )


def _root_of(scratch: Scratch, name: SideName) -> Path:
    """`base` and `head`: names of one length."""
    return scratch.folder / name


def _check_there_is_a_difference(request: ComparisonRequest, base: Checkout, head: Checkout) -> None:
    if request.kind is not ComparisonKind.COMMITS or (base.commit, base.tree) != (head.commit, head.tree):
        return
    if request.head.revision is None:
        raise BadInputError(f"nothing in the working tree differs from {base.asked}: --aa {base.asked} compares it so")
    raise BadInputError(
        f"{base.asked} and {head.asked} are the same commit {base.commit[:12]}: --aa {base.asked} compares it so"
    )


def _same_files(request: ComparisonRequest, base: Checkout, head: Checkout) -> Iterator[str]:
    if request.kind is ComparisonKind.COMMITS and base.tree == head.tree:
        yield f"{base.asked} and {head.asked} have the same files"


def _gaps(sides: Iterable[Checkout], repository: Repository, scratch: Scratch) -> Iterator[str]:
    for side in sides:
        root, entries = _root_of(scratch, side.name), repository.entries(side.tree, scratch)
        submodules = [str(entry.path) for entry in entries if entry.is_submodule]
        if submodules:
            yield f"{side.name}: submodules are left empty: {_some(submodules)}"
        if any(_speaks_of_lfs(root / entry.path) for entry in _attributes(entries)):
            yield f"{side.name}: files in Git LFS are left as pointers, and cannot be read as what they stand for"


def _attributes(entries: Iterable[TreeEntry]) -> Iterator[TreeEntry]:
    return (entry for entry in entries if entry.path.name == ".gitattributes")


def _speaks_of_lfs(attributes: Path) -> bool:
    return attributes.is_file() and b"filter=lfs" in attributes.read_bytes()


def _some(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


@contextlib.contextmanager
def _room_in(place: Path) -> Iterator[None]:
    """Raises: BadInputError, one line, where a file could not be written."""
    try:
        yield
    except GitError as error:
        if not any(words in str(error) for words in _UNWRITTEN):
            raise
        raise BadInputError(_no_room(place, str(error))) from None
    except OSError as error:
        raise BadInputError(_no_room(place, error.strerror or str(error))) from None


def _no_room(place: Path, reason: str) -> str:
    hint = "make room there, or set TMPDIR to another folder"
    return f"the two sides' files cannot be written to {place} ({reason}): {hint}"


@contextlib.contextmanager
def _own_folder(place: Path) -> Iterator[Path]:
    """A new folder, locked while this process lives, removed at the end whatever happens."""
    with _room_in(place):
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
    try:
        with _room_in(place):
            lock = _lock(folder)
        try:
            yield folder
        finally:
            os.close(lock)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _lock(folder: Path) -> int:
    """Nobody sees the lock before it is held: it gets its name then."""
    unfinished = folder / f"{_LOCK}.unfinished"
    file = os.open(unfinished, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    unfinished.rename(folder / _LOCK)
    return file


def _remove_leftovers(place: Path) -> list[str]:
    """What was removed, one line each. The system lets go of a lock when its holder dies, however it dies."""
    leftovers = [folder for folder in sorted(place.glob(f"{_PREFIX}*")) if _is_ours(folder)]
    return [
        f"removed {folder}, which a run that was killed had left"
        for folder in leftovers
        if _removed_if_abandoned(folder)
    ]


def _is_ours(folder: Path) -> bool:
    try:
        facts = folder.lstat()
    except OSError:  # removed meanwhile
        return False
    return facts.st_uid == os.getuid() and not folder.is_symlink()


def _removed_if_abandoned(folder: Path) -> bool:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR)
    except OSError:  # being made, or removed meanwhile
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return not folder.exists()
