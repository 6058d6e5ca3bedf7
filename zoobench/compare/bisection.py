"""Finds the commit from which on a case is worse, by comparing GOOD with ever nearer commits.

Always with GOOD, never with a figure measured earlier: both are measured in one comparison. A comparison may be
undecided or impossible; then it is repeated with more effort, or a neighbour is tried. The commit found is compared
with its parent, since it was found by comparisons with another.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence

import msgspec

from zoobench.cases import BadInputError
from zoobench.records.comparison import REGRESSIONS, Verdict

MAX_EFFORT = 3
"""An undecided comparison is repeated with twice and three times the generations; then its commit is passed over."""

Compare = Callable[[str, str, int], Verdict]
"""Compares an earlier commit with a later one at an effort (1 is the usual number of generations)."""

_RANKS = {verdict: rank for rank, verdict in enumerate(Verdict)}
_SILENT = frozenset({Verdict.NOT_COMPARABLE, Verdict.NEW, Verdict.FIXED})


class Confidence(enum.StrEnum):
    """How sure the answer is."""

    CONFIRMED = "confirmed"
    NOT_CONFIRMED = "not confirmed"
    BETWEEN_SEVERAL = "could not decide"
    NOTHING_FOUND = "nothing found"


class BisectionStep(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison that was made."""

    base: str
    head: str
    effort: int
    verdict: Verdict


class Culprit(msgspec.Struct, frozen=True, kw_only=True):
    """The answer. `symptom` is what BAD has and GOOD has not; `commits` are those that may have brought it.

    They are one where it could be decided, none where BAD is not worse than GOOD, and several, in their order, where
    those between could not be compared. `reason` is a line for people.
    """

    symptom: Verdict
    commits: tuple[str, ...]
    confidence: Confidence
    reason: str
    trials: tuple[BisectionStep, ...]


def bisect(commits: Sequence[str], compare: Compare) -> Culprit:
    """The first of `commits` (GOOD first, BAD last) that has the verdict which BAD has against GOOD.

    Makes one comparison for BAD, one for the answer and its parent, and between them at most log₂ of the commits and
    one for each that is passed over; an undecided one counts up to `MAX_EFFORT` times.
    Raises: BadInputError for less than two commits.
    """
    if len(commits) < 2:  # noqa: PLR2004
        raise BadInputError("a bisection needs two commits, GOOD and BAD")
    return _Bisection(commits, compare).run()


class _Bisection:
    """Positions of commits: `good` has not the symptom, `bad` has it, `silent` ones could not be compared."""

    def __init__(self, commits: Sequence[str], compare: Compare) -> None:
        self._commits = commits
        self._compare = compare
        self._trials: list[BisectionStep] = []
        self._good, self._bad = 0, len(commits) - 1
        self._silent: set[int] = set()

    def run(self) -> Culprit:
        symptom = self._tried(self._good, self._bad, lambda verdict: verdict is Verdict.UNDECIDED)
        if symptom not in REGRESSIONS:
            words = "could not be told to be worse" if symptom is Verdict.UNDECIDED else "is not worse"
            return self._answer(symptom, (), Confidence.NOTHING_FOUND, f"BAD {words} than GOOD: it is {symptom}")
        while candidates := [i for i in range(self._good + 1, self._bad) if i not in self._silent]:
            self._narrow(symptom, candidates[len(candidates) // 2])
        if self._bad - self._good > 1:
            return self._several(symptom)
        return self._confirmed(symptom)

    def _narrow(self, symptom: Verdict, middle: int) -> None:
        verdict = self._tried(0, middle, _is_undecided(symptom))
        if verdict is symptom:
            self._bad = middle
        elif _is_silent(symptom, verdict):
            self._silent.add(middle)
        else:
            self._good = middle

    def _tried(self, base: int, head: int, is_undecided: Callable[[Verdict], bool]) -> Verdict:
        """The verdict, with more effort until there is one."""
        names = self._commits[base], self._commits[head]
        for effort in range(1, MAX_EFFORT + 1):
            verdict = self._compare(*names, effort)
            self._trials.append(BisectionStep(base=names[0], head=names[1], effort=effort, verdict=verdict))
            if not is_undecided(verdict):
                break
        return verdict

    def _several(self, symptom: Verdict) -> Culprit:
        suspects = tuple(self._commits[self._good + 1 : self._bad + 1])
        passed_over = len(suspects) - 1
        reason = f"could not decide between {len(suspects)} commits: {passed_over} of them gave no verdict against GOOD"
        return self._answer(symptom, suspects, Confidence.BETWEEN_SEVERAL, reason)

    def _confirmed(self, symptom: Verdict) -> Culprit:
        culprit = (self._commits[self._bad],)
        verdict = self._tried(self._good, self._bad, _is_undecided(symptom))
        if verdict is symptom:
            return self._answer(symptom, culprit, Confidence.CONFIRMED, f"{symptom} against its parent")
        return self._answer(symptom, culprit, Confidence.NOT_CONFIRMED, _doubt(symptom, verdict))

    def _answer(self, symptom: Verdict, commits: tuple[str, ...], confidence: Confidence, reason: str) -> Culprit:
        return Culprit(
            symptom=symptom, commits=commits, confidence=confidence, reason=reason, trials=tuple(self._trials)
        )


def _is_undecided(symptom: Verdict) -> Callable[[Verdict], bool]:
    """Times alone can be undecided: whatever ranks above them is known by then not to be there."""
    return lambda verdict: verdict is Verdict.UNDECIDED and symptom is Verdict.SLOWER


def _is_silent(symptom: Verdict, verdict: Verdict) -> bool:
    """Whether a verdict leaves open if the symptom is there: a worse one hides it."""
    return _RANKS[verdict] < _RANKS[symptom] or verdict in _SILENT or _is_undecided(symptom)(verdict)


def _doubt(symptom: Verdict, verdict: Verdict) -> str:
    if verdict is Verdict.UNDECIDED:
        return f"perhaps {symptom} against its parent: that comparison stayed undecided"
    if _is_silent(symptom, verdict):
        return f"against its parent it is {verdict}, which hides whether it is {symptom}"
    return f"{symptom} against GOOD, but {verdict} against its parent: perhaps several commits brought a part each"
