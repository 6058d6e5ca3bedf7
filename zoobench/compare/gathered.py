"""What an experiment saw, by contest: the log-ratios of each stage, what was dropped, and which side kept failing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from zoobench.cases import Case
from zoobench.compare.evidence import Contest, Evidence, Experiment, Replicate, SideName, Stage
from zoobench.compare.replicates import Dropped, LogRatio, log_ratios
from zoobench.pace import quiet_s
from zoobench.records import Failure

_LAST_ATTEMPT = 2

_Conditions = tuple[object, ...]
"""In which the device's fixed computation takes the same time: device, threads and torch."""


class Gathered(msgspec.Struct, frozen=True, kw_only=True):
    """The replicates of one contest. `failures` are those that came again when their generation was begun anew."""

    contest: Contest
    screened: tuple[LogRatio, ...] = ()
    confirmed: tuple[LogRatio, ...] = ()
    dropped: dict[Stage, tuple[str, ...]] = {}
    failures: dict[SideName, Failure] = {}


def gather(evidence: Evidence, stages: Iterable[Stage] = Stage) -> tuple[Gathered, ...]:
    """Every contest with its replicates of these stages, in the order of the contests."""
    by_contest: dict[str, list[Replicate]] = defaultdict(list)
    wanted = frozenset(stages)
    for replicate in evidence.replicates:
        if replicate.stage in wanted:
            by_contest[replicate.contest].append(replicate)
    best_s = {stage: _best_references(evidence, stage) for stage in wanted}
    return tuple(
        _gather_one(
            contest,
            by_contest[contest.id],
            {stage: _of_sides(contest, evidence.experiment, best_s[stage]) for stage in wanted},
        )
        for contest in evidence.contests
    )


def _gather_one(
    contest: Contest, replicates: Sequence[Replicate], best_s: Mapping[Stage, Mapping[SideName, float]]
) -> Gathered:
    found: dict[Stage, list[LogRatio]] = {stage: [] for stage in Stage}
    dropped: dict[Stage, list[str]] = {stage: [] for stage in Stage}
    failures: dict[SideName, Failure] = {}
    counted = [_one_that_counts(attempts) for attempts in _by_generation(replicates)]
    for replicate, told in zip(counted, log_ratios(counted, [best_s[one.stage] for one in counted]), strict=True):
        if replicate.failure and replicate.failed and replicate.attempt >= _LAST_ATTEMPT:
            failures[replicate.failed] = replicate.failure
        if isinstance(told, Dropped):
            dropped[replicate.stage].append(told.reason)
        else:
            found[replicate.stage].append(told)
    return Gathered(
        contest=contest,
        screened=tuple(found[Stage.SCREEN]),
        confirmed=tuple(found[Stage.CONFIRM]),
        dropped={stage: tuple(reasons) for stage, reasons in dropped.items()},
        failures=failures,
    )


def _by_generation(replicates: Iterable[Replicate]) -> Iterable[list[Replicate]]:
    attempts: dict[tuple[Stage, int], list[Replicate]] = defaultdict(list)
    for replicate in replicates:
        attempts[replicate.stage, replicate.generation].append(replicate)
    return attempts.values()


def _one_that_counts(attempts: Sequence[Replicate]) -> Replicate:
    """The last attempt at a generation that did not fail, or else the last: one generation is one replicate."""
    return max(attempts, key=lambda replicate: (replicate.failure is None, replicate.attempt))


def _best_references(evidence: Evidence, until: Stage) -> dict[_Conditions, float]:
    """What the fixed computation takes when the machine is as quiet as it was in the whole experiment.

    The screening knows nothing of what came later: it says the same before the confirmation and after it.
    """
    conditions = {contest.id: _conditions_of(contest, evidence.experiment) for contest in evidence.contests}
    readings_s: dict[_Conditions, list[float]] = defaultdict(list)
    for replicate in evidence.replicates:
        if until is Stage.SCREEN and replicate.stage is not Stage.SCREEN:
            continue
        of_sides = conditions[replicate.contest]
        for letter, block in zip(replicate.order, replicate.blocks, strict=True):
            side = SideName.BASE if letter == "A" else SideName.HEAD
            readings_s[of_sides[side]] += block.references_s
    return {alike: quiet_s(readings) for alike, readings in readings_s.items() if readings}


def _of_sides(contest: Contest, experiment: Experiment, best_s: Mapping[_Conditions, float]) -> dict[SideName, float]:
    conditions = _conditions_of(contest, experiment)
    return {side: best_s[conditions[side]] for side in SideName if conditions[side] in best_s}


def _conditions_of(contest: Contest, experiment: Experiment) -> dict[SideName, _Conditions]:
    """A control has the threads of its own case, if it has one."""
    sides: tuple[tuple[SideName, Case | None, Mapping[str, str]], ...] = (
        (SideName.BASE, contest.base_case, experiment.base.environment.software),
        (SideName.HEAD, contest.head_case, experiment.head.environment.software),
    )
    return {
        side: (case and case.device, case and case.threads, software.get("torch")) for side, case, software in sides
    }
