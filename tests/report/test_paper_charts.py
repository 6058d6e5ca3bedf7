import itertools
import math

import numpy as np
import pytest
from synthetic import make_case, make_record, measurement

from zoobench.cases import ImageSize, ModelRef
from zoobench.papers import timed
from zoobench.papers.claims import shufflenet_speed_up
from zoobench.papers.evidence import NetShares, TimeShares
from zoobench.papers.experiments import NETS
from zoobench.papers.found import Net
from zoobench.papers.published import PrintedFigure, Status
from zoobench.papers.verdict import FigureVerdict, Judgement
from zoobench.records import LayerKind
from zoobench.report import palette
from zoobench.report.charts.canvas import PNG_DPI
from zoobench.report.charts.papers import (
    PAPER_CHARTS,
    printed_against_found,
    theoretical_against_actual,
    time_share_by_kind,
)
from zoobench.report.placement import Box, overlap


def judged(verdict, printed, found, *, paper="MobileNet V1", metric="macs", model="net", variant=""):
    figure = PrintedFigure(
        paper=paper, arxiv="1", table="Table 1", model=model, variant=variant, metric=metric, value=str(printed),
        unit="1", image_size="224", status=Status.READ, note="",
    )  # fmt: skip
    is_number = found is not None and not isinstance(found, str)
    difference = found / printed - 1 if is_number else None
    return Judgement(figure=figure, verdict=verdict, found=found if is_number else None, difference_ratio=difference)


JUDGEMENTS = (
    judged(FigureVerdict.REPRODUCED, 1e6, 1.001e6),
    judged(FigureVerdict.UNDER_CONVENTION, 3e6, 3.001e6, paper="SqueezeNet"),
    judged(FigureVerdict.MISPRINT, 4e6, 8e6, paper="ShuffleNetV2", model="twice"),
    judged(FigureVerdict.NOT_REPRODUCIBLE, 5e8, 4e8, paper="Xception", model="less", metric="parameters"),
    judged(FigureVerdict.REPRODUCED, 0.9, 0.9, metric="macs_share", variant="Conv 1x1"),
    judged(FigureVerdict.NOT_MEASURED, 2e6, None),
    judged(FigureVerdict.NOT_COMPARABLE, 2e6, None),
    judged(FigureVerdict.REPRODUCED, 2e6, "a text"),
)


def speeds(latency_of, pictures=timed.RESOLUTIONS):
    """Records of ShuffleNet Table 8: latencies in seconds by name of the net, more for larger pictures."""
    nets = {"alexnet": timed.ALEXNET} | {row: NETS["ShuffleNet V1"][row].model for row in timed.SPED_UP}
    for (place, model), resolution in itertools.product(enumerate(nets.values()), pictures):
        height, width = resolution
        case = make_case(model=model, image_size=height, image_width=width, threads=1)
        area = height * width / 224**2
        samples = [area * latency_of[place] * (1 + 0.01 * step) for step in range(9)]
        macs = area * (720e6, 38e6, 140e6, 524e6, 569e6)[place]
        yield make_record(case, [measurement("latency", *samples), measurement("macs", macs)])


def shares(name="mobilenet_v1_100", *, macs=None, time=None):
    net = Net(ModelRef("zoobench", name), ImageSize(224, 224))
    return NetShares(
        net=net, macs=macs or {"pointwise": 0.9, "depthwise": 0.1}, time=time or {"pointwise": 0.5, "add": 0.5}
    )


EVERY_KIND = {kind: 1 / len(palette.KIND_STYLES) for kind in palette.KIND_STYLES}

FIGURES = {
    "printed": lambda: printed_against_found(JUDGEMENTS),
    "many off": lambda: printed_against_found(
        [
            judged(FigureVerdict.MISPRINT, 10.0**place, 2 * 10.0**place, model=f"a long name {place}")
            for place in range(3, 9)
        ]
    ),
    "speed-up": lambda: theoretical_against_actual(
        shufflenet_speed_up(tuple(speeds([0.02, 0.002, 0.006, 0.02, 0.015])))
    ),
    "slower": lambda: theoretical_against_actual(shufflenet_speed_up(tuple(speeds([0.02, 0.02, 0.03, 0.05, 0.021])))),
    "time share": lambda: time_share_by_kind(
        TimeShares(setting="cpu", nets=(shares(), shares("squeezenet1_0", macs=EVERY_KIND, time=EVERY_KIND)))
    ),
}


def extent(artist):
    return Box(*artist.get_window_extent().extents)


@pytest.mark.parametrize("name", FIGURES)
def test_no_label_covers_another_and_all_lie_in_the_figure(name):
    figure = FIGURES[name]()
    figure.draw_without_rendering()
    whole = figure.bbox.extents
    for ax in figure.axes:
        labels = [extent(text) for text in ax.texts if text.get_text()]
        for first, second in itertools.combinations(labels, 2):
            assert not overlap(first, np.array([second])).any(), (ax.get_title(), first, second)
        named = [extent(text) for text in (ax.title, ax.xaxis.label, ax.yaxis.label) if text.get_text().strip()]
        for box in (*labels, *named, *(extent(legend) for legend in figure.legends)):
            assert box.x0 >= whole[0]
            assert box.y0 >= whole[1]
            assert box.x1 <= whole[2]
            assert box.y1 <= whole[3]


@pytest.mark.parametrize("name", FIGURES)
def test_tick_labels_of_an_axis_do_not_touch(name):
    figure = FIGURES[name]()
    figure.draw_without_rendering()
    for ax, side in itertools.product(figure.axes, ("x", "y")):
        limits = sorted(getattr(ax, f"get_{side}lim")())
        ticks = getattr(ax, f"{side}axis").get_major_ticks()
        shown = [extent(tick.label1) for tick in ticks if limits[0] <= tick.get_loc() <= limits[1]]
        for first, second in itertools.combinations(shown, 2):
            assert not overlap(first, np.array([second])).any(), (ax.get_title(), side)


def test_a_chart_without_data_is_not_drawn():
    assert [chart.build(()) for chart in PAPER_CHARTS] == [None] * 3
    assert len({chart.key for chart in PAPER_CHARTS}) == 3
    assert printed_against_found([judged(FigureVerdict.NOT_MEASURED, 1.0, None)]) is None


def points(ax):
    return [line for line in ax.lines if line.get_marker() not in ("None", None, "")]


def test_every_counted_figure_is_one_point_in_the_panel_of_its_quantity():
    figure = printed_against_found(JUDGEMENTS)
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ["Parameters (1)", "Multiply-accumulates (3)", "Everything else (1)"]
    assert [len(points(ax)) for ax in figure.axes] == [1, 3, 1]
    (less,) = points(figure.axes[0])
    assert (less.get_xdata()[0], less.get_ydata()[0]) == (pytest.approx(5e8), pytest.approx(4e8))


def test_a_point_s_colour_is_the_paper_s_family_and_its_filling_the_verdict():
    macs = printed_against_found(JUDGEMENTS).axes[1]
    looks = {(line.get_color(), line.get_marker(), line.get_fillstyle()) for line in points(macs)}
    assert looks == {
        (*palette.STYLES[palette.MOBILENET], "full"),
        (*palette.STYLES[palette.SQUEEZENET], "none"),
        (*palette.STYLES[palette.SHUFFLENET], "left"),
    }


def test_only_what_is_off_is_named_with_how_far():
    names = [text.get_text() for ax in printed_against_found(JUDGEMENTS).axes for text in ax.texts]
    assert names == ["less: -20.0 %", "twice: +100.0 %"]


def test_the_variant_is_named_where_a_table_has_several_of_the_model():
    off = [judged(FigureVerdict.MISPRINT, 1e6, 2e6, variant=variant) for variant in ("thin", "wide")]
    (ax,) = printed_against_found(off).axes
    assert {text.get_text() for text in ax.texts} == {"net thin: +100.0 %", "net wide: +100.0 %"}


def test_axes_of_printed_and_found_are_alike_and_the_diagonal_runs_corner_to_corner():
    for ax in printed_against_found(JUDGEMENTS).axes:
        assert ax.get_xlim() == ax.get_ylim()
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
        diagonal = next(line for line in ax.lines if line.get_linestyle() == "--")
        assert tuple(diagonal.get_xdata()) == tuple(diagonal.get_ydata()) == ax.get_xlim()


def test_a_panel_for_each_size_of_pictures_with_ours_above_or_below_the_printed_one():
    figure = FIGURES["speed-up"]()
    assert [ax.get_title() for ax in figure.axes] == ["Pictures of 224", "Pictures of 480x640", "Pictures of 720x1280"]
    hollow = [line for line in points(figure.axes[0]) if line.get_markerfacecolor() == "white"]
    printed = sorted((float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in hollow)
    assert printed[-1] == (pytest.approx(720 / 38), pytest.approx(184.0 / 15.2))
    assert len(hollow) == 4
    filled = [
        line for line in points(figure.axes[0]) if line.get_markerfacecolor() != "white" and line.get_marker() != "_"
    ]
    assert max(line.get_ydata()[0] for line in filled) == pytest.approx(10.0)
    assert sorted(line.get_xdata()[0] for line in filled) == [pytest.approx(x) for x, _ in printed]


def test_everything_drawn_lies_within_the_axes():
    for ax in FIGURES["slower"]().axes:
        low, high = ax.get_ylim()
        for line in ax.lines:
            assert low <= min(line.get_ydata())
            assert max(line.get_ydata()) <= high


def test_a_size_of_pictures_that_was_not_measured_has_no_panel():
    claim = shufflenet_speed_up(tuple(speeds([0.02, 0.002, 0.006, 0.02, 0.015], [ImageSize(480, 640)])))
    (ax,) = theoretical_against_actual(claim).axes
    assert ax.get_title() == "Pictures of 480x640"


def test_each_net_has_a_bar_of_macs_above_a_bar_of_time_both_whole():
    (ax,) = FIGURES["time share"]().axes
    ends = {}
    for bar in ax.patches:
        ends.setdefault(round(bar.get_y(), 3), []).append((bar.get_x(), bar.get_x() + bar.get_width()))
    assert len(ends) == 4
    for spans in ends.values():
        assert spans[0][0] == 0
        assert math.isclose(spans[-1][1], 1.0)
        assert all(math.isclose(end, start) for (_, end), (start, _) in itertools.pairwise(spans))
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "mobilenet_v1_100   MACs", "time", "squeezenet1_0   MACs", "time",
    ]  # fmt: skip


def test_the_legend_has_the_kinds_that_are_drawn_and_no_others():
    figure = time_share_by_kind(TimeShares(setting="cpu", nets=(shares(),)))
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["pointwise", "depthwise", "add"]


def test_every_kind_has_a_look_of_its_own_that_is_no_family_s():
    assert palette.KIND_STYLES.keys() == {*LayerKind, palette.BETWEEN_OPERATORS}
    assert len(set(palette.KIND_STYLES.values())) == len(palette.KIND_STYLES)
    families = {style.color for style in palette.STYLES.values()}
    assert not families & {style.color for style in palette.KIND_STYLES.values()}


def test_names_are_measured_at_the_resolution_of_the_file():
    figure = FIGURES["printed"]()
    (label,) = figure.axes[0].texts
    as_built = label.get_window_extent().width / figure.dpi
    figure.set_dpi(PNG_DPI)
    assert label.get_window_extent().width / PNG_DPI == as_built
