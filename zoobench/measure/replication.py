"""From what several processes told of one case to what is recorded of it. Values in, values out; no torch."""

from __future__ import annotations

import itertools
import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import TypeVar

import msgspec

from zoobench.cases import Budget, Case
from zoobench.measure import tasks
from zoobench.measure.executor import Executor, Task
from zoobench.measure.messages import KnownFacts, of_kind
from zoobench.records import Failure, Finding, Flaw, Measurement, Severity, Unavailable, metrics
from zoobench.records.metrics import LATENCY
from zoobench.stats import findings, interference
from zoobench.stats.interference import DISTURBED, PACE, marks

REFERENCE = "reference_time"

Item = TypeVar("Item")
Covariates = dict[str, tuple[float, ...]]

_DECIMALS = 9
"""Of a pace, as of what else is recorded of a round."""


def merge(
    case: Case, budget: Budget, told: Sequence[Sequence[object]], known_reference_s: float | None = None
) -> list[object]:
    """The parts of a case that was measured in several processes, as if one had told them.

    What several measured has the samples of all, process after process. Paces are against the quietest that the machine
    was seen, by any of them or before (`known_reference_s`). The merged latency is judged anew; of all other findings
    the gravest of each code is kept. A failure says which process it was of.

    A warm-up that did not end is no flaw of the case if it is that of less than half of the processes: their medians
    count for little in the median of all, and by chance one in twenty looks as if its times were still falling.
    """
    if budget.processes == 1:
        return list(itertools.chain.from_iterable(told))
    joined = _join_all(_on_one_pace([of_kind(parts, Measurement) for parts in told], known_reference_s))
    kinds = (Measurement, Unavailable, Finding, Failure)
    return [
        *joined.values(),
        *_unavailable(told, joined),
        *_findings(case, budget, told, joined.get(LATENCY)),
        *(part for parts in told for part in parts if not isinstance(part, kinds)),
        *_failures(told, budget.processes),
    ]


def join(measurements: Sequence[Measurement]) -> Measurement:
    """One measurement of the samples of several processes; covariates that one of them lacks are dropped."""
    first = measurements[0]
    if len(measurements) == 1:
        return first
    names = [name for name in first.covariates if all(name in each.covariates for each in measurements)]
    is_in_blocks = all(each.block_sizes for each in measurements)
    return msgspec.structs.replace(
        first,
        samples=_chained(each.samples for each in measurements),
        covariates={name: _chained(each.covariates[name] for each in measurements) for name in names},
        block_sizes=_chained(each.block_sizes for each in measurements) if is_in_blocks else (),
        process_sizes=_chained(each.process_sizes or (len(each.samples),) for each in measurements),
        method=_method([each.method for each in measurements]),
    )


def quietest_s(known_reference_s: float | None, measurements: Iterable[Measurement]) -> float | None:
    """What the device's fixed computation takes at the quietest, by these measurements and what was known before."""
    seen = [sample for each in measurements if each.metric == REFERENCE for sample in each.samples]
    return interference.quietest_s(known_reference_s, *seen)


def _join_all(of_processes: Sequence[Sequence[Measurement]]) -> dict[str, Measurement]:
    by_metric: dict[str, list[Measurement]] = {}
    for measurement in itertools.chain.from_iterable(of_processes):
        by_metric.setdefault(measurement.metric, []).append(measurement)
    return {metric: join(measurements) for metric, measurements in by_metric.items()}


def _on_one_pace(
    of_processes: Sequence[Sequence[Measurement]], known_reference_s: float | None
) -> list[list[Measurement]]:
    """Each process knew how quiet the ones before it had found the machine; now all know it."""
    so_far = (itertools.chain.from_iterable(of_processes[:number]) for number in range(1, len(of_processes) + 1))
    best_s = [quietest_s(known_reference_s, measurements) for measurements in so_far]
    final_s = best_s[-1]
    return [
        _repaced(measurements, then_s / final_s if then_s and final_s else 1.0)
        for measurements, then_s in zip(of_processes, best_s, strict=True)
    ]


def _repaced(measurements: Sequence[Measurement], ratio: float) -> list[Measurement]:
    """These with their paces times `ratio`, and other times of the latency's rounds marked accordingly."""
    repaced = [msgspec.structs.replace(each, covariates=_times(each.covariates, ratio)) for each in measurements]
    latency = next((each for each in repaced if each.metric == LATENCY), None)
    if latency is None:
        return repaced
    marked = {DISTURBED: marks(latency.samples, latency.covariates)}
    return [
        msgspec.structs.replace(each, covariates=marked)
        if each is not latency and each.block_sizes and each.block_sizes == latency.block_sizes
        else each
        for each in repaced
    ]


def _times(covariates: Covariates, ratio: float) -> Covariates:
    """The same, the pace times `ratio`."""
    if PACE not in covariates:
        return covariates
    return {**covariates, PACE: tuple(round(each * ratio, _DECIMALS) for each in covariates[PACE])}


def _unavailable(told: Iterable[Iterable[object]], joined: dict[str, Measurement]) -> Iterable[Unavailable]:
    """What no process has."""
    missing = (part for parts in told for part in of_kind(parts, Unavailable) if part.metric not in joined)
    return {part.metric: part for part in missing}.values()


def _findings(
    case: Case, budget: Budget, told: Sequence[Sequence[object]], latency: Measurement | None
) -> Iterable[Finding]:
    if latency is not None:
        yield from findings.judge_latency(case, budget, latency)
    most_severe: dict[str, Finding] = {}
    found = [part for parts in told for part in of_kind(parts, Finding) if part.code not in findings.OF_LATENCY]
    for finding in found:
        if finding.code not in most_severe or finding.severity is Severity.WARNING:
            most_severe[finding.code] = finding
    times = Counter(finding.code for finding in found)
    for code, finding in most_severe.items():
        is_of_few = code == Flaw.UNSTABLE_WARM_UP and 2 * times[code] < len(told)
        yield msgspec.structs.replace(finding, severity=Severity.NOTE) if is_of_few else finding


def _failures(told: Iterable[Iterable[object]], processes: int) -> Iterable[Failure]:
    for number, parts in enumerate(told, start=1):
        for failure in of_kind(parts, Failure):
            message = f"process {number} of {processes}: {failure.message}"
            yield msgspec.structs.replace(failure, message=message)


def _method(methods: Sequence[str]) -> str:
    """What all say is said once; where they differ in single words, as in numbers, these stand beside each other."""
    in_words = [re.split("([ ,]+)", method) for method in methods]
    if len({len(words) for words in in_words}) > 1:
        return f"{len(methods)} processes: {'; '.join(dict.fromkeys(methods))}"
    words = (column[0] if len(set(column)) == 1 else "/".join(column) for column in zip(*in_words, strict=True))
    return f"{len(methods)} processes: {''.join(words)}"


def _chained(parts: Iterable[tuple[Item, ...]]) -> tuple[Item, ...]:
    return tuple(itertools.chain.from_iterable(parts))


# A case in several fresh processes: what a process draws once, such as where its memory lies, all its rounds share.
#
# They follow one another and are not spread over the run, since a case is recorded when it ends: a neighbour that lasts
# for longer than a case disturbs all of them.


ONLY_LATENCY = frozenset(metric.key for metric in metrics.METRICS) - {LATENCY}
"""Metrics that count as known already, so that no other probe runs."""

_LEAST_CALLS = 2
"""Of a process: one to warm up, and a round."""


def replicate(
    executor: Executor, case: Case, budget: Budget, known: KnownFacts, clock: Callable[[], float]
) -> Sequence[object]:
    """Measure the case in as many processes as the budget asks for and has room for; the parts as if one told them.

    All but the latency, and what belongs to it, is measured by the first alone. None follows one that failed.
    """
    told: list[list[object]] = []
    began_s, elapsed_s = clock(), 0.0
    while not told or _has_room(budget, told, elapsed_s):
        task = Task(tasks.measure_case, (case, budget, _known_now(known, told)))
        told.append(_run(executor, task, budget.time_limit_s - elapsed_s))
        elapsed_s = clock() - began_s
    return merge(case, budget, told, known.reference_s)


def _run(executor: Executor, task: Task, time_limit_s: float) -> list[object]:
    parts: list[object] = []
    failure = executor.run(task, parts.append, time_limit_s)
    return [*parts, *([failure] if failure else [])]


def _known_now(known: KnownFacts, told: Sequence[Sequence[object]]) -> KnownFacts:
    if not told:
        return known
    parts = list(chain.from_iterable(told))
    found = {part.metric for part in parts if isinstance(part, (Measurement, Unavailable))}
    return KnownFacts(
        metrics=(known.metrics | ONLY_LATENCY | found) - {LATENCY},
        reference_s=quietest_s(known.reference_s, of_kind(parts, Measurement)),
    )


def _has_room(budget: Budget, told: Sequence[Sequence[object]], elapsed_s: float) -> bool:
    """Whether another process is asked for, and is expected to end within the budget.

    Its share holds more than two calls, unless they are long: then the budget is over before all have had theirs.
    """
    if len(told) >= budget.processes or not budget.max_rounds or of_kind(told[-1], Failure):
        return False
    latencies = [part for parts in told for part in of_kind(parts, Measurement) if part.metric == LATENCY]
    if len(latencies) < len(told) or elapsed_s * (1 + 1 / len(told)) > budget.time_limit_s:
        return False
    calls = sum(map(_calls, told))
    return (calls + _LEAST_CALLS) * statistics.median(latencies[-1].samples) <= budget.max_s


def _calls(parts: Sequence[object]) -> float:
    """How often the sampling loop of a process called the model."""
    measurements = {part.metric: part for part in of_kind(parts, Measurement)}
    warm_up = measurements.get("warm_up_calls")
    return len(measurements[LATENCY].samples) + (warm_up.samples[0] if warm_up else 0)
