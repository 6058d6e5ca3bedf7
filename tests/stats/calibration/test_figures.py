from __future__ import annotations

from synthetic import QUIET, TROUBLED, make_calibration

from zoobench.measure.doctor import CHECKS
from zoobench.records import Unavailable, metrics
from zoobench.stats.calibration import FIGURES, findings_of, read_figures


def test_every_figure_is_of_a_metric_that_exists() -> None:
    known = {metric.key for metric in metrics.METRICS}

    assert {figure.metric for figure in FIGURES} <= known


def test_every_metric_of_a_check_has_a_figure() -> None:
    told = {metric for check in CHECKS for metric in getattr(check, "metrics", ("repeated_latency",))}

    assert told == {figure.metric for figure in FIGURES}


def test_a_figure_is_derived_printed_and_judged() -> None:
    readings = {reading.title: reading for reading in read_figures(make_calibration(TROUBLED))}

    drift = readings["Drift of the pace"]
    assert drift.text == "50.0 %"
    assert [finding.code for finding in drift.findings] == ["drifting"]
    assert readings["Multiply-accumulates a second"].text == "155 G"
    assert not readings["Multiply-accumulates a second"].is_good, "no rate is good in itself"
    assert readings["Known allocation, measured wrong by"].text == "-25.0 %", "of what must be exact, the worst"
    assert readings["Processors at a fixed clock"].text == "50.0 %"


def test_what_could_not_be_measured_says_why() -> None:
    lacking = Unavailable(metric="pace", reason="the worker was killed by SIGKILL")

    readings = read_figures(make_calibration((), unavailable=(lacking,)))

    assert len(readings) == 3, "each of the figures of pace, and no other"
    assert {reading.text for reading in readings} == {"not available: the worker was killed by SIGKILL"}
    assert not any(reading.is_good or reading.findings for reading in readings)


def test_on_a_quiet_machine_all_that_is_judged_is_good() -> None:
    told_only = {"Load of the last minute", "Multiply-accumulates a second"}

    assert {reading.title for reading in read_figures(make_calibration()) if not reading.is_good} == told_only


def test_headlines_are_the_noise_the_spread_and_the_pace() -> None:
    titles = [reading.title for reading in read_figures(make_calibration()) if reading.is_headline]

    assert titles == ["Median pace behind the best", "Noise floor: the same case twice", "Spread between processes"]


def test_findings_of_all_figures_are_those_that_are_stored() -> None:
    made = make_calibration(TROUBLED)

    assert findings_of(TROUBLED) == tuple(finding for reading in read_figures(made) for finding in reading.findings)
    assert findings_of(QUIET) == ()
