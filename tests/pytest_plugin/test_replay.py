from __future__ import annotations

import json
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoobench.pytest_plugin.bench import ReplayTimer

SAMPLES_S = (0.011, 0.013, 0.0125, 0.5, 0.010, 1e-7)

SUITE = """
    import pytest
    from zoobench.pytest_plugin import bench

    TIMER = bench.ReplayTimer()
    calls = []

    @pytest.fixture(autouse=True)
    def count(monkeypatch):
        monkeypatch.setattr(bench, "_nothing", lambda: calls.append(1))

    @pytest.mark.benchmark(timer=TIMER)
    def test_measured(benchmark):
        bench.replay(benchmark, TIMER, SAMPLES)
        assert len(calls) == EXPECTED_CALLS

    @pytest.mark.benchmark(timer=TIMER)
    def test_failed(benchmark):
        bench.mark_failed(benchmark, TIMER)
"""


def run_suite(pytester: pytest.Pytester, *arguments: str, calls: int) -> pytest.RunResult:
    pytester.makepyfile(SUITE.replace("SAMPLES", repr(SAMPLES_S)).replace("EXPECTED_CALLS", str(calls)))
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-W", "error", *arguments)
    result.assert_outcomes(passed=2)
    return result


def test_pytest_benchmark_takes_our_samples_as_its_rounds(pytester: pytest.Pytester) -> None:
    result = run_suite(pytester, "--benchmark-json=out.json", calls=len(SAMPLES_S))
    (benchmark,) = json.loads((pytester.path / "out.json").read_text())["benchmarks"]
    stats = benchmark["stats"]
    assert benchmark["name"] == "test_measured"
    assert stats["data"] == list(SAMPLES_S)
    assert (stats["rounds"], stats["iterations"]) == (len(SAMPLES_S), 1)
    assert (stats["min"], stats["max"]) == (min(SAMPLES_S), max(SAMPLES_S))
    assert stats["mean"] == pytest.approx(statistics.mean(SAMPLES_S))
    assert stats["median"] == pytest.approx(statistics.median(SAMPLES_S))
    assert stats["stddev"] == pytest.approx(statistics.stdev(SAMPLES_S))
    result.stdout.fnmatch_lines(["test_measured* 100.0000 *500,000,000.0000*"])


def test_a_disabled_benchmark_calls_once(pytester: pytest.Pytester) -> None:
    result = run_suite(pytester, "--benchmark-disable", calls=1)
    result.stdout.no_fnmatch_line("*Median*")


@given(st.lists(st.floats(1e-9, 1e6), max_size=20))
def test_pairs_of_readings_differ_by_the_durations_exactly(durations_s: list[float]) -> None:
    timer = ReplayTimer()
    timer.load(durations_s)
    told = []
    for _ in durations_s:
        before = timer()
        told.append(timer() - before)
    assert told == durations_s


def test_more_readings_than_were_loaded_are_a_mistake() -> None:
    timer = ReplayTimer()
    timer.load([1.0])
    timer(), timer()
    with pytest.raises(IndexError):
        timer()


def test_what_is_loaded_last_is_told_alone() -> None:
    timer = ReplayTimer()
    timer.load([1.0, 2.0])
    timer()
    timer.load([3.0])
    assert [timer(), timer()] == [0.0, 3.0]
