import itertools
import math
import random

import msgspec
import numpy as np
import pytest
from matplotlib.markers import CARETLEFTBASE, CARETRIGHTBASE
from synthetic import every_verdict, make_comparison, make_result, make_times

from zoobench.records.comparison import Rule, Verdict
from zoobench.report import palette
from zoobench.report.comparison.forest import MOST_ROWS, draw_forest
from zoobench.report.placement import Box, overlap


def spread_out(count, *, spread=0.05, width=0.02, name="package.nets:model_{}/infer/b1/224/fp32"):
    """Cases whose log-ratios are normal, judged as their interval would be."""
    rng = random.Random(count)
    cases = []
    for index in range(count):
        ratio = math.exp(rng.gauss(0, spread))
        times = make_times(0.01 * rng.uniform(0.5, 20), ratio, width * rng.uniform(0.5, 2))
        verdict = Verdict.SLOWER if times.low > 1.05 else Verdict.FASTER if times.high < 0.95 else Verdict.SAME
        if verdict is Verdict.SAME and not 0.95 < times.low <= times.high < 1.05:
            verdict = Verdict.UNDECIDED
        cases.append(msgspec.structs.replace(make_result("resnet18", verdict, times), id=name.format(index)))
    return cases


COMPARISONS = {
    "1": make_comparison(spread_out(1), controls=()),
    "3": make_comparison(spread_out(3)),
    "20": make_comparison(spread_out(20)),
    "60": make_comparison(spread_out(60)),
    "500": make_comparison(spread_out(500)),
    "every verdict": make_comparison(),
    "wide": make_comparison(spread_out(20, spread=1.5, width=0.4)),
    "narrow": make_comparison(spread_out(5, spread=0.001, width=0.001), rule=Rule(margin_ratio=0.02)),
    "long names": make_comparison(
        spread_out(5, name="package.module.deeper:" + "n" * 80 + "_{0}/infer/b{0}"), headline="h" * 200
    ),
}


@pytest.fixture(scope="module", params=COMPARISONS)
def figure(request):
    figure = draw_forest(COMPARISONS[request.param])
    figure.draw_without_rendering()
    return figure


def extent(artist):
    return Box(*artist.get_window_extent().extents)


def labels_of(figure):
    (ax,) = figure.axes
    low, high = ax.get_xlim()
    ticks = [label for label in ax.get_xticklabels() if low <= label.get_position()[0] <= high]
    (legend,) = figure.legends
    return [*figure.texts, *ax.texts, ax.xaxis.label, *ax.get_yticklabels(), *ticks, *legend.get_texts()]


def test_no_label_touches_another_and_all_lie_in_the_figure(figure):
    boxes = [(label.get_text(), extent(label)) for label in labels_of(figure) if label.get_text()]
    for (one, first), (other, second) in itertools.combinations(boxes, 2):
        assert not overlap(first, np.array([second])).any(), (one, other)
    whole = Box(*figure.bbox.extents)
    for text, box in boxes:
        assert box.x0 >= whole.x0, text
        assert box.y0 >= whole.y0, text
        assert box.x1 <= whole.x1, text
        assert box.y1 <= whole.y1, text


def test_the_axis_has_at_least_no_change_and_one_change_on_either_side(figure):
    (ax,) = figure.axes
    low, high = ax.get_xlim()
    assert low * high == pytest.approx(1)
    ticks = [tick for tick in ax.get_xticks() if low <= tick <= high]
    assert min(ticks) < 1 < max(ticks)
    assert 1 in ticks


def rows_of(figure):
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def caption_of(figure):
    return figure.texts[1].get_text()


def test_rows_are_sorted_by_ratio_and_controls_come_last():
    figure = draw_forest(COMPARISONS["20"])
    ratios = [line.get_xdata()[0] for line in figure.axes[0].lines if len(line.get_xdata()) == 1]
    assert ratios[:20] == sorted(ratios[:20], reverse=True)
    assert rows_of(figure)[20:] == ["control:convolutions", "control:normalisations"]
    assert "controls, without code of the project" in caption_of(figure)


def test_of_too_many_cases_those_that_changed_most_are_drawn():
    figure = draw_forest(COMPARISONS["500"])
    assert len(rows_of(figure)) == MOST_ROWS + 2
    assert caption_of(figure).startswith("The 60 of 500 timed cases whose time changed most.")
    sizes = sorted((abs(math.log(case.times.ratio)) for case in COMPARISONS["500"].cases), reverse=True)
    drawn = [line.get_xdata()[0] for line in figure.axes[0].lines if len(line.get_xdata()) == 1][:MOST_ROWS]
    assert sorted((abs(math.log(ratio)) for ratio in drawn), reverse=True) == pytest.approx(sizes[:MOST_ROWS])


def test_cases_without_times_are_counted_in_the_caption():
    untimed = sum(case.times is None for case in every_verdict())
    assert f"{untimed} more without times on both sides." in caption_of(draw_forest(COMPARISONS["every verdict"]))


@pytest.mark.parametrize("cases", [[], [make_result("vgg16", Verdict.UNDECIDED, make_times(width=None))]])
def test_without_an_interval_there_is_nothing_to_draw(cases):
    with pytest.raises(ValueError, match="no case has an interval"):
        draw_forest(make_comparison(cases))


def test_a_ratio_without_an_interval_is_hollow():
    cases = [
        make_result("vgg16", Verdict.UNDECIDED, make_times(1.0, 1.1, None)),
        make_result("alexnet", Verdict.SAME, make_times(1.0, 1.0, 0.01)),
    ]
    figure = draw_forest(make_comparison(cases, controls=()))
    marker = palette.VERDICT_STYLES["undecided"].marker
    (hollow,) = [line for line in figure.axes[0].lines if line.get_marker() == marker]
    assert hollow.get_markerfacecolor() == "white"


def test_an_interval_beyond_the_axis_ends_in_an_arrow():
    times = make_times(1.0, 1.1, low=0.01, high=100.0)
    figure = draw_forest(make_comparison([make_result("vgg16", Verdict.UNDECIDED, times)], controls=()))
    low, high = figure.axes[0].get_xlim()
    ends = [
        line.get_xdata()[0] for line in figure.axes[0].lines if line.get_marker() in {CARETLEFTBASE, CARETRIGHTBASE}
    ]
    assert ends == [low, high]


def test_the_band_is_the_margin():
    figure = draw_forest(COMPARISONS["narrow"])
    (band,) = figure.axes[0].patches
    assert (band.get_x(), band.get_x() + band.get_width()) == pytest.approx((1 / 1.02, 1.02))


def test_verdicts_differ_without_colour():
    assert {palette.VERDICT_STYLES[verdict].marker for verdict in ("slower", "faster", "same", "undecided")} == set(
        "><oD"
    )
    assert set(palette.VERDICT_STYLES) == set(Verdict)
