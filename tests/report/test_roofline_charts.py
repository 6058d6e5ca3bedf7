"""What stands in the rooflines, and that every name in them can be read."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from bounded_nets import bounded_run, profiled, run_of
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from zoobench.cases import Precision
from zoobench.report.charts.canvas import PNG_DPI
from zoobench.report.charts.roofline import LABELLED, WHY_CHARTS, featured, roofline_of_model, roofline_of_zoo
from zoobench.report.diagnosed import Diagnosed, called_alike, collect_diagnosed
from zoobench.report.placement import Box, nearest_spot, overlap

FOUND = collect_diagnosed(bounded_run())


def panels(figure: Figure | None) -> list[Axes]:
    assert figure is not None
    return [ax for ax in figure.axes if ax.get_visible()]


def a_case(name: str, batch: int = 1) -> Diagnosed:
    return next(each for each in FOUND if (each.case.model.name, each.case.batch) == (name, batch))


def _dots(ax: Axes) -> list[PathCollection]:
    """One a layer."""
    return [dots for dots in ax.collections if isinstance(dots, PathCollection)]


def boxes_of_texts(ax: Axes) -> list[Box]:
    renderer = ax.figure.canvas.get_renderer()  # type: ignore[attr-defined]
    return [Box(*text.get_window_extent(renderer).extents) for text in ax.texts if text.get_text()]


def test_a_point_a_layer_stands_at_its_intensity_and_rate() -> None:
    each = a_case("alexnet")
    (ax,) = panels(roofline_of_model([each]))
    spots = [tuple(map(float, dots.get_offsets()[0])) for dots in _dots(ax)]
    convolution, classifier, activation = each.points
    assert (pytest.approx(convolution.intensity), pytest.approx(convolution.macs_per_s)) in spots
    assert (pytest.approx(classifier.intensity), pytest.approx(classifier.macs_per_s)) in spots
    assert len(spots) == len(each.points)
    column = min(spots)
    assert column[0] < classifier.intensity / 2
    assert column[1] / each.roof.attainable(column[0]) == pytest.approx(each.roof.reached(activation))


def test_areas_are_in_proportion_to_time() -> None:
    each = a_case("alexnet")
    (ax,) = panels(roofline_of_model([each]))
    areas = [float(dots.get_sizes()[0]) - 8.0 for dots in _dots(ax)]
    times = [point.time_s for point in each.points]
    assert np.array(areas) / areas[0] == pytest.approx(np.array(times) / times[0])


def test_the_roofs_are_drawn_and_told() -> None:
    each = a_case("resnet18")
    (ax,) = panels(roofline_of_model([each]))
    line = next(line for line in ax.lines if len(line.get_xdata()) == 3)
    assert line.get_ydata() == pytest.approx([each.roof.attainable(x) for x in line.get_xdata()])
    assert each.roof.ridge in line.get_xdata()
    told = next(text.get_text() for text in ax.texts if "roof" in text.get_text())
    assert told == "flat roof: matrix product, 50.0 G MACs/s\nslanting roof: copy, 16.0 GB/s"


def test_the_layers_with_the_most_time_are_named_with_their_share() -> None:
    (ax,) = panels(roofline_of_model([a_case("resnet18")]))
    names = [text.get_text() for text in ax.texts if text.get_text().startswith("features")]
    assert len(names) <= LABELLED
    assert "features.0 86 %" in names
    assert not any(name.startswith("features.4") for name in names)


def test_titles_name_the_case_and_its_diagnosis_and_axes_their_quantity() -> None:
    ax = panels(roofline_of_model([a_case("squeezenet1_1", 8), a_case("alexnet")]))[0]
    assert ax.get_title().startswith("squeezenet1_1, batch 8: kernel-bound, reaches 15 %")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Intensity: MACs a byte moved", "MACs a second")


def test_no_name_covers_a_layer() -> None:
    for ax in panels(roofline_of_model(featured(FOUND))):
        radii = [float(dots.get_sizes()[0]) ** 0.5 / 2 * PNG_DPI / 72 for dots in _dots(ax)]
        spots = [ax.transData.transform(dots.get_offsets()[0]) for dots in _dots(ax)]
        for box in boxes_of_texts(ax):
            nearest = [math.dist(spot, nearest_spot(tuple(spot), box)) for spot in spots]
            assert all(away > 0.7 * radius for away, radius in zip(nearest, radii, strict=True)), box


@pytest.mark.parametrize("key", ["roofline_of_zoo", "roofline_of_model"])
def test_no_name_covers_another(key: str) -> None:
    chart = next(chart for chart in WHY_CHARTS if chart.key == key)
    figure = chart.build(FOUND)
    assert figure is not None
    figure.set_dpi(PNG_DPI)
    figure.draw_without_rendering()
    for ax in panels(figure):
        boxes = boxes_of_texts(ax)
        for one, other in itertools.combinations(boxes, 2):
            assert not overlap(one, np.array([other])).any(), (one, other)


def test_the_zoo_has_a_point_a_net() -> None:
    shown = called_alike(FOUND, 1, "fp32")
    (ax,) = panels(roofline_of_zoo(shown, "setting"))
    points = {
        (float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in ax.lines if len(line.get_xdata()) == 1
    }
    assert points == {(each.net.intensity, each.net.macs_per_s) for each in shown}
    assert {"resnet18", "mobilenet_v2", "squeezenet1_1", "alexnet"} <= {text.get_text() for text in ax.texts}


def test_mobilenet_and_resnet_stand_beside_each_other_at_both_batches() -> None:
    shown = [(each.case.model.name, each.case.batch) for each in featured(FOUND)]
    assert shown == [("mobilenet_v2", 1), ("resnet18", 1), ("mobilenet_v2", 8), ("resnet18", 8)]


def test_without_the_pair_the_two_nets_that_deviate_most_are_drawn() -> None:
    found = collect_diagnosed(bounded_run(["alexnet", "squeezenet1_1", "resnet18"]))
    assert [each.case.model.name for each in featured(found)] == ["squeezenet1_1", "resnet18"]
    alone = collect_diagnosed(bounded_run(["alexnet"]))
    assert [each.case.model.name for each in featured(alone)] == ["alexnet"]


def test_a_run_without_fp32_is_drawn_in_what_it_has() -> None:
    run = run_of(profiled(name, precision=Precision.AMP_BF16) for name in ("mobilenet_v2", "resnet18"))
    assert len(featured(collect_diagnosed(run))) == 2


def test_nothing_to_draw_is_no_chart() -> None:
    assert [chart.build(()) for chart in WHY_CHARTS] == [None, None]
    assert roofline_of_model(()) is None
    assert roofline_of_zoo((), "") is None
