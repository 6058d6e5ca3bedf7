import re

import pytest

from zoobench.report.html.plots import mark_path
from zoobench.report.palette import STYLES


@pytest.mark.parametrize("marker", [style.marker for style in STYLES.values()])
def test_a_marker_fills_the_square_that_vega_scales(marker):
    path = mark_path(marker)
    assert path.startswith("M")
    numbers = [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", path)]
    assert 0.7 < max(map(abs, numbers)) <= 1.5


def test_markers_are_told_apart():
    markers = {style.marker for style in STYLES.values()}
    assert len({mark_path(marker) for marker in markers}) == len(markers)


def test_a_triangle_points_upwards():
    assert mark_path("^") == "M0,-1L-1,1L1,1Z"
