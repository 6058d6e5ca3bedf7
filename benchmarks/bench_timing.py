"""Spread between processes of our median, beside those of the usual tools. Prints figures, judges nothing.

python benchmarks/bench_timing.py [MODEL…] [--batches N N] [--processes N] [--threads N] [--tools A B]

Each measurement is one of a case in a fresh process; the tools take turns, so that what disturbs one disturbs all.

- zoobench: the sampling loop with its default budget, which stops at ±2 %.
- zoobench-x6: six fresh processes that share that budget are one measurement (`--zoobench-processes 6`).
- timer: `torch.utils.benchmark.Timer(…).blocked_autorange(min_run_time=MIN_RUN_TIME_S)`, with the threads of the case.
- pytest-benchmark: its default calibration and rounds (at least 5, at least 1 s), in a real pytest.

Spread is the coefficient of variation of the measurements' medians: of all of them, and of those that say they are
valid (for the other tools, which say nothing, of all again). Coverage is how many of the measurements' 95 % intervals
hold the grand median (the median of the medians): for zoobench its own interval; for the others, which print none, the
distribution-free interval of their samples, as if these were independent. Seconds a case are those of the timer alone;
for zoobench, of its processes from their start to their end.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec
import pytest
import torch
from torch.utils.benchmark import Timer

from zoobench.cases import Budget, Case, Mode, Precision, catalogue
from zoobench.cases.options import usable_threads
from zoobench.devices import CpuDevice
from zoobench.measure.executor import ForkedWorkers, Task
from zoobench.measure.messages import Emit, KnownFacts
from zoobench.measure.replication import ONLY_LATENCY, replicate
from zoobench.measure.worker.rounds import read_counters
from zoobench.measure.worker.workload import build_workload
from zoobench.records import VALID, Failure, Measurement, validity_of
from zoobench.stats import estimates
from zoobench.stats.summaries import summary_of

MODELS = ("mobilenet_v2", "mnasnet1_0", "shufflenet_v2_x1_0", "squeezenet1_1", "resnet18")
MIN_RUN_TIME_S = 1.0
"""As long as pytest-benchmark measures at least; the timer's default is 0.2 s."""

WARM_UP_CALLS = 3
TIME_LIMIT_S = 120.0


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one measurement says of a case."""

    median_s: float
    low_s: float | None
    high_s: float | None
    faults: float
    took_s: float
    validity: str = ""

    def holds(self, value_s: float) -> bool:
        return self.low_s is not None and self.high_s is not None and self.low_s <= value_s <= self.high_s


def main() -> None:
    """Print a row for each case and tool, then the averages of each tool."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--batches", nargs="*", type=int, default=[1, 8])
    parser.add_argument("--processes", type=int, default=10, help="measurements of each case by each tool")
    parser.add_argument("--tools", nargs="+", choices=list(TOOLS), default=list(TOOLS))
    parser.add_argument("--threads", type=int, default=usable_threads())
    asked = parser.parse_args()
    print("model                batch  tool              median ms  spread %  of valid  coverage  ±%  faults  s a case")
    rows: defaultdict[str, list[tuple[float, ...]]] = defaultdict(list)
    for name in asked.models:
        for batch in asked.batches:
            for tool, outcomes in _take_turns(_case(name, batch, asked.threads), asked.processes, asked.tools).items():
                rows[tool].append(_print_row(name, batch, tool, outcomes))
    for tool, figures in rows.items():
        spread, of_valid, coverage = (_mean(column) for column in zip(*figures, strict=True))
        print(
            f"{tool:<18} mean spread {100 * spread:.2f} %, of valid ones {100 * of_valid:.2f} %, "
            f"coverage {100 * coverage:.0f} %"
        )


def ours(workers: ForkedWorkers, case: Case, processes: int) -> Outcome:
    """The latency as any case of a run has it measured."""
    known = KnownFacts(metrics=ONLY_LATENCY, reference_s=_pace.get(case.threads))
    began = time.perf_counter()
    results = replicate(workers, case, Budget(processes=processes), known, time.monotonic)
    took_s = time.perf_counter() - began
    _refuse_failures(case, results.failures)
    found = {each.metric: each for each in results.measurements}
    _learn(case.threads, found["reference_time"])
    faults = statistics.median(found["latency"].covariates["page_faults"])
    return _outcome(summary_of(found["latency"]), faults, took_s, validity_of(results.findings))


def theirs(workers: ForkedWorkers, case: Case, function: Callable[[Case, Emit], None]) -> Outcome:
    """What that function tells in a fresh process."""
    told: list[Outcome] = []
    failure = workers.run(Task(function, (case,)), told.append, TIME_LIMIT_S)
    _refuse_failures(case, [failure] if failure else [])
    return told[0]


def timers(case: Case, emit: Emit) -> None:
    """Torch's own timer."""

    def measured(call: Callable[[], object]) -> Sequence[float]:
        timer = Timer("call()", globals={"call": call}, num_threads=case.threads)
        return timer.blocked_autorange(min_run_time=MIN_RUN_TIME_S).times

    _others(case, measured, emit)


def pytest_benchmarks(case: Case, emit: Emit) -> None:
    """pytest-benchmark's fixture in a real pytest, with its defaults."""

    def measured(call: Callable[[], object]) -> Sequence[float]:
        with tempfile.TemporaryDirectory() as folder:
            test, found = Path(folder) / "test_call.py", Path(folder) / "found.json"
            test.write_text("def test_call(benchmark, call):\n    benchmark(call)\n", encoding="utf-8")
            options = ["--quiet", "--rootdir", folder, "-p", "no:cacheprovider", "-c", os.devnull]
            pytest.main([*options, f"--benchmark-json={found}", str(test)], plugins=[_GivesCall(call)])
            (of_test,) = json.loads(found.read_text(encoding="utf-8"))["benchmarks"]
            return list(of_test["stats"]["data"])

    _others(case, measured, emit)


TOOLS: dict[str, Callable[[ForkedWorkers, Case], Outcome]] = {
    "zoobench": functools.partial(ours, processes=1),
    "zoobench-x6": functools.partial(ours, processes=6),
    "timer": functools.partial(theirs, function=timers),
    "pytest-benchmark": functools.partial(theirs, function=pytest_benchmarks),
}


class _GivesCall:
    """A pytest plugin whose fixture is the call to be timed."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call

    @pytest.fixture
    def call(self) -> Callable[[], object]:
        return self._call


def _others(case: Case, measured: Callable[[Callable[[], object]], Sequence[float]], emit: Emit) -> None:
    """What a user of that tool gets: the C library as it is, and some calls to warm up."""
    torch.set_num_threads(case.threads)
    workload = build_workload(case, CpuDevice())
    for _ in range(WARM_UP_CALLS):
        workload.call()
    calls = 0

    def call() -> None:
        nonlocal calls
        calls += 1
        workload.call()

    began, before = time.perf_counter(), read_counters()
    summary = estimates.summarize(measured(call))
    took_s, faults = time.perf_counter() - began, read_counters().since(before)["page_faults"] / calls
    emit(_outcome(summary, faults, took_s))


def _outcome(summary: estimates.Summary, faults: float, took_s: float, validity: str = "") -> Outcome:
    return Outcome(
        median_s=summary.median,
        low_s=summary.low,
        high_s=summary.high,
        faults=faults,
        took_s=took_s,
        validity=validity,
    )


def _take_turns(case: Case, times: int, tools: Sequence[str]) -> dict[str, list[Outcome]]:
    """A measurement by each tool, one after the other, again and again."""
    workers = ForkedWorkers()
    outcomes: dict[str, list[Outcome]] = {tool: [] for tool in tools}
    for _ in range(times):
        for tool in tools:
            outcomes[tool].append(TOOLS[tool](workers, case))
    return outcomes


def _refuse_failures(case: Case, failures: Iterable[Failure]) -> None:
    for failure in failures:
        raise SystemExit(f"{case.id}: {failure.kind.value}: {failure.message}")


_pace: dict[int, float] = {}
"""As a run learns it: what the fixed computation takes on so many threads when the machine is quiet."""


def _learn(threads: int, reference: Measurement) -> None:
    _pace[threads] = min(_pace.get(threads, math.inf), *reference.samples)


def _print_row(name: str, batch: int, tool: str, outcomes: Sequence[Outcome]) -> tuple[float, ...]:
    """What the row says of spread, spread of valid measurements, and coverage of the valid ones' grand median."""
    valid = [outcome for outcome in outcomes if outcome.validity in ("", VALID)] or list(outcomes)
    grand_s = statistics.median(outcome.median_s for outcome in valid)
    coverage = statistics.mean(outcome.holds(grand_s) for outcome in valid)
    spread, of_valid = _spread(outcomes), _spread(valid)
    widths = [(o.high_s - o.low_s) / 2 / o.median_s for o in valid if o.low_s is not None and o.high_s is not None]
    faults, took_s = (statistics.median(getattr(o, field) for o in outcomes) for field in ("faults", "took_s"))
    medians = " ".join(f"{1e3 * o.median_s:.2f}{'' if o.validity in ('', VALID) else '!'}" for o in outcomes)
    print(
        f"{name:<20} {batch:>5}  {tool:<16}  {1e3 * grand_s:>9.2f}  {100 * spread:>8.2f}  {100 * of_valid:>8.2f}  "
        f"{100 * coverage:>6.0f} %  {100 * _mean(widths):>4.1f}  {faults:>6.0f}  {took_s:>8.1f}  {medians}",
        flush=True,
    )
    return spread, of_valid, coverage


def _spread(outcomes: Sequence[Outcome]) -> float:
    medians = [outcome.median_s for outcome in outcomes]
    return statistics.stdev(medians) / statistics.median(medians) if len(medians) > 1 else math.nan


def _mean(values: Iterable[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return statistics.mean(known) if known else math.nan


def _case(name: str, batch: int, threads: int) -> Case:
    entry = catalogue.find(name)
    return Case(
        model=entry.ref,
        mode=Mode.INFER,
        batch=batch,
        image_size=entry.image_size,
        precision=Precision.FP32,
        device="cpu",
        threads=threads,
    )


if __name__ == "__main__":
    import bench_timing  # the workers import this file by its name, and their records are of that module's classes

    bench_timing.main()
