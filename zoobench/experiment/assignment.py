"""What an experiment is asked to do, complete in itself: from it alone the experiment can be resumed."""

from __future__ import annotations

import msgspec

from zoobench.cases import Allocator, Case, Matrix
from zoobench.compare.evidence import Kind, Rule

TIME_LIMIT_S = 120.0
"""Of one request: to build a model, to count it, to warm it up, to take a block."""


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A contest to be: the case of each side, of which at most one is None."""

    base: Case | None
    head: Case | None
    is_control: bool = False

    def __post_init__(self) -> None:
        if self.base is None and self.head is None:
            raise ValueError("a contest has a case on one side at least")

    @property
    def cases(self) -> tuple[Case, ...]:
        """The base's and the head's, where there are such."""
        return tuple(case for case in (self.base, self.head) if case is not None)

    @property
    def id(self) -> str:
        """The case's id; where the two sides' cases differ, both."""
        return " | ".join(dict.fromkeys(case.id for case in self.cases))

    @property
    def needs_own_processes(self) -> bool:
        """Whether no other contest may share its workers."""
        return needs_own_processes(self.base, self.head)


def needs_own_processes(*cases: Case | None) -> bool:
    """The system's heap is only itself in a process that never retained memory."""
    return any(case is not None and case.allocator is Allocator.SYSTEM for case in cases)


class Injection(msgspec.Struct, frozen=True, kw_only=True):
    """A slowdown of known size: `ratio` of a warm call is wasted in each of the head's, in a `share` of the cases."""

    ratio: float
    share: float = 0.5


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """Which cases, by which rule, within which time.

    Each side expands `matrix`, whose axes are all set but the models' image sizes, by its own catalogue; `pairs` are
    contests given outright. `budget_s` is a deadline from the start of the experiment. Everything that is drawn
    (orders, layouts, where a slowdown is injected) is drawn from `seed`. `pythons` are the interpreters that the user
    named for base and head; the empty path is the one that runs the experiment.
    """

    kind: Kind
    rule: Rule
    seed: int
    budget_s: float
    command: tuple[str, ...] = ()
    matrix: Matrix | None = None
    pairs: tuple[Pair, ...] = ()
    pythons: tuple[str, str] = ("", "")
    injection: Injection | None = None
    has_controls: bool = True
    time_limit_s: float = TIME_LIMIT_S
