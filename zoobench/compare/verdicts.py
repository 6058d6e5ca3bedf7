"""One case, one verdict: of all that can be said of it the worst, in the order of `Verdict`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from zoobench.cases import Case
from zoobench.compare.evidence import Contest, Facts, Rule, SideName
from zoobench.compare.exact import exact_changes, vanished
from zoobench.compare.gathered import Gathered
from zoobench.compare.result import CaseResult, ExactChange, Times, Verdict
from zoobench.compare.times import verdict_of_times
from zoobench.records import Failure, FailureKind
from zoobench.stats import MIN_BLOCKS
from zoobench.units import format_change, format_percent

NOTHING_REPEATED: Mapping[SideName, Failure] = MappingProxyType({})

_ORDER = {verdict: place for place, verdict in enumerate(Verdict)}


class Said(NamedTuple):
    """A verdict that holds for a case, and a line for people if it does not say why by itself."""

    verdict: Verdict
    reason: str = ""


def judge_contest(
    contest: Contest, times: Times | None, said_of_times: Said, repeated: Mapping[SideName, Failure] = NOTHING_REPEATED
) -> CaseResult:
    """The verdict on one contest. Its times are told whatever it is.

    `repeated` are the failures that the sides had again while they were measured.
    """
    changes = exact_changes(contest.base.exact, contest.head.exact)
    said = [
        _said_of_sides(contest, repeated) or said_of_times,
        *_said_of_outputs(contest),
        *_said_of_exact(changes),
    ]
    worst = min(said, key=lambda one: _ORDER[one.verdict])
    return CaseResult(
        id=contest.id,
        verdict=worst.verdict,
        times=times,
        exact_changes=changes,
        reason="; ".join(filter(None, (worst.reason, _told_of_vanished(contest)))),
        injected_ratio=contest.injected_ratio,
    )


def is_unconfirmed(times: Times | None) -> bool:
    """Whether these are of a suspect of which only the screening is known."""
    return times is not None and not times.is_confirmed and (times.p_slower, times.p_faster) != (None, None)


def said_of_measured(gathered: Gathered, times: Times | None, rule: Rule) -> Said:
    """What the times of an experiment say."""
    if times is None:
        reasons = [reason for of_stage in gathered.dropped.values() for reason in of_stage]
        why = f"none of {len(reasons)} replicates is left ({reasons[-1]})" if reasons else "no replicate was measured"
        return Said(Verdict.NOT_COMPARABLE, why)
    verdict = verdict_of_times(times, rule)
    if verdict is not Verdict.UNDECIDED:
        return Said(verdict)
    if is_unconfirmed(times) and not gathered.contest.is_control:
        return Said(verdict, "suspected in the screening, and no generation was left to confirm it")
    return Said(verdict, why_undecided(times, rule))


def why_undecided(times: Times, rule: Rule) -> str:
    """What keeps these times from a verdict."""
    if times.low is None or times.high is None:
        dropped = f" ({times.dropped} were dropped)" if times.dropped else ""
        return f"replicates left: {times.n}{dropped}, an interval needs {MIN_BLOCKS}"
    low, high = format_change(times.low - 1), format_change(times.high - 1)
    return f"a change from {low} to {high} is possible, which is not all within ±{format_percent(rule.margin_ratio)}"


def _said_of_exact(changes: tuple[ExactChange, ...]) -> list[Said]:
    """Worse if one metric is; better if one is and none is worse; one with no better direction says nothing."""
    worse = [change.metric for change in changes if change.is_worse]
    better = [change.metric for change in changes if change.is_worse is False]
    return [Said(Verdict.WORSE)] if worse else [Said(Verdict.BETTER)] if better else []


def _told_of_vanished(contest: Contest) -> str:
    """Which exact metrics of the base the head no longer has; nothing where it has none at all, having failed."""
    gone = vanished(contest.base.exact, contest.head.exact) if contest.head.exact else ()
    return f"the head does not tell {', '.join(gone)}, the base does" if gone else ""


class _Absence(NamedTuple):
    """Why a side has no result: `verdict` is what that means for the head; for the base it is the opposite."""

    reason: str
    verdict: Verdict


_OPPOSITE = {
    Verdict.REMOVED: Verdict.NEW,
    Verdict.BROKEN: Verdict.FIXED,
    Verdict.NOT_COMPARABLE: Verdict.NOT_COMPARABLE,
}


def _said_of_sides(contest: Contest, repeated: Mapping[SideName, Failure]) -> Said | None:
    """Where a side has not the case or cannot run it."""
    base = _absence(contest.base_case, contest.base, repeated.get(SideName.BASE), is_control=contest.is_control)
    head = _absence(contest.head_case, contest.head, repeated.get(SideName.HEAD), is_control=contest.is_control)
    if base and head:
        return Said(Verdict.NOT_COMPARABLE, f"base: {base.reason}; head: {head.reason}")
    if base:
        return Said(_OPPOSITE[base.verdict], f"base: {base.reason}")
    return Said(head.verdict, f"head: {head.reason}") if head else None


def _absence(case: Case | None, facts: Facts, repeated: Failure | None, *, is_control: bool) -> _Absence | None:
    """Why this side has no result; None if it has. A case that was left out for its cost is not broken."""
    failure = facts.failure or repeated
    if facts.is_missing or (case is None and not is_control):
        return _Absence(failure.message if failure else "no such case", Verdict.REMOVED)
    if failure is None:
        return None
    where = f" ({failure.where})" if failure.where else ""
    is_left_out = failure.kind is FailureKind.OVER_BUDGET
    return _Absence(f"{failure.message}{where}", Verdict.NOT_COMPARABLE if is_left_out else Verdict.BROKEN)


def _said_of_outputs(contest: Contest) -> list[Said]:
    error, tolerance = contest.output_error, contest.output_tolerance
    if error is None or error <= tolerance:
        return []
    return [
        Said(Verdict.OUTPUT_CHANGED, f"outputs differ by {error:.3g} of the largest value, rounding is {tolerance:.3g}")
    ]
