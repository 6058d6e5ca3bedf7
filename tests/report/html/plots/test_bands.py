from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from synthetic import HOSTILE

from zoobench.report import palette
from zoobench.report.html.plots.bands import LEAST_ROWS, BandValue, band_plot, height_of, lay_out
from zoobench.report.html.section import Height


def deviation(band="Table 1", value=0.01, told=""):
    return BandValue(band, palette.SQUEEZENET, value, "reproduced", told)


@given(st.lists(st.sampled_from(["Table 1", "Table 2", "Table 3"]), min_size=1, max_size=40))
def test_every_value_has_a_row_of_its_own_within_its_band(names):
    placed, bands = lay_out([deviation(name) for name in names])
    of_name = {band.name: band for band in bands}
    assert [band.start for band in bands] == [0.0, *(band.end for band in bands[:-1])]
    assert len({row for _, row in placed}) == len(names)
    for each, row in placed:
        assert of_name[each.band].start < row < of_name[each.band].end
    sizes = Counter(names)
    assert all(band.end - band.start == max(sizes[band.name], LEAST_ROWS) for band in bands)


def test_the_axis_reaches_as_far_on_either_side_of_zero():
    spec = band_plot([deviation(value=-0.5), deviation(value=0.02)], "found over printed", linear_to=0.001)
    scale = spec["layer"][1]["encoding"]["x"]["scale"]
    low, high = scale["domain"]
    assert low == -high
    assert high > 0.5
    assert (scale["type"], scale["constant"]) == ("symlog", 0.001)
    assert [row["value"] for row in spec["data"]["values"]] == [-0.5, 0.02]


def test_more_rows_need_more_room():
    heights = [height_of([deviation() for _ in range(count)]) for count in (1, 60, 100, 170)]
    assert heights == [Height.LOW, Height.MIDDLE, Height.TALL, Height.HIGH]


def test_texts_are_data():
    spec = band_plot([deviation(told=text) for text in HOSTILE], "", linear_to=0.001)
    assert [row["told"] for row in spec["data"]["values"]] == list(HOSTILE)
