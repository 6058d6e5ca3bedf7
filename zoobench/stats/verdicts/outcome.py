"""From the verdicts on all cases to the exit code, the problems and the one sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from zoobench.cases import format_percent
from zoobench.records.comparison import REGRESSIONS, CaseResult, Exit, Rule, Verdict

ONE_SIDED = frozenset({Verdict.BROKEN, Verdict.REMOVED, Verdict.NOT_COMPARABLE, Verdict.NEW, Verdict.FIXED})
"""Verdicts on cases of which nothing was compared."""

_OPEN = frozenset({Verdict.UNDECIDED, Verdict.NOT_COMPARABLE})

_NAMED = 3
"""Cases of each kind that the sentence names; more would be a paragraph."""

_PHRASES = {
    Verdict.BROKEN: ("is broken", "are broken"),
    Verdict.REMOVED: ("was removed", "were removed"),
    Verdict.OUTPUT_CHANGED: ("has another output", "have other outputs"),
    Verdict.SLOWER: ("is slower", "are slower"),
    Verdict.WORSE: ("is worse", "are worse"),
    Verdict.FASTER: ("is faster", "are faster"),
    Verdict.FIXED: ("is fixed", "are fixed"),
    Verdict.BETTER: ("is better", "are better"),
}
"""Of verdicts whose cases are named, for one and for several."""

_COUNTED = (Verdict.SAME, Verdict.UNDECIDED, Verdict.NOT_COMPARABLE, Verdict.NEW)


def exit_of(cases: Sequence[CaseResult], controls: Sequence[CaseResult], rule: Rule) -> Exit:
    """What the command returns.

    Where nothing was compared, nothing is said. Facts of the code fail a comparison even if its times are worth
    nothing; times that controls contradict fail nothing.
    """
    if all(case.verdict in ONE_SIDED for case in cases):
        return Exit.NO_COMPARISON
    if any(_is_worse_in_fact(case) for case in cases):
        return Exit.REGRESSION
    if is_contaminated(controls):
        return Exit.NO_VERDICT
    if any(case.verdict in REGRESSIONS for case in cases):
        return Exit.REGRESSION
    return Exit.NO_VERDICT if rule.is_strict and any(case.verdict in _OPEN for case in cases) else Exit.NOTHING_WORSE


def is_contaminated(controls: Iterable[CaseResult]) -> bool:
    """Whether something without the project's code seems to have changed."""
    return any(_has_changed(control) for control in controls)


def problems_of(cases: Sequence[CaseResult], controls: Sequence[CaseResult], rule: Rule) -> tuple[str, ...]:
    """What keeps the comparison from a verdict, one line each."""
    problems = [
        f"control {control.id} is {change_of(control)}, and holds no code of the project: the sides were not treated "
        "alike, and no time of this comparison can be trusted; measure again when the machine is quieter"
        for control in controls
        if _has_changed(control)
    ]
    if all(case.verdict in ONE_SIDED for case in cases):
        problems.append(_nothing_compared(cases))
    unsettled = sum(case.verdict in _OPEN for case in cases)
    if rule.is_strict and unsettled:
        problems.append(
            f"{_cases(unsettled)} {'is' if unsettled == 1 else 'are'} without a verdict, and a strict comparison needs "
            "one on each: a larger --minutes or --margin decides more"
        )
    return tuple(problems)


def headline_of(cases: Sequence[CaseResult], controls: Sequence[CaseResult]) -> str:
    """The result in one sentence: what changed, by name, then how many did not."""
    if not cases:
        return "There is nothing to compare."
    names = short_names([case.id for case in cases])
    parts = [_named(verdict, cases, names) for verdict in _PHRASES]
    counts = Counter(case.verdict for case in cases)
    rest = ", ".join(f"{counts[verdict]} {verdict.value.replace('-', ' ')}" for verdict in _COUNTED if counts[verdict])
    changed = ", ".join(filter(None, parts))
    first = f"Of {_cases(len(cases))}, {changed}" if changed else f"No change was found in {_cases(len(cases))}"
    text = "; ".join(filter(None, (first, rest)))
    return f"No verdict, the controls differ: {text[0].lower()}{text[1:]}." if is_contaminated(controls) else f"{text}."


def change_of(case: CaseResult) -> str:
    """`8.1 % slower`."""
    if case.times is None:
        return case.verdict.value
    way = "slower" if case.times.ratio >= 1 else "faster"
    return f"{format_percent(abs(case.times.ratio - 1))} {way}"


def short_names(ids: Sequence[str]) -> dict[str, str]:
    """Each id without what is the same in all of them: `torchvision:resnet18/infer/b1/…` may be `resnet18/b1`.

    Ids that are not made of the same axes stay whole; the name of the model is always shown.
    """
    axes = [name.split("/") for name in ids]
    if len({len(parts) for parts in axes}) != 1:
        return {name: name for name in ids}
    varying = [place for place, values in enumerate(zip(*axes, strict=True)) if place == 0 or len(set(values)) > 1]
    short = {name: "/".join(parts[place] for place in varying) for name, parts in zip(ids, axes, strict=True)}
    bare = {name: text.partition(":")[2] or text for name, text in short.items()}
    return bare if len(set(bare.values())) == len(set(ids)) else short


def _is_worse_in_fact(case: CaseResult) -> bool:
    is_worse = any(change.is_worse for change in case.exact_changes)
    return is_worse or (case.verdict in REGRESSIONS and case.verdict is not Verdict.SLOWER)


def _has_changed(control: CaseResult) -> bool:
    return control.verdict in (Verdict.SLOWER, Verdict.FASTER)


def _nothing_compared(cases: Sequence[CaseResult]) -> str:
    if not cases:
        return "no case was found on either side: --models and --preset choose them"
    counts = Counter(case.verdict.value for case in cases)
    listed = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    reason = next((f": {case.reason}" for case in cases if case.reason), "")
    return f"no case was compared ({listed}){reason}"


def _named(verdict: Verdict, cases: Sequence[CaseResult], names: dict[str, str]) -> str:
    found = [case for case in cases if case.verdict is verdict]
    if not found:
        return ""
    with_times = verdict in (Verdict.SLOWER, Verdict.FASTER)
    if with_times:
        found.sort(key=lambda case: -abs(case.times.ratio - 1) if case.times else 0.0)
    listed = [_with_change(case, names) if with_times else names[case.id] for case in found[:_NAMED]]
    more = [f"{len(found) - _NAMED} more"] if len(found) > _NAMED else []
    return f"{len(found)} {_PHRASES[verdict][len(found) > 1]} ({', '.join(listed + more)})"


def _with_change(case: CaseResult, names: dict[str, str]) -> str:
    return f"{names[case.id]} by {format_percent(abs(case.times.ratio - 1))}" if case.times else names[case.id]


def _cases(count: int) -> str:
    return "1 case" if count == 1 else f"{count} cases"
