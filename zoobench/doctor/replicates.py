"""The same case in several fresh processes, measured as a run would: what one process's median is worth."""

from __future__ import annotations

from zoobench.cases import Budget, Case
from zoobench.doctor.effort import Effort
from zoobench.isolate import Executor, Task
from zoobench.parts import Known
from zoobench.records import Failure, Measurement, Unavailable
from zoobench.replication import MEASURE, ONLY_LATENCY

METRIC = "repeated_latency"

LEAST_PROCESSES = 2
"""One pair: fewer say nothing of a difference."""

MOST_ROUNDS = 100
"""In a process: its median is then known better than the next process's is near, and the file stays small."""

_TIME_LIMIT_S = 60.0


def measure_replicates(executor: Executor, case: Case, effort: Effort) -> Measurement | Unavailable:
    """All samples, process after process; a block is a process. One that failed is left out, and said."""
    latencies, failures = [], []
    for _ in range(effort.processes):
        latency, failure = _measure_once(executor, case, _budget(effort))
        latencies += [latency] if latency else []
        failures += [failure] if failure else []
    if len(latencies) < LEAST_PROCESSES:
        reason = failures[-1].message if failures else "the workers told no latency"
        return Unavailable(metric=METRIC, reason=reason)
    return Measurement(
        metric=METRIC,
        samples=tuple(sample for latency in latencies for sample in latency.samples),
        method=f"{case.id}, {len(latencies)} of {effort.processes} fresh processes, a block each",
        block_sizes=tuple(len(latency.samples) for latency in latencies),
    )


def _measure_once(executor: Executor, case: Case, budget: Budget) -> tuple[Measurement | None, Failure | None]:
    told: list[object] = []
    died = executor.run(Task(MEASURE, (case, budget, Known(metrics=ONLY_LATENCY))), told.append, _TIME_LIMIT_S)
    failures = [part for part in (*told, died) if isinstance(part, Failure)]
    latencies = [part for part in told if isinstance(part, Measurement) and part.metric == "latency"]
    return (latencies[0] if latencies and not failures else None, failures[-1] if failures else None)


def _budget(effort: Effort) -> Budget:
    """All of the time, however narrow the interval is by then: a process's median should not depend on it."""
    return Budget(
        precision_target=0.0,
        max_rounds=MOST_ROUNDS,
        min_s=effort.case_s,
        max_s=effort.case_s,
        max_warmup_s=effort.case_s / 4,
    )
