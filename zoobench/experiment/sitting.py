"""One sitting: both sides on the disk, measured in turns, and proved to be what they were at its beginning."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zoobench.experiment.assignment import Assignment
from zoobench.experiment.dependencies import check_dependencies
from zoobench.experiment.driver import Conducted, conduct, resume
from zoobench.experiment.events import Tell, ignore
from zoobench.experiment.identity import check_unchanged
from zoobench.experiment.interpreters import examine_interpreter
from zoobench.experiment.journal import LABEL
from zoobench.experiment.repository import find_repository
from zoobench.experiment.request import Request
from zoobench.experiment.worktrees import Worktrees, checked_out


def compare_sides(
    request: Request,
    assignment: Assignment,
    *,
    results: Path,
    label: str = LABEL,
    tell: Tell = ignore,
) -> Conducted:
    """Measure the two sides of a request, of the repository that we are in.

    Raises: IdentityError if a side is not what it is taken for, and all that `conduct` and `checked_out` raise.
    """
    with _sides(request) as sides:
        return conduct(sides.base, sides.head, assignment, results=results, label=label, notes=sides.notes, tell=tell)


def resume_sides(folder: Path, request: Request, *, budget_s: float, tell: Tell = ignore) -> Conducted:
    """Go on with an experiment, for so much longer.

    Raises: as `compare_sides`; BadInputError if a side is not what it was.
    """
    with _sides(request) as sides:
        return resume(folder, sides.base, sides.head, budget_s=budget_s, notes=sides.notes, tell=tell)


@contextmanager
def _sides(request: Request) -> Iterator[Worktrees]:
    """What the user asks is checked before anything is written; afterwards the files must be what they were."""
    for python in dict.fromkeys((request.base.python, request.head.python)):
        if python is not None:
            examine_interpreter(python)
    with checked_out(request, find_repository(Path.cwd())) as sides:
        check_dependencies(request, sides.base, sides.head)
        yield sides
        for side in (sides.base, sides.head):
            check_unchanged(side, sides.tree_now(side))
