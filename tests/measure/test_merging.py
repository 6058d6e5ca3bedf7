from __future__ import annotations

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import make_case, measurement

from zoobench.cases import Budget
from zoobench.measure.messages import InCalls, Settings, Step, WorkerMessage, WorkerResults, assemble
from zoobench.measure.replication import join, merge, quietest_s
from zoobench.records import Breakdown, Failure, FailureKind, Finding, Measurement, Severity, Unavailable
from zoobench.stats.summaries import processes_of, summary_of

CASE, BUDGET = make_case(), Budget(processes=3)


def latency(*samples: float, **covariates: tuple[float, ...]) -> Measurement:
    """In blocks of one."""
    return measurement("latency", *samples, block_sizes=(1,) * len(samples), covariates=covariates)


def reference(seconds: float) -> Measurement:
    return measurement("reference_time", seconds)


def warning(code: str, **values: float | str) -> Finding:
    return Finding(code=code, severity=Severity.WARNING, values=values)


def of(kind: type, results: WorkerResults) -> list:
    by_kind = {
        Measurement: results.measurements,
        Unavailable: results.unavailable,
        Finding: results.findings,
        Breakdown: results.breakdowns,
    }
    return by_kind[kind]


def merged(*workers: list[WorkerMessage], budget: Budget = BUDGET, known_s: float | None = None) -> WorkerResults:
    return merge(CASE, budget, [WorkerResults.of(messages) for messages in workers], known_s)


# Samples


def test_samples_follow_each_other_process_after_process() -> None:
    (found,) = of(Measurement, merged([latency(1.0, 2.0)], [latency(3.0)], [latency(4.0, 5.0)]))

    assert found.samples == (1.0, 2.0, 3.0, 4.0, 5.0)
    assert (found.block_sizes, found.process_sizes) == ((1,) * 5, (2, 1, 2))


def test_covariates_that_a_process_lacks_are_dropped() -> None:
    both = join([latency(1.0, cpu_s=(2.0,), steal_s=(0.0,)), latency(3.0, steal_s=(1.0,), page_faults=(7.0,))])
    assert both.covariates == {"steal_s": (0.0, 1.0)}


def test_one_process_is_left_as_it_is() -> None:
    assert join([latency(1.0, 2.0)]) == latency(1.0, 2.0)


def test_what_one_process_measured_is_of_it_alone() -> None:
    memory, start = measurement("peak_allocated", 5.0), measurement("first_call", 0.5)
    again = measurement("first_call", 0.75)
    found = of(Measurement, merged([latency(1.0), memory, start], [latency(2.0), again]))

    assert found[1] == memory
    assert (found[2].samples, found[2].process_sizes) == ((0.5, 0.75), (1, 1))


@pytest.mark.parametrize(
    ("methods", "merged_method"),
    [
        (("as latency",) * 2, "2 processes: as latency"),
        (("3 calls, 12 blocks", "4 calls, 12 blocks"), "2 processes: 3/4 calls, 12 blocks"),
        (("by seed 7, stopped", "by seed 8, stopped"), "2 processes: by seed 7/8, stopped"),
        (("shuffled by seed 7", "not shuffled"), "2 processes: shuffled by seed 7; not shuffled"),
    ],
)
def test_methods_are_said_once_where_they_agree(methods: tuple[str, str], merged_method: str) -> None:
    both = join([msgspec.structs.replace(latency(1.0), method=method) for method in methods])
    assert both.method == merged_method


measurements = st.builds(
    lambda blocks, calls: measurement(
        "latency",
        *itertools.chain.from_iterable(blocks),
        block_sizes=tuple(map(len, blocks)),
        covariates={"page_faults": (calls,) * sum(map(len, blocks))},
    ),
    st.lists(st.lists(st.floats(0.5, 2.0), min_size=1, max_size=3), min_size=1, max_size=4),
    st.floats(0, 100),
)


@given(st.lists(measurements, min_size=3, max_size=6), st.data())
def test_joining_is_associative(drawn: list[Measurement], data: st.DataObject) -> None:
    """In all but the words of the method, which count processes."""
    middle = data.draw(st.integers(1, len(drawn) - 1))
    in_two = join([join(drawn[:middle]), join(drawn[middle:])])

    assert msgspec.structs.replace(in_two, method="") == msgspec.structs.replace(join(drawn), method="")


@given(st.lists(measurements, min_size=2, max_size=6))
def test_what_is_joined_can_be_taken_apart(drawn: list[Measurement]) -> None:
    apart = processes_of(join(drawn))
    assert [msgspec.structs.replace(each, method="fabricated") for each in apart] == drawn


@given(measurements, st.integers(2, 8))
def test_equal_processes_have_the_median_of_each(one: Measurement, processes: int) -> None:
    summary = summary_of(join([one] * processes))

    assert summary.median == summary.low == summary.high == summary_of(one).median
    assert (summary.n, summary.processes) == (processes * len(one.samples), processes)


# Paces

REFERENCES_S = (4.0, 2.0, 8.0)


@pytest.mark.parametrize(("known_s", "best_s"), [(None, 2.0), (3.0, 2.0), (1.0, 1.0)])
def test_paces_are_against_the_quietest_that_any_process_saw(known_s: float | None, best_s: float) -> None:
    """Each round's reading was 8 s; a process divided it by the best that was known when it ended."""
    told, best_then_s = [], known_s
    for seconds in REFERENCES_S:
        best_then_s = min(seconds, best_then_s or seconds)
        told.append([latency(1.0, pace=(8.0 / best_then_s,)), reference(seconds)])

    found, _ = of(Measurement, merged(*told, known_s=known_s))

    assert found.covariates["pace"] == (8.0 / best_s,) * 3


def test_other_times_of_the_same_rounds_are_marked_by_the_merged_paces() -> None:
    """The first process saw nothing quieter than itself, the second knew better."""
    forward = measurement("forward_latency", 0.5, 0.5, block_sizes=(1, 1))
    told = [
        [latency(1.0, 1.0, pace=(1.0, 1.5)), forward, reference(3.0)],
        [latency(1.0, 1.0, pace=(1.0, 1.0)), forward, reference(2.0)],
    ]

    found = {each.metric: each for each in of(Measurement, merged(*told))}

    assert found["latency"].covariates["pace"] == (1.5, 2.25, 1.0, 1.0)
    assert found["forward_latency"].covariates == {"disturbed": (1.0, 1.0, 0.0, 0.0)}


def test_the_pace_of_times_of_other_rounds_is_against_the_quietest_too() -> None:
    """Calls back to back are no rounds of the latency, and one process measures them."""
    interval = msgspec.structs.replace(measurement("interval", 0.5, 0.5), covariates={"pace": (1.0, 2.0)})
    told = [[latency(1.0, pace=(1.0,)), reference(3.0), interval], [latency(1.0, pace=(1.0,)), reference(2.0)]]

    found = {each.metric: each for each in of(Measurement, merged(*told))}

    assert found["interval"].covariates == {"pace": (1.5, 3.0)}


def test_a_machine_without_a_pace_has_none() -> None:
    missing = Unavailable(metric="reference_time", reason="no pace")
    parts = merged([latency(1.0), missing], [latency(2.0), missing])

    assert of(Measurement, parts)[0].covariates == {}
    assert of(Unavailable, parts) == [missing]


def test_the_quietest_is_of_all_that_was_seen() -> None:
    seen = [reference(3.0), latency(0.5), msgspec.structs.replace(reference(2.0), samples=(2.0, 4.0))]

    assert quietest_s(None, seen) == quietest_s(2.5, seen) == 2.0
    assert quietest_s(1.0, seen) == quietest_s(1.0, []) == 1.0
    assert quietest_s(None, []) is None


# The rest


def test_a_case_of_one_process_is_what_it_told() -> None:
    parts = [Step("latency"), latency(1.0), warning("too-few-rounds"), InCalls(0.5)]
    assert merged(parts, budget=Budget()) == WorkerResults.of(parts)


def test_what_any_process_measured_is_not_missing() -> None:
    lacking = [Unavailable(metric=metric, reason="no") for metric in ("reference_time", "host_latency")]
    parts = merged([latency(1.0), *lacking], [latency(2.0), reference(3.0), lacking[1]])

    assert of(Unavailable, parts) == [lacking[1]]
    assert [each.metric for each in of(Measurement, parts)] == ["latency", "reference_time"]


def test_the_merged_latency_is_judged_anew() -> None:
    """Each process had one round, too few for itself; that they differ none of them could know."""
    told = [[latency(seconds), warning("too-few-rounds")] for seconds in (1.0, 1.5, 2.0)]
    parts = merged(*told, budget=Budget(processes=3, min_rounds=3))

    assert [finding.code for finding in of(Finding, parts)] == ["noisy"]


def test_the_gravest_of_each_other_finding_is_kept_once() -> None:
    note = Finding(code="leaks", severity=Severity.NOTE, values={"kept_bytes": 1.0})
    told = [[latency(1.0), note, warning("hooks")], [latency(1.0), warning("leaks", kept_bytes=2.0), warning("hooks")]]

    found = of(Finding, merged(*told, [latency(1.0), warning("leaks", kept_bytes=3.0)], budget=Budget(processes=3)))

    assert [finding for finding in found if finding.code != "too-few-rounds"] == [
        warning("leaks", kept_bytes=3.0),
        warning("hooks"),
    ]


@pytest.mark.parametrize(("processes", "unstable", "severity"), [(6, 2, "note"), (6, 3, "warning"), (2, 1, "warning")])
def test_a_warm_up_without_an_end_is_a_flaw_if_it_was_so_in_half_of_the_processes(
    processes: int, unstable: int, severity: str
) -> None:
    told = [[latency(*[1.0] * 6), *[warning("unstable-warm-up")] * (number < unstable)] for number in range(processes)]

    (finding,) = of(Finding, merged(*told, budget=Budget(processes=processes)))

    assert (finding.code, finding.severity) == ("unstable-warm-up", severity)


def test_a_process_that_fails_takes_nothing_from_the_others() -> None:
    died = Failure(kind=FailureKind.CRASH, message="the worker was killed by SIGKILL", where="latency")
    parts = merged([latency(1.0), InCalls(2.0)], [latency(1.0), InCalls(3.0)], [Step("latency"), died])
    record = assemble(CASE, BUDGET, parts, started_at="then", duration_s=4.0)

    assert record.measurements[0].process_sizes == (1, 1)
    assert "too-few-processes" in [finding.code for finding in record.findings]
    assert record.failure is not None
    assert record.failure.message == "process 3 of 3: the worker was killed by SIGKILL"
    assert record.in_calls_s == 5.0


def test_a_case_that_fails_in_its_first_process_has_nothing_merged() -> None:
    died = Failure(kind=FailureKind.BUILD, message="ValueError: no", where="build")
    parts = merged([Step("build"), died])

    assert (parts.step, len(parts.failures)) == ("build", 1)
    assert (parts.measurements, parts.unavailable, parts.findings) == ([], [], [])


def test_settings_and_breakdowns_are_kept() -> None:
    settings, breakdown = Settings({"threads": "1"}), Breakdown(metric="macs", by="kind", values={}, method="counted")
    parts = merged([settings, latency(1.0), breakdown], [settings, latency(2.0)])

    assert parts.settings == settings.values
    assert of(Breakdown, parts) == [breakdown]
