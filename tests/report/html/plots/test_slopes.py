import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoobench.report import palette
from zoobench.report.html.plots.slopes import Crossing, Heads, Slope, crossing_of, slope_plot

HEADS = Heads("by this", "by that", "place")


def slope(name, left, right):
    return Slope(name, palette.SHUFFLENET, left, right, f"all about {name}")


@given(*(st.integers(1, 40) for _ in range(4)))
def test_a_crossing_lies_on_both_lines(first_left, second_left, first_right, second_right):
    first = slope("first", min(first_left, second_left), max(first_right, second_right) + 1)
    second = slope("second", max(first_left, second_left) + 1, min(first_right, second_right))
    across, place = crossing_of(first, second)
    assert 0 < across < 1
    for line in (first, second):
        assert place == pytest.approx(line.left + across * (line.right - line.left))


def test_what_crosses_stands_out():
    slopes = [slope("a", 1, 2), slope("b", 2, 1), slope("c", 3, 3)]
    spec = slope_plot(slopes, [Crossing("a", "b", "a is slower")], HEADS)
    opacity = {row["name"]: row["opacity"] for row in spec["data"]["values"]}
    assert opacity["a"] == opacity["b"] == 1 > opacity["c"]
    (ring,) = spec["layer"][3]["data"]["values"]
    assert ring == {"across": 0.5, "place": 1.5, "told": "a is slower"}
