from __future__ import annotations

import pytest

from zoobench.cases import UnknownNameError, format_quantity
from zoobench.measure.worker.probes import all_probes
from zoobench.records import metrics
from zoobench.records.metrics import CALIBRATION_METRICS, METRICS, Better, Exactness

OF_CASES = [metric for metric in METRICS if metric.key not in CALIBRATION_METRICS]


def test_keys_are_unique_and_found() -> None:
    assert len({metric.key for metric in METRICS}) == len(METRICS)
    assert [metrics.find(metric.key) for metric in METRICS] == list(METRICS)


def test_an_unknown_metric_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"^unknown metric 'latenci': did you mean latency"):
        metrics.find("latenci")


def test_every_unit_can_be_printed() -> None:
    assert {metric.unit for metric in METRICS} == {"s", "bytes", "1", "1/s", "ratio"}
    for metric in METRICS:
        assert format_quantity(1.0, metric.unit)[0] == "1"


def test_facts_of_a_model_are_counts_that_compare_exactly() -> None:
    facts = [metrics.find(key) for key in metrics.MODEL_METRICS]
    assert [fact.key for fact in facts] == ["parameters", "trainable_parameters", "buffers", "macs", "activations"]
    assert {(fact.unit, fact.comparison) for fact in facts} == {("1", Exactness.EXACT)}


def test_what_is_counted_or_predicted_compares_exactly_and_what_is_measured_does_not() -> None:
    probes = {metric: probe for probe in all_probes() for metric in probe.metrics}
    of_program = {"operator_calls", "graph_breaks"}  # counted by no probe, and the same every time
    for metric in OF_CASES:
        is_called_for = metric.key not in of_program and (metric.key not in probes or probes[metric.key].makes_calls)
        assert metric.comparison is (Exactness.NOISY if is_called_for else Exactness.EXACT), metric.key


def test_only_throughput_and_capacity_should_rise() -> None:
    assert {metric.key for metric in OF_CASES if metric.better is Better.HIGHER} == {"throughput", "capacity"}


def test_what_others_count_and_what_was_asked_for_is_neither_good_nor_bad() -> None:
    neither = {metric.key for metric in OF_CASES if metric.better is Better.NEITHER}
    others = {"fvcore_macs", "fvcore_unsupported_calls", "published_macs", "published_parameters"}
    assert neither == {*others, "memory_limit"}


def test_every_probe_measures_metrics_of_the_table() -> None:
    promised = [metric for probe in all_probes() for metric in probe.metrics]
    assert set(promised) <= {metric.key for metric in METRICS}
    assert len(set(promised)) == len(promised), "two probes promise the same metric"


def test_a_calibration_is_of_a_machine_and_no_probe_measures_it() -> None:
    promised = {metric for probe in all_probes() for metric in probe.metrics}
    assert not promised & set(CALIBRATION_METRICS)


def test_an_error_of_a_calibration_is_best_at_nought() -> None:
    errors = {metric for metric in METRICS if metric.key.startswith("known_")}
    assert {(metric.unit, metric.better) for metric in errors} == {("ratio", Better.NEITHER)}
    exact = {metric.key for metric in errors if metric.comparison is Exactness.EXACT}
    assert exact == {"known_macs_error", "known_bytes_error"}, "a clock is not exact"
