from __future__ import annotations

from pathlib import Path

import pytest

from zoobench.cases import COUNT_ONLY, Budget
from zoobench.measure.worker.probes import Probe, all_probes
from zoobench.records import metrics


def test_what_is_timed_comes_before_what_disturbs() -> None:
    names = [probe.name for probe in all_probes()]

    assert names == ["size", "latency", "interval", "memory", "device_time", "operator_time", "prediction", "audit"]


def test_every_metric_of_a_probe_is_in_the_table_and_has_one_probe() -> None:
    measured = [metric for probe in all_probes() for metric in probe.metrics]

    assert len(measured) == len(set(measured))
    assert all(metrics.find(metric) for metric in measured)
    derived = {"throughput", "launch_bound_ratio"}
    of_searches = {"capacity", "memory_slope", "memory_intercept", "memory_limit"}
    of_comparisons = {"operator_calls", "graph_breaks"}
    elsewhere = derived | of_searches | of_comparisons | set(metrics.CALIBRATION_METRICS)
    assert set(measured) | elsewhere == {metric.key for metric in metrics.METRICS}


def test_a_package_adds_a_probe_by_its_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "added-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: added\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[zoobench.probes]\nadded = added_probe:PROBE\n", encoding="utf-8")
    (tmp_path / "added_probe.py").write_text(
        "from zoobench.measure.worker.probes import Probe\n"
        "PROBE = Probe(name='added', metrics=('latency',), measure=lambda subject, budget, progress: ())\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)

    *_, last = all_probes()

    assert isinstance(last, Probe)
    assert last.name == "added"


@pytest.mark.parametrize(
    ("makes_calls", "is_audit", "budget", "is_wanted"),
    [
        (True, False, Budget(), True),
        (False, False, Budget(), True),
        (True, False, COUNT_ONLY, False),
        (False, False, COUNT_ONLY, True),
        (False, True, Budget(), False),
        (False, True, COUNT_ONLY, True),
    ],
)
def test_a_case_that_is_only_counted_makes_no_call_and_is_audited(
    budget: Budget, *, makes_calls: bool, is_audit: bool, is_wanted: bool
) -> None:
    probe = Probe(name="p", metrics=("a", "b"), measure=lambda *_: (), makes_calls=makes_calls, is_audit=is_audit)
    assert probe.is_wanted(budget, frozenset({"a"})) is is_wanted
    assert not probe.is_wanted(budget, frozenset({"a", "b", "c"})), "all that it could add is known"
