"""One case, one verdict: of all that can be said of it the worst, in the order of `Verdict`."""

from __future__ import annotations

from typing import NamedTuple

from zoobench.compare.evidence import Contest, Rule, SideName
from zoobench.compare.exact import exact_changes, vanished
from zoobench.compare.gathered import Gathered
from zoobench.compare.result import CaseResult, ExactChange, Times, Verdict
from zoobench.compare.times import verdict_of_times
from zoobench.records import Failure
from zoobench.stats import MIN_BLOCKS
from zoobench.units import format_percent

_ORDER = {verdict: place for place, verdict in enumerate(Verdict)}


class Said(NamedTuple):
    """A verdict that holds for a case, and a line for people if it does not say why by itself."""

    verdict: Verdict
    reason: str = ""


def judge_contest(gathered: Gathered, times: Times | None, rule: Rule, *, is_suspect: bool) -> CaseResult:
    """The verdict on one contest. Its times are told whatever it is."""
    contest = gathered.contest
    changes = exact_changes(contest.base.exact, contest.head.exact)
    said = [
        *(_said_of_sides(gathered) or _said_of_times(gathered, times, rule, is_suspect=is_suspect)),
        *_said_of_outputs(contest),
        *said_of_exact(changes),
    ]
    worst = worst_of(said)
    return CaseResult(
        id=contest.id,
        verdict=worst.verdict,
        times=times,
        exact_changes=changes,
        reason="; ".join(filter(None, (worst.reason, told_of_vanished(contest.base.exact, contest.head.exact)))),
        injected_ratio=contest.injected_ratio,
    )


def worst_of(said: list[Said]) -> Said:
    """The first in the order of verdicts."""
    return min(said, key=lambda one: _ORDER[one.verdict])


def said_of_exact(changes: tuple[ExactChange, ...]) -> list[Said]:
    """Worse if one metric is; better if one is and none is worse; one with no better direction says nothing."""
    worse = [change.metric for change in changes if change.is_worse]
    better = [change.metric for change in changes if change.is_worse is False]
    return [Said(Verdict.WORSE)] if worse else [Said(Verdict.BETTER)] if better else []


def told_of_vanished(base: dict[str, float], head: dict[str, float]) -> str:
    """Which exact metrics of the base the head no longer has; nothing where it has none at all, having failed."""
    gone = vanished(base, head) if head else ()
    return f"the head does not tell {', '.join(gone)}, the base does" if gone else ""


def why_undecided(times: Times, rule: Rule) -> str:
    """What keeps these times from a verdict."""
    if times.low is None or times.high is None:
        return f"{times.n} replicates are left ({times.dropped} were dropped), an interval needs {MIN_BLOCKS}"
    margin = format_percent(rule.margin_ratio)
    return (
        f"from {format_percent(times.low - 1)} to {format_percent(times.high - 1)} is possible, "
        f"which is not within ±{margin}"
    )


def _said_of_sides(gathered: Gathered) -> list[Said]:
    """Where a side has not the case or cannot run it."""
    base, head = (_state_of(gathered, side) for side in SideName)
    if base is None and head is None:
        return []
    if base is None and head is not None:
        return [Said(Verdict.REMOVED, head.reason)] if head.is_missing else [Said(Verdict.BROKEN, head.reason)]
    if head is None and base is not None:
        return [Said(Verdict.NEW, base.reason)] if base.is_missing else [Said(Verdict.FIXED, base.reason)]
    reasons = "; ".join(f"{side} {state.reason}" for side, state in zip(SideName, (base, head), strict=True) if state)
    return [Said(Verdict.NOT_COMPARABLE, reasons)]


class _Absence(NamedTuple):
    """Why a side has no result."""

    reason: str
    is_missing: bool


def _state_of(gathered: Gathered, side: SideName) -> _Absence | None:
    """Why this side has no result; None if it has."""
    contest = gathered.contest
    case, facts = (contest.base_case, contest.base) if side is SideName.BASE else (contest.head_case, contest.head)
    failure = facts.failure or gathered.failures.get(side)
    if facts.is_missing or (case is None and not contest.is_control):
        return _Absence(failure.message if failure else "has no such case", is_missing=True)
    return _Absence(_told_of_failure(failure), is_missing=False) if failure else None


def _told_of_failure(failure: Failure) -> str:
    where = f" in {failure.where}" if failure.where else ""
    return f"fails{where}: {failure.message}"


def _said_of_times(gathered: Gathered, times: Times | None, rule: Rule, *, is_suspect: bool) -> list[Said]:
    if times is None:
        reasons = [reason for of_stage in gathered.dropped.values() for reason in of_stage]
        why = f" ({reasons[-1]})" if reasons else ""
        return [Said(Verdict.NOT_COMPARABLE, f"no replicate is left of {len(reasons)}{why}")]
    verdict = verdict_of_times(times, rule)
    if verdict is not Verdict.UNDECIDED:
        return [Said(verdict)]
    if is_suspect and not times.is_confirmed:
        return [Said(verdict, "suspected in the screening, and no generation was left to confirm it")]
    return [Said(verdict, why_undecided(times, rule))]


def _said_of_outputs(contest: Contest) -> list[Said]:
    if contest.output_error is None or contest.output_error <= contest.output_tolerance:
        return []
    return [
        Said(
            Verdict.OUTPUT_CHANGED,
            f"outputs differ by {contest.output_error:.3g} of the largest value, {contest.output_tolerance:.3g} is "
            "rounding",
        )
    ]
