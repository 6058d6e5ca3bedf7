import math

import pytest
from synthetic import default_run, make_case, make_run, realistic_record

from zoobench.report import palette
from zoobench.report.html.plots import CHANGE_TICK, RATIO_TICK
from zoobench.report.html.plots.dots import MOST_ROWS, Dot, DotAxis, dot_plot, first_rows, height_for
from zoobench.report.html.section import Height
from zoobench.report.html.sections.batch_and_precision import batch_and_precision
from zoobench.report.html.sections.families import families
from zoobench.report.report_data import collect_report_data

AXIS = DotAxis("times", RATIO_TICK, baseline=1.0)


def dot(name="net", value=2.0, low=math.nan, high=math.nan, series=""):
    return Dot(name, palette.MOBILENET, value, low, high, f"{value}×", series)


def scale_of(spec):
    return spec["layer"][-1]["encoding"]["x"]["scale"]["domain"]


def ticks_of(spec):
    return spec["layer"][-1]["encoding"]["x"]["axis"]["values"]


def test_stems_begin_at_the_baseline_or_at_the_models_smallest_value():
    dots = [dot(value=2.0, series="batch 1"), dot(value=8.0, series="batch 8"), dot("other", 4.0, series="batch 1")]
    assert [row["start"] for row in dot_plot(dots, AXIS)["data"]["values"]] == [1.0] * 3
    free = DotAxis("images a second", RATIO_TICK)
    assert [row["start"] for row in dot_plot(dots, free)["data"]["values"]] == [2.0, 2.0, 4.0]


def test_everything_lies_within_the_axis():
    low, high = scale_of(dot_plot([dot(value=3.0, low=0.2, high=9.0), dot("b", 0.5)], AXIS))
    assert low < 0.2
    assert high > 9.0


@pytest.mark.parametrize(
    ("value", "ticks"),
    [(4.0, [1.0, 2.0, 5.0]), (0.03, [0.05, 0.1, 0.2, 0.5, 1.0, 2.0]), (5e3, [1, 10, 100, 1e3, 1e4, 1e5])],
)
def test_ticks_are_round_and_within_the_axis(value, ticks):
    assert ticks_of(dot_plot([dot(value=value)], AXIS)) == pytest.approx(ticks)


def test_what_has_no_room_is_told():
    dots = [dot(f"net{place}") for place in range(MOST_ROWS + 4)]
    shown, cut = first_rows(dots)
    assert (len(shown), cut) == (MOST_ROWS, f" (the first {MOST_ROWS} of {MOST_ROWS + 4} models)")
    assert first_rows(dots[:2]) == (tuple(dots[:2]), "")
    assert [height_for(dots[:count]) for count in (1, 15, 26)] == [Height.LOW, Height.MIDDLE, Height.TALL]


def test_the_families_are_drawn_over_alexnet():
    report_data = collect_report_data([default_run()])
    charts = {chart.key: chart for chart in families(report_data).charts}
    assert [*charts] == ["families-parameters", "families-macs", "families-memory", "families-latency"]
    models = report_data.view.models.set_index("name")
    for row in charts["families-macs"].spec["data"]["values"]:
        assert row["value"] == pytest.approx(models.loc[row["name"], "macs"] / models.loc["alexnet", "macs"])


def test_without_alexnet_or_without_a_second_batch_there_is_no_chart():
    report_data = collect_report_data([make_run([realistic_record(make_case("mobilenet_v2"))])])
    assert families(report_data).charts == ()
    assert batch_and_precision(report_data).charts == ()
    assert families(collect_report_data([])).charts == batch_and_precision(collect_report_data([])).charts == ()


def test_batches_and_speed_ups_are_those_of_the_frame():
    report_data = collect_report_data([default_run()])
    charts = {chart.key: chart for chart in batch_and_precision(report_data).charts}
    assert [*charts] == ["throughput", "speed-up-infer-amp-bf16", "speed-up-train-amp-bf16"]
    rows = report_data.view.rows
    for row in charts["throughput"].spec["data"]["values"]:
        here = rows[(rows["name"] == row["name"]) & (rows["metric"] == "throughput") & (rows["mode"] == "infer")]
        at = here[(here["precision"] == "fp32") & (here["batch"] == int(row["series"].removeprefix("batch ")))]
        assert row["value"] == pytest.approx(at["value"].item())


def test_an_axis_on_both_sides_of_zero_reaches_as_far_on_either():
    axis = DotAxis("off", CHANGE_TICK, baseline=0.0, linear_to=0.001)
    spec = dot_plot([dot(value=-0.25, series="one"), dot(value=0.02, series="other")], axis)
    low, high = scale_of(spec)
    assert low == -high < -0.25
    assert ticks_of(spec) == [-0.1, -0.01, -0.001, 0, 0.001, 0.01, 0.1]
    assert [row["start"] for row in spec["data"]["values"]] == [0.0, 0.0]


def test_an_axis_of_nothing_but_zero_has_a_width():
    low, high = scale_of(dot_plot([dot(value=0.0)], DotAxis("off", CHANGE_TICK, baseline=0.0, linear_to=0.001)))
    assert low < 0 < high
