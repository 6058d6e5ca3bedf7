"""Measures a case in one process or several, and merges what they measured. It imports no torch."""

from __future__ import annotations

import itertools
import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec

from zoobench.cases import Budget, Case
from zoobench.measure import tasks
from zoobench.measure.executor import Executor, Task
from zoobench.measure.messages import KnownFacts, WorkerResults
from zoobench.records import Failure, Finding, Flaw, Measurement, Severity, Unavailable, metrics
from zoobench.records.metrics import LATENCY
from zoobench.stats import findings, interference
from zoobench.stats.interference import DISTURBED, PACE, marks

REFERENCE = "reference_time"

_Item = TypeVar("_Item")
Covariates = dict[str, tuple[float, ...]]

_DECIMALS = 9
"""Of a pace, as of what else is recorded of a round."""


def merge(
    case: Case, budget: Budget, workers: Sequence[WorkerResults], known_reference_s: float | None = None
) -> WorkerResults:
    """The results of a case that was measured in several processes, as if they came from one.

    A metric that several measured has the samples of all, process after process. Paces are relative to the quietest
    that the machine was seen, by any of them or before (`known_reference_s`). The merged latency is judged anew; of all
    other findings the most severe of each code is kept. A failure names its process.

    A warm-up that did not end is no flaw of the case if it is that of less than half of the processes: their medians
    count for little in the median of all, and by chance one in twenty looks as if its times were still falling.
    """
    merged = WorkerResults()
    for results in workers:
        merged.extend(results)
    if budget.processes == 1:
        return merged
    joined = _join_all(_on_one_pace([results.measurements for results in workers], known_reference_s))
    merged.measurements = list(joined.values())
    merged.unavailable = _unavailable(merged.unavailable, joined)
    merged.findings = list(_findings(case, budget, workers, joined.get(LATENCY)))
    merged.failures = list(_failures(workers, budget.processes))
    return merged


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


def _unavailable(found: Iterable[Unavailable], joined: dict[str, Measurement]) -> list[Unavailable]:
    """What no process measured, once a metric."""
    return list({each.metric: each for each in found if each.metric not in joined}.values())


def _findings(
    case: Case, budget: Budget, workers: Sequence[WorkerResults], latency: Measurement | None
) -> Iterable[Finding]:
    if latency is not None:
        yield from findings.judge_latency(case, budget, latency)
    most_severe: dict[str, Finding] = {}
    found = [each for results in workers for each in results.findings if each.code not in findings.OF_LATENCY]
    for finding in found:
        if finding.code not in most_severe or finding.severity is Severity.WARNING:
            most_severe[finding.code] = finding
    times = Counter(finding.code for finding in found)
    for code, finding in most_severe.items():
        is_of_few = code == Flaw.UNSTABLE_WARM_UP and 2 * times[code] < len(workers)
        yield msgspec.structs.replace(finding, severity=Severity.NOTE) if is_of_few else finding


def _failures(workers: Iterable[WorkerResults], processes: int) -> Iterable[Failure]:
    for number, results in enumerate(workers, start=1):
        for failure in results.failures:
            message = f"process {number} of {processes}: {failure.message}"
            yield msgspec.structs.replace(failure, message=message)


def _method(methods: Sequence[str]) -> str:
    """What all say is said once; where they differ in single words, as in numbers, these stand beside each other."""
    in_words = [re.split("([ ,]+)", method) for method in methods]
    if len({len(words) for words in in_words}) > 1:
        return f"{len(methods)} processes: {'; '.join(dict.fromkeys(methods))}"
    words = (column[0] if len(set(column)) == 1 else "/".join(column) for column in zip(*in_words, strict=True))
    return f"{len(methods)} processes: {''.join(words)}"


def _chained(parts: Iterable[tuple[_Item, ...]]) -> tuple[_Item, ...]:
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
) -> WorkerResults:
    """Measure the case in as many processes as the budget asks for and has room for; the results, merged.

    All but the latency, and what belongs to it, is measured by the first alone. None follows one that failed.
    """
    workers: list[WorkerResults] = []
    began_s, elapsed_s = clock(), 0.0
    while not workers or _has_room(budget, workers, elapsed_s):
        task = Task(tasks.measure_case, (case, budget, _known_now(known, workers)))
        workers.append(run_task(executor, task, budget.time_limit_s - elapsed_s))
        elapsed_s = clock() - began_s
    return merge(case, budget, workers, known.reference_s)


def run_task(executor: Executor, task: Task, time_limit_s: float) -> WorkerResults:
    """What one worker sent; how it ended too early is the last of its failures."""
    results = WorkerResults()
    failure = executor.run(task, results.add, time_limit_s)
    if failure is not None:
        results.add(failure)
    return results


def _known_now(known: KnownFacts, workers: Sequence[WorkerResults]) -> KnownFacts:
    if not workers:
        return known
    found = frozenset(metric for results in workers for metric in results.metrics)
    measurements = itertools.chain.from_iterable(results.measurements for results in workers)
    return KnownFacts(
        metrics=(known.metrics | ONLY_LATENCY | found) - {LATENCY},
        reference_s=quietest_s(known.reference_s, measurements),
    )


def _has_room(budget: Budget, workers: Sequence[WorkerResults], elapsed_s: float) -> bool:
    """Whether another process is asked for, and is expected to end within the budget.

    Its share holds more than two calls, unless they are long: then the budget is over before all have had theirs.
    """
    if len(workers) >= budget.processes or not budget.max_rounds or workers[-1].failures:
        return False
    latencies = [latency for results in workers if (latency := results.measurement(LATENCY)) is not None]
    if len(latencies) < len(workers) or elapsed_s * (1 + 1 / len(workers)) > budget.time_limit_s:
        return False
    calls = sum(map(_calls, workers))
    return (calls + _LEAST_CALLS) * statistics.median(latencies[-1].samples) <= budget.max_s


def _calls(results: WorkerResults) -> float:
    """How often the sampling loop of a process called the model."""
    latency, warm_up = results.measurement(LATENCY), results.measurement("warm_up_calls")
    return (len(latency.samples) if latency else 0) + (warm_up.samples[0] if warm_up else 0)
