import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import MODELS, default_cases, failed, make_case, make_record, make_run, measurement, realistic_record

from zoobench.cases import Mode, Precision
from zoobench.report import palette
from zoobench.report.charts import canvas
from zoobench.report.charts.run_charts import CHARTS
from zoobench.report.frame import collect_frame
from zoobench.report.placement import Box, overlap
from zoobench.report.selection import amp_speedups, pareto_front, ratio_text, reference_of, view_of

KEYS = [chart.key for chart in CHARTS]


@pytest.fixture(scope="module")
def figures(default_view, two_runs_view):
    """Every chart of both views, drawn once."""
    return {
        (name, chart.key): chart.build(view)
        for name, view in (("one run", default_view), ("two runs", two_runs_view))
        for chart in CHARTS
    }


def build(key, view):
    (chart,) = (chart for chart in CHARTS if chart.key == key)
    return chart.build(view)


def view_of_records(*records):
    return view_of(collect_frame([make_run(records)]))


def extent(artist):
    return Box(*artist.get_window_extent().extents)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("runs", ["one run", "two runs"])
def test_no_label_covers_another_and_all_lie_in_the_figure(figures, runs, key):
    figure = figures[runs, key]
    figure.draw_without_rendering()
    whole = figure.bbox.extents
    for ax in figure.axes:
        labels = [extent(text) for text in ax.texts]
        for first, second in itertools.combinations(labels, 2):
            assert not overlap(first, np.array([second])).any(), (ax.get_title(), first, second)
        named = [extent(text) for text in (ax.title, ax.xaxis.label, ax.yaxis.label) if text.get_text().strip()]
        for box in (*labels, *named):
            assert box.x0 >= whole[0], ax.get_title()
            assert box.y0 >= whole[1], ax.get_title()
            assert box.x1 <= whole[2], ax.get_title()
            assert box.y1 <= whole[3], ax.get_title()


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("runs", ["one run", "two runs"])
def test_tick_labels_of_an_axis_do_not_touch(figures, runs, key):
    figure = figures[runs, key]
    figure.draw_without_rendering()
    for ax, side in itertools.product(figure.axes, ("x", "y")):
        limits = sorted(getattr(ax, f"get_{side}lim")())
        ticks = getattr(ax, f"{side}axis").get_major_ticks()
        shown = [
            tick.label1 for tick in ticks if limits[0] <= tick.get_loc() <= limits[1] and tick.label1.get_visible()
        ]
        for first, second in itertools.combinations([extent(label) for label in shown if label.get_text()], 2):
            assert not overlap(first, np.array([second])).any(), (ax.get_title(), side)


def test_every_model_is_named_in_the_charts_that_name_models(figures):
    for key in ("latency_against_macs", "throughput_against_batch", "memory_against_batch"):
        texts = {text.get_text() for ax in figures["one run", key].axes for text in ax.texts}
        assert texts == set(MODELS), key


def test_quantities_on_axes_carry_units(figures):
    figure = figures["one run", "latency_against_macs"]
    figure.draw_without_rendering()
    (ax,) = figure.axes
    assert "10 ms" in [label.get_text() for label in ax.get_yticklabels()]
    assert "1 G" in [label.get_text() for label in ax.get_xticklabels()]


def test_a_panel_for_each_run(figures):
    titles = [ax.get_title() for ax in figures["two runs", "latency_against_macs"].axes]
    assert titles == ["base", "head"]


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=12))
def test_the_pareto_front_is_what_no_other_point_dominates(points):
    def is_beaten(point):
        cost, gain = point
        return any(c <= cost and g >= gain and (c < cost or g > gain) for c, g in points)

    front = pareto_front([cost for cost, _ in points], [gain for _, gain in points])
    assert front.tolist() == [not is_beaten(point) for point in points]


def test_accuracies_of_papers_are_hollow(default_view):
    figure = build("accuracy_against_cost", default_view)
    points = [line for line in figure.axes[1].lines if line.get_marker() == "D"]
    assert [line.get_markerfacecolor() for line in points] == ["white"]  # Xception, ours
    squares = [line for line in figure.axes[1].lines if line.get_marker() == "s"]
    assert {line.get_markerfacecolor() for line in squares} == {palette.ORANGE}  # SqueezeNet, torchvision's


def test_the_speed_up_is_fp32_over_amp_and_its_interval_the_worst_and_best_of_both():
    plain = [0.9, 1.0, 1.0, 1.0, 1.0, 1.2]
    amp = [1.8, 2.0, 2.0, 2.0, 2.0, 2.5]
    view = view_of_records(
        make_record(make_case(), [measurement("latency", *plain)]),
        make_record(make_case(precision=Precision.AMP_BF16), [measurement("latency", *amp)]),
    )
    (row,) = amp_speedups(view).to_dict("records")
    assert row["speedup"] == pytest.approx(0.5)
    assert (row["low"], row["high"]) == (pytest.approx(0.9 / 2.5), pytest.approx(1.2 / 1.8))


def test_the_reference_is_torchvisions_alexnet_or_else_the_paper_s():
    own = view_of_records(realistic_record(make_case("alexnet_2012")))
    both = view_of_records(realistic_record(make_case("alexnet_2012")), realistic_record(make_case("alexnet")))
    none = view_of_records(realistic_record(make_case("vgg16")))
    assert [reference_of(view) for view in (own, both, none)] == ["alexnet_2012", "alexnet", None]


@pytest.mark.parametrize(
    "records",
    [
        pytest.param((), id="no case"),
        pytest.param(tuple(failed(case) for case in default_cases(("alexnet", "vgg16"))), id="failures only"),
        pytest.param((make_record(make_case(), [measurement("build_time", 1.0)]),), id="no latency"),
    ],
)
def test_a_chart_without_data_is_not_drawn(records):
    view = view_of_records(*records)
    assert [chart.build(view) for chart in CHARTS] == [None] * len(CHARTS)


def test_one_case_is_enough_for_what_it_can_show():
    view = view_of_records(realistic_record(make_case("mobilenet_v2")))
    assert [chart.key for chart in CHARTS if chart.build(view)] == ["latency_against_macs", "accuracy_against_cost"]


def test_training_alone_draws_the_speed_up_alone():
    view = view_of_records(*(realistic_record(case) for case in default_cases(("vgg16",)) if case.mode is Mode.TRAIN))
    assert [chart.key for chart in CHARTS if chart.build(view)] == ["amp_speedup"]


def test_a_hostile_name_is_drawn_as_text():
    name = "$\\frac{1}{0}$ \n网<b>"
    case = make_case(model=type(make_case().model)("import", name))
    record = make_record(case, [measurement("latency", 1.0), measurement("macs", 1e6)])
    figure = build("latency_against_macs", view_of_records(record))
    figure.draw_without_rendering()
    assert [text.get_text() for text in figure.axes[0].texts] == ["$\\frac{1}{0}$ ?<b>"]


@pytest.mark.parametrize(
    ("ratio", "text"), [(0.0214, "0.021×"), (0.998, "1.0×"), (1.04, "1.0×"), (3.44, "3.4×"), (123.0, "123×")]
)
def test_ratios_are_written_without_exponents(ratio, text):
    assert ratio_text(ratio) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.02, "s", "20 ms"), (0.0025, "s", "2.5 ms"), (1e9, "1", "1 G"), (100.0, "1/s", "100 /s")],
)
def test_ticks_have_no_trailing_zeros(value, unit, text):
    assert canvas.tick_text(value, unit) == text


def test_every_family_of_the_catalogue_has_a_group_but_imported_ones():
    families = {"lenet": "LeNet, AlexNet, VGG", "wide-resnet": "ResNet, ResNeXt", "mobilenet-v1": palette.MOBILENET}
    assert {family: palette.group_of(family) for family in families} == families
    assert palette.group_of("imported") == palette.OTHER


def test_groups_are_told_apart_without_colour():
    markers = [style.marker for style in palette.STYLES.values()]
    assert len(set(markers)) == len(markers)
