"""Texts about a comparison, the same in every output. They are plain: each output does its own escaping."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from zoobench.cases import format_change, format_percent, format_seconds
from zoobench.records import metrics
from zoobench.records.comparison import CaseResult, Comparison, ExactChange, Rule, Side, Times, Verdict
from zoobench.stats.verdicts.plan import describe_plan

_SEPARATOR = "/"


def shared_axes(ids: Iterable[str]) -> str:
    """The axes with one value in all ids, which `zoobench.stats.verdicts.outcome.short_names` leaves out of each id.

    The model is not among them. Empty if the ids do not have the same axes: then they are not shortened.
    """
    axes = [case_id.split(_SEPARATOR) for case_id in ids]
    if len({len(parts) for parts in axes}) != 1:
        return ""
    return _SEPARATOR.join(values[0] for values in list(zip(*axes, strict=True))[1:] if len(set(values)) == 1)


UNCHANGED = (Verdict.NOT_COMPARABLE, Verdict.UNDECIDED, Verdict.SAME)
"""Verdicts that report no change; all others are changes and are shown."""

MISSED = "could have missed up to"
"""Text before the largest slowdown that the measurement could have missed."""

_SMALLEST_P = 1e-4
_SHORT_HASH = 10
_RANK = {verdict: rank for rank, verdict in enumerate(Verdict)}


class CaseRow(NamedTuple):
    """Texts of one case; empty where there is no value."""

    verdict: str
    case: str
    times: str
    change: str
    p: str
    n: str
    missed: str
    note: str


class ExactRow(NamedTuple):
    """Texts of one exact metric that differs."""

    case: str
    metric: str
    base: str
    head: str
    change: str


def row_of(case: CaseResult, name: str) -> CaseRow:
    """The texts of the case, named `name`."""
    times = case.times
    return CaseRow(
        verdict=case.verdict.value,
        case=name,
        times=f"{format_seconds(times.base_s)} → {format_seconds(times.head_s)}" if times else "",
        change=change_text(times) if times else "",
        p=p_text(_p_of(case)),
        n=_n_text(times) if times else "",
        missed=missed_text([case]),
        note="; ".join(filter(None, (case.reason, _exact_text_of(case), _injected_text(case)))),
    )


def exact_row(change: ExactChange, name: str) -> ExactRow:
    """The texts of one exact change of the case named `name`."""
    metric = metrics.get(change.metric)
    unit = metric.unit if metric else ""
    title = metric.title if metric else change.metric
    worse = {True: "worse", False: "better", None: ""}[change.is_worse]
    return ExactRow(
        case=name,
        metric=title,
        base=exact_text(change.base, unit),
        head=exact_text(change.head, unit),
        change=", ".join(filter(None, (_exact_difference(change, unit), worse))),
    )


def worst_first(cases: Iterable[CaseResult]) -> list[CaseResult]:
    """Sort by verdict, then by the size of the change, then by id."""
    return sorted(cases, key=lambda case: (_RANK[case.verdict], -size_of_change(case), case.id))


def size_of_change(case: CaseResult) -> float:
    """Absolute logarithm of the ratio of the times; 0 without times."""
    return abs(math.log(case.times.ratio)) if case.times and case.times.ratio > 0 else 0.0


def has_interval(case: CaseResult) -> bool:
    """Whether the ratio of its times has an interval."""
    return case.times is not None and case.times.low is not None and case.times.high is not None


def changed_cases(cases: Iterable[CaseResult]) -> list[CaseResult]:
    """The cases whose verdict is not in `UNCHANGED`, the worst first."""
    return worst_first(case for case in cases if case.verdict not in UNCHANGED)


def is_folded(case: CaseResult, rule: Rule) -> bool:
    """Whether the case is counted instead of shown. A strict comparison fails if a case has no verdict, so shows it."""
    return case.verdict is Verdict.SAME or (case.verdict in UNCHANGED and not rule.is_strict)


def shown_cases(comparison: Comparison) -> list[CaseResult]:
    """The cases that are not folded, the worst first."""
    return worst_first(case for case in comparison.cases if not is_folded(case, comparison.rule))


def folded_cases(comparison: Comparison) -> Iterator[list[CaseResult]]:
    """The folded cases by verdict, the largest change first."""
    folded = [case for case in comparison.cases if is_folded(case, comparison.rule)]
    for verdict in UNCHANGED:
        found = worst_first(case for case in folded if case.verdict is verdict)
        if found:
            yield found


def exact_rows(comparison: Comparison, short: Mapping[str, str]) -> list[ExactRow]:
    """Texts of every exact change, those for the worse first."""
    pairs = [(case, change) for case in worst_first(comparison.cases) for change in case.exact_changes]
    ordered = sorted(pairs, key=lambda pair: pair[1].is_worse is not True)
    return [exact_row(change, short[case.id]) for case, change in ordered]


def counts(cases: Iterable[CaseResult]) -> dict[Verdict, int]:
    """The number of cases of each verdict that occurs, the worst first."""
    found = Counter(case.verdict for case in cases)
    return {verdict: found[verdict] for verdict in Verdict if found[verdict]}


def count_texts(cases: Iterable[CaseResult]) -> list[str]:
    """`2 slower`, for each verdict that occurs, the worst first."""
    return [f"{count:,} {verdict}" for verdict, count in counts(cases).items()]


def folded_text(cases: Sequence[CaseResult]) -> str:
    """`3 undecided: could have missed up to +4.2 %`, for cases of one verdict that are not shown one by one.

    A reason that all of them share is included.
    """
    missed = missed_text(cases)
    reasons = {case.reason for case in cases}
    about = [f"{MISSED} {missed}" if missed else "", reasons.pop() if len(reasons) == 1 else ""]
    return ": ".join(filter(None, (f"{len(cases):,} {cases[0].verdict}", ", ".join(filter(None, about)))))


def missed_text(cases: Iterable[CaseResult]) -> str:
    """The largest slowdown that these cases could hide; empty if it is unknown or if the change was detected."""
    hidden = [case.times.detectable_ratio for case in cases if case.times and _may_hide(case)]
    known = [ratio for ratio in hidden if ratio is not None and ratio > 0]
    return format_change(max(known)) if known else ""


def _may_hide(case: CaseResult) -> bool:
    return case.verdict not in {Verdict.SLOWER, Verdict.FASTER}


def change_text(times: Times) -> str:
    """`+5.2 % (+3.1 % … +7.4 %)`, without the interval if there are too few replicates for one."""
    change = format_change(times.ratio - 1)
    if times.low is None or times.high is None:
        return change
    return f"{change} ({format_change(times.low - 1)} … {format_change(times.high - 1)})"


def p_text(p: float | None) -> str:
    """A probability to two digits; `< 0.0001` instead of 0."""
    if p is None:
        return ""
    return f"< {_SMALLEST_P:.4f}" if p < _SMALLEST_P else f"{p:.2g}"


def exact_text(value: float, unit: str) -> str:
    """All digits of the value, since an exact metric may differ in any of them: `3,504,872`."""
    suffix = f" {unit}" if unit and unit != metrics.COUNT else ""
    return (f"{int(value):,}" if float(value).is_integer() else f"{value:.12g}") + suffix


def side_text(side: Side) -> str:
    """`main~3 (1234567890, with changes)`."""
    facts = [side.commit[:_SHORT_HASH] if side.commit != side.asked else "", "with changes" if side.is_dirty else ""]
    known = ", ".join(filter(None, facts))
    return f"{side.asked} ({known})" if known else side.asked


def method_texts(comparison: Comparison) -> list[str]:
    """How the verdicts were found: the rule, the plan and the measured noise."""
    lines = [_rule_text(comparison.rule)]
    if comparison.plan is not None:
        lines.append(f"Plan: {describe_plan(comparison.plan)}.")
    if comparison.noise_ratio is not None:
        noise = format_percent(comparison.noise_ratio)
        lines.append(f"Noise floor: {noise}, the median over cases of the standard deviation of their log-ratios.")
    return lines


def controls_text(controls: Sequence[CaseResult]) -> str:
    """Verdicts of the controls; they run no code of the project, so a change there means unequal conditions."""
    if not controls:
        return ""
    noun = "control" if len(controls) == 1 else "controls"
    return f"{len(controls)} {noun} without code of the project: {', '.join(count_texts(controls))}."


def _rule_text(rule: Rule) -> str:
    strict = " Every case must have a verdict (strict)." if rule.is_strict else ""
    return (
        f"The smallest change reported is {format_percent(rule.margin_ratio)}. If no case is slower by more than that, "
        f"the probability of reporting any case as slower is {format_percent(rule.alpha)} at most.{strict}"
    )


def _p_of(case: CaseResult) -> float | None:
    if case.times is None:
        return None
    return case.times.p_faster if case.verdict is Verdict.FASTER else case.times.p_slower


def _n_text(times: Times) -> str:
    return f"{times.n}, {times.dropped} dropped" if times.dropped else f"{times.n}"


def _exact_text_of(case: CaseResult) -> str:
    """The exact metrics that differ, and by how much."""
    return ", ".join(f"{change.metric} {_relative_text(change)}" for change in case.exact_changes)


def _relative_text(change: ExactChange) -> str:
    if not change.base:
        return f"{exact_text(change.base, '')} → {exact_text(change.head, '')}"
    return format_change((change.head - change.base) / abs(change.base), digits=2)


def _injected_text(case: CaseResult) -> str:
    return f"{format_change(case.injected_ratio)} injected" if case.injected_ratio else ""


def _exact_difference(change: ExactChange, unit: str) -> str:
    difference = change.head - change.base
    text = f"{'+' if difference > 0 else '−'}{exact_text(abs(difference), unit)}"
    return f"{text} ({_relative_text(change)})" if change.base else text
