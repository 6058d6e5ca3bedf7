from synthetic import HOSTILE

from zoobench.report import palette
from zoobench.report.html.plots import NUMBER_TICK
from zoobench.report.html.plots.scatter import ScatterPoint, Span, scatter_plot

ACROSS, UP = Span("across", NUMBER_TICK, 0.3, 70.0), Span("up", NUMBER_TICK, 1e8, 1e11)


def spot(name="net", *, is_named=True):
    return ScatterPoint(name, palette.MOBILENET, 2.0, 1e9, f"all about {name}", is_named=is_named)


def data_of(spec, name):
    return next(data["values"] for data in spec["data"] if data["name"] == name)


def mark_names(spec):
    return [mark.get("name") for mark in spec["marks"]]


def test_points_are_where_they_are_said_to_be_under_the_line():
    spec = scatter_plot([spot()], ACROSS, UP, line=[(0.3, 1e8), (70.0, 1e11)], notes=["the roof"])
    (point,) = data_of(spec, "points")
    assert (point["x"], point["y"], point["text"]) == (2.0, 1e9, "all about net")
    assert data_of(spec, "front") == [{"x": 0.3, "y": 1e8}, {"x": 70.0, "y": 1e11}]
    assert [scale["domain"] for scale in spec["scales"]] == [[0.3, 70.0], [1e8, 1e11]]
    assert [axis["title"] for axis in spec["axes"]] == ["across", "up"]


def test_names_keep_clear_of_what_is_drawn_and_of_nothing_else():
    full, bare = scatter_plot([spot()], ACROSS, UP, line=[(1, 1)], notes=["x"]), scatter_plot([spot()], ACROSS, UP)
    assert full["marks"][-1]["transform"][0]["avoidMarks"] == ["front-line", "notes"]
    assert bare["marks"][-1]["transform"][0]["avoidMarks"] == []
    assert "notes" in mark_names(full)
    assert "notes" not in mark_names(bare)


def test_a_point_may_be_without_a_name():
    assert [point["name"] for point in data_of(scatter_plot([spot(), spot(is_named=False)], ACROSS, UP), "points")] == [
        "net", ""
    ]  # fmt: skip


def test_texts_are_data():
    points = data_of(scatter_plot([spot(text) for text in HOSTILE], ACROSS, UP), "points")
    assert [point["text"] for point in points] == [f"all about {text}" for text in HOSTILE]
