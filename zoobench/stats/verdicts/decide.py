"""`decide`: from all that an experiment saw to its result. A pure function: a replay comes to the same verdicts."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from zoobench.records.comparison import (
    CaseResult,
    Comparison,
    ComparisonKind,
    ComparisonSetup,
    Evidence,
    Rule,
    Stage,
    Times,
)
from zoobench.stats.verdicts.case_verdict import is_unconfirmed, judge_pair, log_margin, said_of_measured, times_of
from zoobench.stats.verdicts.differences import environment_differences
from zoobench.stats.verdicts.outcome import exit_of, headline_of, is_contaminated, problems_of
from zoobench.stats.verdicts.plan import find_suspects
from zoobench.stats.verdicts.rank_tests import holm, signed_rank_p
from zoobench.stats.verdicts.replicates import Gathered, LogRatio, gather

# From what difference on a change counts, where the user does not say.


OF_SHARED_PROCESSORS = 0.05
OF_GPUS = 0.02
"""Whose times spread less, since nobody else computes there."""


def margin_of(devices: Iterable[str]) -> float:
    """The margin, as a ratio, of cases on these devices; where they are unlike, that of the noisier ones."""
    kinds = {device.partition(":")[0] for device in devices}
    return OF_GPUS if kinds == {"cuda"} else OF_SHARED_PROCESSORS


class _Tested(NamedTuple):
    """Adjusted p-values by id: of slower by more than the margin, and of faster."""

    slower: Mapping[str, float]
    faster: Mapping[str, float]


def decide(evidence: Evidence) -> Comparison:
    """The result of an experiment, finished or not.

    Identity, and so `Exit.IDENTITY`, is proved before anything is measured: whoever conducts the experiment refuses it.
    """
    setup = evidence.setup
    gathered = gather(evidence)
    cases = _judge_cases([one for one in gathered if not one.case_pair.is_control], setup.rule)
    controls = _judge_controls([one for one in gathered if one.case_pair.is_control], setup.rule)
    binding = () if _may_controls_differ(setup) else controls
    spreads = [case.times.spread_ratio for case in cases if case.times and case.times.spread_ratio is not None]
    return Comparison(
        kind=setup.kind,
        comparison_id=setup.comparison_id,
        started_at=setup.started_at,
        base=setup.base,
        head=setup.head,
        rule=setup.rule,
        cases=cases,
        exit=exit_of(cases, binding, setup.rule),
        headline=headline_of(cases, binding),
        plan=evidence.plans[-1] if evidence.plans else None,
        controls=controls,
        differences=environment_differences(
            [setup.base.environment], [setup.head.environment], are_measured_together=True
        ),
        noise_ratio=statistics.median(spreads) if spreads else None,
        problems=problems_of(cases, binding, setup.rule),
        notes=(*evidence.notes, *_notes_on_controls(controls, binding), *_notes_on_suspects(cases)),
    )


def _judge_cases(gathered: Sequence[Gathered], rule: Rule) -> tuple[CaseResult, ...]:
    """Suspects by their confirmation alone; all others by the screening."""
    found = find_suspects(gathered, rule)
    confirmed = {one.case_pair.id: _values(one.confirmed) for one in gathered}
    tested = _Tested(
        slower=_adjusted({name: signed_rank_p(confirmed[name], log_margin(rule)) for name in found.slower}),
        faster=_adjusted({name: signed_rank_p(_negated(confirmed[name]), log_margin(rule)) for name in found.faster}),
    )
    suspects = {*found.slower, *found.faster}
    return tuple(
        judge_pair(one.case_pair, times, said_of_measured(one, times, rule), one.failures)
        for one in gathered
        for times in (_times_of_case(one, tested, suspects),)
    )


def _times_of_case(one: Gathered, tested: _Tested, suspects: set[str]) -> Times | None:
    name = one.case_pair.id
    is_confirmed = name in suspects and bool(one.confirmed)
    ratios, stage = (one.confirmed, Stage.CONFIRM) if is_confirmed else (one.screened, Stage.SCREEN)
    if not ratios:
        return None
    return times_of(
        ratios,
        dropped=len(one.dropped[stage]),
        is_confirmed=is_confirmed,
        p_slower=tested.slower.get(name),
        p_faster=tested.faster.get(name),
    )


def _judge_controls(gathered: Sequence[Gathered], rule: Rule) -> tuple[CaseResult, ...]:
    """By all their generations, none having been chosen for what it showed; both ways in one family of tests."""
    measured = {one.case_pair.id: (*one.screened, *one.confirmed) for one in gathered}
    margin = log_margin(rule)
    names = [name for name, ratios in measured.items() if ratios]
    p_slower = [signed_rank_p(_values(measured[name]), margin) for name in names]
    p_faster = [signed_rank_p(_negated(_values(measured[name])), margin) for name in names]
    adjusted = holm([*p_slower, *p_faster])
    tested = _Tested(
        slower=dict(zip(names, adjusted[: len(names)], strict=True)),
        faster=dict(zip(names, adjusted[len(names) :], strict=True)),
    )
    return tuple(
        _judge_control(one, _times_of_control(one, measured[one.case_pair.id], tested), rule) for one in gathered
    )


def _judge_control(one: Gathered, times: Times | None, rule: Rule) -> CaseResult:
    """By its times alone: what else it shows is torch's."""
    said = said_of_measured(one, times, rule)
    return CaseResult(id=one.case_pair.id, verdict=said.verdict, times=times, reason=said.reason)


def _times_of_control(one: Gathered, ratios: Sequence[LogRatio], tested: _Tested) -> Times | None:
    if not ratios:
        return None
    return times_of(
        ratios,
        dropped=sum(map(len, one.dropped.values())),
        is_confirmed=bool(one.confirmed),
        p_slower=tested.slower[one.case_pair.id],
        p_faster=tested.faster[one.case_pair.id],
    )


def _adjusted(p_values: Mapping[str, float]) -> dict[str, float]:
    return dict(zip(p_values, holm(list(p_values.values())), strict=True))


def _values(ratios: Sequence[LogRatio]) -> list[float]:
    return [ratio.value for ratio in ratios]


def _negated(values: Sequence[float]) -> list[float]:
    return [-value for value in values]


def _may_controls_differ(setup: ComparisonSetup) -> bool:
    """Controls hold none of the project's code, but they hold torch's."""
    torch = [side.environment.software.get("torch") for side in (setup.base, setup.head)]
    return setup.kind is ComparisonKind.ENVIRONMENTS and torch[0] != torch[1]


def _notes_on_controls(controls: Sequence[CaseResult], binding: Sequence[CaseResult]) -> Iterable[str]:
    if controls and all(control.times is None for control in controls):
        yield "no control was measured: had the sides not been treated alike, nothing would show it"
    if is_contaminated(controls) and not binding:
        yield "controls differ, as they may between two versions of torch: they hold none of the project's code"


def _notes_on_suspects(cases: Sequence[CaseResult]) -> Iterable[str]:
    unconfirmed = [case for case in cases if is_unconfirmed(case.times)]
    if unconfirmed:
        yield (
            f"suspected and not confirmed: {len(unconfirmed)} of {len(cases)} cases, on which nothing is decided; a "
            "larger --minutes leaves time for it"
        )


# What a decision comes to when it is made again from the same evidence: to the same, or a defect is found.


def differing_verdicts(stored: Comparison, again: Comparison) -> tuple[str, ...]:
    """A line for each verdict that is not the same, controls and the exit code included; empty if all are."""
    before, now = _verdicts(stored), _verdicts(again)
    names = (name for name in dict.fromkeys((*before, *now)) if before.get(name) != now.get(name))
    return tuple(f"{name}: stored {before.get(name, 'nothing')}, now {now.get(name, 'nothing')}" for name in names)


def _verdicts(comparison: Comparison) -> dict[str, str]:
    cases = {case.id: case.verdict.value for case in (*comparison.cases, *comparison.controls)}
    return {**cases, "exit code": str(comparison.exit.value)}
