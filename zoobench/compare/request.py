"""What the user asked to compare, parsed and checked before anything is looked up or started.

A side is the working tree, a revision, or stored runs; it may have an interpreter or a case of its own. Every
combination that means nothing is refused with the one that was probably meant.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from zoobench.cases import AXES, BadInputError, Case, parse_case_id
from zoobench.records.comparison import ComparisonKind
from zoobench.records.store import RUN_ID

WORKING_TREE = "working tree"
"""What a side is called that is the user's files as they are, changes and new files included."""

THIS_PYTHON = Path(sys.executable)
"""Runs the sides that name no other."""

_RANGE = ".."
_SINCE_FORK = "..."
_FORMS = "BASE..HEAD, BASE alone against the working tree, --aa COMMIT, or two stored runs"


class SideRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What one side is to be. Without a revision and without runs it is the working tree; without `python`, in ours."""

    revision: str | None = None
    python: Path | None = None
    case: Case | None = None
    runs: tuple[str, ...] = ()

    @property
    def asked(self) -> str:
        """The side in the user's words."""
        return ",".join(self.runs) or self.revision or WORKING_TREE


class ComparisonRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Two sides, and what they differ in."""

    kind: ComparisonKind
    base: SideRequest
    head: SideRequest


def parse_request(
    sides: Sequence[str],
    *,
    aa: str | None = None,
    base_python: str | None = None,
    head_python: str | None = None,
    cases: Sequence[str] = (),
) -> ComparisonRequest:
    """The request of a command line: its arguments, and its options that say what is on the sides.

    Raises: BadInputError for a combination that means nothing, UnknownNameError for a value within a case's id.
    """
    pythons = {"--base-python": base_python, "--head-python": head_python}
    given = [name for name, text in pythons.items() if text is not None]
    if aa is not None:
        return _same(aa, [*sides, *given, *(["--case"] if cases else [])])
    if any(_are_runs(text) for text in sides):
        return _stored(sides, [*given, *(["--case"] if cases else [])])
    if cases:
        return _two_cases(sides, cases, given)
    return _measured(sides, *(_interpreter(name, text) for name, text in pythons.items()))


def _same(commit: str, others: Sequence[str]) -> ComparisonRequest:
    if others:
        raise BadInputError(f"--aa {commit} has the same commit on both sides: leave out {_listed(others)}")
    if _RANGE in commit:
        raise BadInputError(f"--aa takes one commit, for both sides, not {commit}: --aa {_ends(commit)[1]}")
    side = SideRequest(revision=_revision(commit))
    return ComparisonRequest(kind=ComparisonKind.SAME, base=side, head=side)


def _stored(sides: Sequence[str], options: Sequence[str]) -> ComparisonRequest:
    """Each side is a run, or several separated by commas: the replicates of a case are its runs."""
    if options:
        raise BadInputError(f"stored runs are measured already: leave out {_listed(options)}")
    revisions = [text for text in sides if not _are_runs(text)]
    if revisions:
        raise BadInputError(f"{revisions[0]} is no run's id: compare two stored runs, or measure BASE..HEAD")
    if len(sides) != 2:  # noqa: PLR2004
        raise BadInputError(f"two stored runs can be compared, not {len(sides)}: RUN RUN, or RUN,RUN RUN,RUN")
    base, head = ([run for run in text.split(",") if run] for text in sides)
    shared = sorted({*base} & {*head})
    if shared:
        raise BadInputError(f"run {shared[0]} is on both sides: a run cannot be compared with itself")
    return ComparisonRequest(
        kind=ComparisonKind.RUNS, base=SideRequest(runs=tuple(base)), head=SideRequest(runs=tuple(head))
    )


def _two_cases(sides: Sequence[str], ids: Sequence[str], pythons: Sequence[str]) -> ComparisonRequest:
    if pythons:
        raise BadInputError(f"two cases are compared in one environment: leave out {_listed(pythons)}")
    if len(ids) != 2:  # noqa: PLR2004
        raise BadInputError(f"--case is given twice, base first, not {_times(len(ids))}: --case A --case B")
    if len(sides) > 1 or any(_RANGE in text for text in sides):
        raise BadInputError(f"two cases are compared on one commit, not on {' '.join(sides)}: COMMIT, or nothing")
    revision = _revision(sides[0]) if sides else None
    base, head = map(parse_case_id, ids)
    _check_comparable(base, head)
    return ComparisonRequest(
        kind=ComparisonKind.CASES,
        base=SideRequest(revision=revision, case=base),
        head=SideRequest(revision=revision, case=head),
    )


def _check_comparable(base: Case, head: Case) -> None:
    """A call of one must be as much work as a call of the other."""
    if base == head:
        raise BadInputError(f"--case names {base.id} twice: to compare a commit with itself, use --aa COMMIT")
    for axis in (axis for axis in AXES if axis.is_work or axis.is_image):
        values = axis.text(base), axis.text(head)
        if values[0] != values[1]:
            raise BadInputError(f"the two cases differ in {axis.noun} ({values[0]}, {values[1]}): it must be the same")


def _measured(sides: Sequence[str], base_python: Path | None, head_python: Path | None) -> ComparisonRequest:
    """Revisions and environments: one of the two must differ."""
    has_own_python = base_python is not None or head_python is not None
    base_revision, head_revision = _revisions(sides, has_own_python=has_own_python)
    is_same_code = base_revision == head_revision
    if is_same_code and (base_python or THIS_PYTHON) == (head_python or THIS_PYTHON):
        what = base_revision or f"the {WORKING_TREE}"
        raise BadInputError(f"both sides are {what}: --aa {base_revision or 'HEAD'} does that on purpose")
    return ComparisonRequest(
        kind=ComparisonKind.ENVIRONMENTS if is_same_code else ComparisonKind.COMMITS,
        base=SideRequest(revision=base_revision, python=base_python),
        head=SideRequest(revision=head_revision, python=head_python),
    )


def _revisions(sides: Sequence[str], *, has_own_python: bool) -> tuple[str | None, str | None]:
    if not sides and has_own_python:
        return None, None
    if not sides:
        raise BadInputError(f"there is nothing to compare: name {_FORMS}")
    if len(sides) == 2 and _RANGE not in "".join(sides):  # noqa: PLR2004
        raise BadInputError(f"{' '.join(sides)} are two revisions: write {_RANGE.join(sides)}")
    if len(sides) > 1:
        raise BadInputError(f"{' '.join(sides)} is too much: name {_FORMS}")
    return _ends(sides[0]) if _RANGE in sides[0] else (_revision(sides[0]), None)


def _ends(text: str) -> tuple[str, str]:
    if _SINCE_FORK in text:
        base, _, head = text.partition(_SINCE_FORK)
        raise BadInputError(
            f"{text} would compare with where the two parted: write {base or 'BASE'}..{head or 'HEAD'}, or name that "
            f"commit, which `git merge-base {base or 'BASE'} {head or 'HEAD'}` prints"
        )
    base, *heads = text.split(_RANGE)
    if len(heads) != 1 or not (base and heads[0]):
        raise BadInputError(f"{text} is not BASE..HEAD: name one of each, or BASE alone against the {WORKING_TREE}")
    return _revision(base), _revision(heads[0])


def _revision(text: str) -> str:
    if not text.strip() or text.startswith(("-", "^")):  # options and exclusions of git
        raise BadInputError(f"{text!r} is no revision: name a commit, branch or tag")
    return text


def _interpreter(option: str, text: str | None) -> Path | None:
    """A path, or a command that is found as a shell finds it; links are kept, since they make an environment."""
    if text is None:
        return None
    if Path(text).is_dir():
        raise BadInputError(f"{option} {text} is a folder: name the interpreter in it, such as {Path(text)}/bin/python")
    found = shutil.which(text)
    if found is None:
        what = "cannot be executed" if Path(text).exists() else "does not exist"
        raise BadInputError(f"{option} {text} {what}: name a Python interpreter, such as .venv/bin/python")
    return Path(found).absolute()


def _are_runs(text: str) -> bool:
    runs = [run for run in text.split(",") if run]
    return bool(runs) and all(RUN_ID.match(run) for run in runs)


def _listed(words: Iterable[str]) -> str:
    return " and ".join(words)


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"
