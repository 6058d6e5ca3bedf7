"""Two stored runs, or several a side: exact metrics always decide, times only where processes were repeated.

Runs of one process each say of times how they differ, and no more: one process is one draw. With four or more on both
sides, of several runs or of one that measured each case in several (`--zoobench-processes`), on one machine and in one
environment, their medians are compared by the exact rank-sum test. The runs were not measured in turns, so what changed
on the machine between them cannot be separated from what changed in the code.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from zoobench.cases import Case
from zoobench.records import CaseRecord
from zoobench.records.comparison import (
    CaseFacts,
    CasePair,
    CaseResult,
    Comparison,
    ComparisonKind,
    Difference,
    Exit,
    Rule,
    Side,
    SideName,
    Times,
    Verdict,
)
from zoobench.records.metrics import LATENCY
from zoobench.records.store import StoredRun
from zoobench.stats.summaries import process_medians
from zoobench.stats.verdicts.case_verdict import (
    Said,
    judge_pair,
    log_margin,
    verdict_of_times,
    why_undecided,
    with_interval,
)
from zoobench.stats.verdicts.differences import EXACT_METRICS, environment_differences
from zoobench.stats.verdicts.outcome import exit_of, headline_of, problems_of
from zoobench.stats.verdicts.rank_tests import holm, rank_sum_p, shift

_EXACT = frozenset(metric.key for metric in EXACT_METRICS)

LEAST_PROCESSES = 4
"""On each side: the smallest p of three against three is 1 in 20, and no interval of 95 % exists."""


class _Found(NamedTuple):
    """One case as the runs of both sides have it."""

    case_pair: CasePair
    base_logs: tuple[float, ...]
    head_logs: tuple[float, ...]

    @property
    def is_testable(self) -> bool:
        return min(len(self.base_logs), len(self.head_logs)) >= LEAST_PROCESSES


def compare_runs(base: Sequence[StoredRun], head: Sequence[StoredRun], rule: Rule) -> Comparison:
    """The result of comparing what is stored; a process is a replicate.

    Between unlike machines or environments no time is compared, and the exit is `Exit.IDENTITY` unless exact metrics,
    outputs or vanished cases fail the comparison anyway: such runs are never compared in silence.
    """
    found = [_found(base_records, head_records) for base_records, head_records in _paired(base, head)]
    devices = {case.device for one in found if (case := one.case_pair.head_case) is not None}
    differences = environment_differences(
        [stored.run.environment for stored in base], [stored.run.environment for stored in head], devices=devices
    )
    matter = [difference for difference in differences if difference.matters]
    cases = _judge(found, rule, are_alike=not matter)
    spreads = [case.times.spread_ratio for case in cases if case.times and case.times.spread_ratio is not None]
    return Comparison(
        kind=ComparisonKind.RUNS,
        comparison_id=f"{_ids(base)}..{_ids(head)}",
        started_at=max(stored.run.started_at for stored in (*base, *head)),
        base=_side(SideName.BASE, base),
        head=_side(SideName.HEAD, head),
        rule=rule,
        cases=cases,
        exit=_exit_of(cases, rule, are_alike=not matter),
        headline=_headline(cases, matter),
        differences=differences,
        noise_ratio=statistics.median(spreads) if spreads else None,
        problems=(*_told_of(matter), *_threads_text(found), *problems_of(cases, (), rule)),
        notes=tuple(note for stored in (*base, *head) for note in stored.notes),
    )


def _paired(
    base: Sequence[StoredRun], head: Sequence[StoredRun]
) -> Iterable[tuple[Sequence[CaseRecord], Sequence[CaseRecord]]]:
    """The records of each case on both sides, in the base's order, then what only the head has."""
    of_base, of_head = _by_id(base), _by_id(head)
    for name in dict.fromkeys((*of_base, *of_head)):
        yield of_base.get(name, ()), of_head.get(name, ())


def _by_id(runs: Sequence[StoredRun]) -> Mapping[str, Sequence[CaseRecord]]:
    """Oldest run first."""
    found: dict[str, list[CaseRecord]] = {}
    for stored in sorted(runs, key=lambda stored: stored.run.run_id):
        for record in stored.records:
            found.setdefault(record.case.id, []).append(record)
    return found


def _found(base: Sequence[CaseRecord], head: Sequence[CaseRecord]) -> _Found:
    cases = [records[-1].case if records else None for records in (base, head)]
    case_pair = CasePair(
        id=next(case.id for case in cases if case is not None),
        base_case=cases[0],
        head_case=cases[1],
        base=_facts(base),
        head=_facts(head),
    )
    return _Found(case_pair, _log_medians(base), _log_medians(head))


def _facts(records: Sequence[CaseRecord]) -> CaseFacts:
    """Of the newest run in which the case did not fail; it failed if it did so in all of them."""
    if not records:
        return CaseFacts(is_missing=True)
    newest = next((record for record in reversed(records) if record.failure is None), records[-1])
    return CaseFacts(
        exact={measured.metric: measured.samples[0] for measured in newest.measurements if measured.metric in _EXACT},
        unavailable={each.metric: each.reason for each in newest.unavailable},
        failure=newest.failure,
    )


def _log_medians(records: Sequence[CaseRecord]) -> tuple[float, ...]:
    """The logarithm of each process's median latency, disturbed rounds set aside."""
    latencies = [record.measurement(LATENCY) for record in records if record.failure is None]
    medians = (process_medians(latency) for latency in latencies if latency is not None)
    return tuple(math.log(median) for of_record in medians for median in of_record)


def _judge(found: Sequence[_Found], rule: Rule, *, are_alike: bool) -> tuple[CaseResult, ...]:
    """Holm over all cases that can be tested, slower and faster apart."""
    testable = [one for one in found if one.is_testable] if are_alike else []
    margin = log_margin(rule)
    slower = _adjusted(testable, [rank_sum_p(one.base_logs, one.head_logs, margin) for one in testable])
    faster = _adjusted(testable, [rank_sum_p(one.head_logs, one.base_logs, margin) for one in testable])
    results = []
    for one in found:
        name = one.case_pair.id
        times = _times_of(one, slower.get(name), faster.get(name))
        results.append(judge_pair(one.case_pair, times, _said_of(one, times, rule, are_alike=are_alike)))
    return tuple(results)


def _adjusted(found: Sequence[_Found], p_values: Sequence[float]) -> dict[str, float]:
    return {one.case_pair.id: p for one, p in zip(found, holm(p_values), strict=True)}


def _times_of(one: _Found, p_slower: float | None, p_faster: float | None) -> Times | None:
    """With an interval only where there is a test."""
    if not one.base_logs or not one.head_logs:
        return None
    where = shift(one.base_logs, one.head_logs)
    times = Times(
        base_s=math.exp(statistics.median(one.base_logs)),
        head_s=math.exp(statistics.median(one.head_logs)),
        ratio=math.exp(where.estimate),
        low=None,
        high=None,
        n=min(len(one.base_logs), len(one.head_logs)),
        p_slower=p_slower,
        p_faster=p_faster,
        spread_ratio=_spread_ratio(one),
    )
    return times if p_slower is None else with_interval(times, where)


def _spread_ratio(one: _Found) -> float | None:
    """Of the log-ratio of one process of each side."""
    if min(len(one.base_logs), len(one.head_logs)) < 2:  # noqa: PLR2004  one value has no spread
        return None
    return math.hypot(statistics.stdev(one.base_logs), statistics.stdev(one.head_logs))


def _said_of(one: _Found, times: Times | None, rule: Rule, *, are_alike: bool) -> Said:
    if times is None:
        return _said_without_times(one)
    if not are_alike:
        return Said(Verdict.UNDECIDED, "times of unlike machines or environments are not compared")
    if times.p_slower is None:
        return Said(
            Verdict.UNDECIDED,
            f"{_processes(len(one.base_logs))} against {len(one.head_logs)}: times are decided from "
            f"{LEAST_PROCESSES} runs a side on",
        )
    verdict = verdict_of_times(times, rule)
    return Said(verdict, why_undecided(times, rule) if verdict is Verdict.UNDECIDED else "")


def _said_without_times(one: _Found) -> Said:
    """A case that was only counted is the same if its counts are."""
    if one.base_logs or one.head_logs:
        return Said(Verdict.UNDECIDED, f"the {'head' if one.base_logs else 'base'} has no times")
    if one.case_pair.base.exact.keys() & one.case_pair.head.exact.keys():
        return Said(Verdict.SAME, "no times were measured; exact metrics are compared")
    return Said(Verdict.NOT_COMPARABLE, "neither times nor exact metrics were measured")


def _exit_of(cases: Sequence[CaseResult], rule: Rule, *, are_alike: bool) -> Exit:
    found = exit_of(cases, (), rule)
    return found if are_alike or found in (Exit.REGRESSION, Exit.NO_COMPARISON) else Exit.IDENTITY


def _headline(cases: Sequence[CaseResult], matter: Sequence[Difference]) -> str:
    headline = headline_of(cases, ())
    if not matter:
        return headline
    facts = ", ".join(difference.fact for difference in matter)
    return f"Times are not compared, since the runs differ in {facts}: {headline[0].lower()}{headline[1:]}"


def _told_of(matter: Iterable[Difference]) -> Iterable[str]:
    for difference in matter:
        yield (
            f"times are not compared: {difference.fact} is {difference.base or 'unknown'} on the base and "
            f"{difference.head or 'unknown'} on the head"
        )


def _threads_text(found: Sequence[_Found]) -> Iterable[str]:
    """Runs that would match but for their threads share no case."""
    sides: tuple[list[Case], list[Case]] = (
        [case for one in found if (case := one.case_pair.base_case) is not None],
        [case for one in found if (case := one.case_pair.head_case) is not None],
    )
    is_matched = len(sides[0]) + len(sides[1]) > len(found)
    base, head = ({msgspec.structs.replace(case, threads=0).id for case in side} for side in sides)
    if is_matched or not base & head:
        return
    threads = [", ".join(map(str, sorted({case.threads for case in side}))) for side in sides]
    yield f"the runs were measured with {threads[0]} and {threads[1]} threads: no case is in both"


def _side(name: SideName, runs: Sequence[StoredRun]) -> Side:
    """As the newest of its runs says."""
    newest = max(runs, key=lambda stored: stored.run.run_id).run
    commit = newest.environment.commit
    return Side(
        name=name,
        asked=_ids(runs),
        environment=newest.environment,
        commit=commit.get("revision", ""),
        is_dirty=commit.get("is_dirty") == "true",
    )


def _ids(runs: Sequence[StoredRun]) -> str:
    return ",".join(stored.run.run_id for stored in runs)


def _processes(count: int) -> str:
    return "one process" if count == 1 else f"{count} processes"
