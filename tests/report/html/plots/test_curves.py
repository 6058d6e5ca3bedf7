import itertools

from hypothesis import given
from hypothesis import strategies as st

from zoobench.report import palette
from zoobench.report.html.plots.curves import MOST_NAMES, Curve, curve_plot, name_heights

MIB = 2.0**20


def curve(name="net", start=8 * MIB, fits=4, too_large=5):
    points = tuple((size, start * size) for size in (1, 2, 4, 5))
    return Curve(name, palette.MOBILENET, points, fits, too_large, name)


@given(st.lists(st.floats(1, 1e3), min_size=1, max_size=2 * MOST_NAMES))
def test_names_stand_clear_of_each_other_in_the_order_of_their_curves(starts):
    curves = [curve(f"net{place}", start=start * MIB) for place, start in enumerate(starts)]
    heights = name_heights(curves, 0.5 * MIB, 1e4 * MIB)
    named = sorted(
        (each.points[0][1], height) for each, height in zip(curves, heights, strict=True) if height is not None
    )
    assert len(named) == min(len(curves), MOST_NAMES)
    in_order = sorted(height for _, height in named)
    assert all(after / before > 1.01 for before, after in itertools.pairwise(in_order))


def test_the_largest_that_fits_is_told_from_what_does_not():
    spec = curve_plot([curve()], [40 * MIB])
    rows = spec["data"]["values"]
    assert [(row["size"], row["state"]) for row in rows] == [
        (1, "between"), (2, "between"), (4, "fits"), (5, "too-large")
    ]  # fmt: skip
    assert rows[2]["told"] == "net\nbatch 4: 32.0 MiB"
    assert spec["layer"][0]["data"]["values"] == [{"limit": 40 * MIB}]


def test_a_curve_without_a_largest_batch_is_drawn():
    rows = curve_plot([curve(fits=None, too_large=None)], [40 * MIB])["data"]["values"]
    assert {row["state"] for row in rows} == {"between"}
