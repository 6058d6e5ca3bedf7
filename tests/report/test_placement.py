import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from zoobench.report.placement import Box, overlap, place, spread

BOUNDS = Box(0.0, 0.0, 400.0, 300.0)
PLACES = st.tuples(st.floats(0, 400), st.floats(0, 300))
SIZES = st.tuples(st.floats(10, 90), st.floats(5, 15))


def share_area(first, second):
    return bool(overlap(first, np.array([second]))[0])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(PLACES, SIZES), max_size=15), st.lists(PLACES, max_size=5))
def test_no_label_covers_another_an_obstacle_or_the_edge(labels, spots):
    points, sizes = [place_ for place_, _ in labels], [size for _, size in labels]
    obstacles = [Box(x - 4, y - 4, x + 4, y + 4) for x, y in spots]
    boxes = place(points, sizes, obstacles=obstacles, bounds=BOUNDS, nearest=6.0)
    placed = [box for box in boxes if box is not None]
    assert len(boxes) == len(labels)
    assert not any(share_area(*pair) for pair in itertools.combinations(placed, 2))
    assert not any(share_area(*pair) for pair in itertools.product(placed, obstacles))
    assert all(box.x0 >= 0 and box.y0 >= 0 and box.x1 <= 400 and box.y1 <= 300 for box in placed)


def test_a_label_alone_stands_right_of_its_point():
    assert place([(100.0, 100.0)], [(40.0, 10.0)], obstacles=[], bounds=BOUNDS, nearest=6.0) == [
        Box(106.0, 95.0, 146.0, 105.0)
    ]


def test_a_label_without_room_is_left_out():
    assert place([(5.0, 5.0)], [(40.0, 10.0)], obstacles=[], bounds=Box(0, 0, 20, 20), nearest=6.0) == [None]


@given(st.lists(st.floats(0, 100), max_size=12))
def test_spread_labels_keep_their_order_and_distance(centers):
    found = spread(centers, 10.0, 0.0, 100.0)
    ordered = [up for _, up in sorted(zip(centers, found, strict=True), key=lambda pair: pair[0]) if up is not None]
    assert all(later - earlier >= 10.0 - 1e-6 for earlier, later in itertools.pairwise(sorted(ordered)))
    assert all(5.0 - 1e-6 <= up <= 95.0 + 1e-6 for up in ordered)
    assert found.count(None) == max(0, len(centers) - 10)
    if len(set(centers)) == len(centers):
        assert ordered == sorted(ordered)
