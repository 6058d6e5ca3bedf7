"""One case, one verdict: of all that can be said of it the worst, in the order of `Verdict`."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from zoobench.cases import Case, format_change, format_percent
from zoobench.records import Failure, FailureKind
from zoobench.records.comparison import CaseFacts, CasePair, CaseResult, ExactChange, Rule, SideName, Times, Verdict
from zoobench.stats.estimates import MIN_BLOCKS
from zoobench.stats.verdicts.differences import exact_changes, vanished
from zoobench.stats.verdicts.rank_tests import Location, location
from zoobench.stats.verdicts.replicates import Gathered, LogRatio

# From the log-ratios of one case to its `Times`, and what they alone say.


def log_margin(rule: Rule) -> float:
    """The margin on the scale of log-ratios: as much slower as faster."""
    return math.log1p(rule.margin_ratio)


def times_of(
    ratios: Sequence[LogRatio],
    *,
    dropped: int = 0,
    is_confirmed: bool = False,
    p_slower: float | None = None,
    p_faster: float | None = None,
) -> Times:
    """What these replicates come to.

    Raises: ValueError without replicates.
    """
    values = [ratio.value for ratio in ratios]
    where = location(values)
    middle_s = math.sqrt(statistics.median(r.base_s for r in ratios) * statistics.median(r.head_s for r in ratios))
    times = Times(
        base_s=middle_s * math.exp(-where.estimate / 2),
        head_s=middle_s * math.exp(where.estimate / 2),
        ratio=math.exp(where.estimate),
        low=None,
        high=None,
        n=len(values),
        dropped=dropped,
        is_confirmed=is_confirmed,
        p_slower=p_slower,
        p_faster=p_faster,
        spread_ratio=statistics.stdev(values) if len(values) > 1 else None,
    )
    return with_interval(times, where)


def with_interval(times: Times, where: Location) -> Times:
    """These times with the interval of their log-ratio, if it has one."""
    if where.low is None or where.high is None:
        return times
    return msgspec.structs.replace(
        times, low=math.exp(where.low), high=math.exp(where.high), detectable_ratio=math.expm1(where.high)
    )


def is_inside(low: float | None, high: float | None, margin_ratio: float) -> bool:
    """Whether an interval of the ratio lies within the margin, which is as wide to both sides on the log scale."""
    return low is not None and high is not None and low > 1 / (1 + margin_ratio) and high < 1 + margin_ratio


def verdict_of_times(times: Times, rule: Rule) -> Verdict:
    """Slower and faster need a test that says so, same an interval inside the margin; all else is undecided."""
    if times.p_slower is not None and times.p_slower <= rule.alpha:
        return Verdict.SLOWER
    if times.p_faster is not None and times.p_faster <= rule.alpha:
        return Verdict.FASTER
    return Verdict.SAME if is_inside(times.low, times.high, rule.margin_ratio) else Verdict.UNDECIDED


NOTHING_REPEATED: Mapping[SideName, Failure] = MappingProxyType({})

_ORDER = {verdict: place for place, verdict in enumerate(Verdict)}


class Said(NamedTuple):
    """A verdict that holds for a case, and a line for people if it does not say why by itself."""

    verdict: Verdict
    reason: str = ""


def judge_pair(
    case_pair: CasePair,
    times: Times | None,
    said_of_times: Said,
    repeated: Mapping[SideName, Failure] = NOTHING_REPEATED,
) -> CaseResult:
    """The verdict on one case pair. Its times are reported whatever it is.

    `repeated` are the failures that the sides had again while they were measured.
    """
    changes = exact_changes(case_pair.base.exact, case_pair.head.exact)
    said = [
        _said_of_sides(case_pair, repeated) or said_of_times,
        *_said_of_outputs(case_pair),
        *_said_of_exact(changes),
    ]
    worst = min(said, key=lambda one: _ORDER[one.verdict])
    return CaseResult(
        id=case_pair.id,
        verdict=worst.verdict,
        times=times,
        exact_changes=changes,
        reason="; ".join(filter(None, (worst.reason, _vanished_line(case_pair)))),
        injected_ratio=case_pair.injected_ratio,
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
    if is_unconfirmed(times) and not gathered.case_pair.is_control:
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


def _vanished_line(case_pair: CasePair) -> str:
    """Which exact metrics of the base the head no longer has; nothing where it has none at all, having failed."""
    gone = vanished(case_pair.base.exact, case_pair.head.exact) if case_pair.head.exact else ()
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


def _said_of_sides(case_pair: CasePair, repeated: Mapping[SideName, Failure]) -> Said | None:
    """Where a side has not the case or cannot run it."""
    base = _absence(case_pair.base_case, case_pair.base, repeated.get(SideName.BASE), is_control=case_pair.is_control)
    head = _absence(case_pair.head_case, case_pair.head, repeated.get(SideName.HEAD), is_control=case_pair.is_control)
    if base and head:
        return Said(Verdict.NOT_COMPARABLE, f"base: {base.reason}; head: {head.reason}")
    if base:
        return Said(_OPPOSITE[base.verdict], f"base: {base.reason}")
    return Said(head.verdict, f"head: {head.reason}") if head else None


def _absence(case: Case | None, facts: CaseFacts, repeated: Failure | None, *, is_control: bool) -> _Absence | None:
    """Why this side has no result; None if it has. A case that was left out for its cost is not broken."""
    failure = facts.failure or repeated
    if facts.is_missing or (case is None and not is_control):
        return _Absence(failure.message if failure else "no such case", Verdict.REMOVED)
    if failure is None:
        return None
    where = f" ({failure.where})" if failure.where else ""
    is_left_out = failure.kind is FailureKind.OVER_BUDGET
    return _Absence(f"{failure.message}{where}", Verdict.NOT_COMPARABLE if is_left_out else Verdict.BROKEN)


def _said_of_outputs(case_pair: CasePair) -> list[Said]:
    error, tolerance = case_pair.output_error, case_pair.output_tolerance
    if error is None or error <= tolerance:
        return []
    return [
        Said(Verdict.OUTPUT_CHANGED, f"outputs differ by {error:.3g} of the largest value, rounding is {tolerance:.3g}")
    ]
