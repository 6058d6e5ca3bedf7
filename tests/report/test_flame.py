from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import make_case, make_record

from zoobench.records import Breakdown, CaseRecord, Layer, LayerKind
from zoobench.report.charts.flame import OWN, FlameCell, cells_of, flame_of_modules
from zoobench.report.palette import KIND_STYLES


def layer(path: str, kind: str = "convolution") -> Layer:
    return Layer(path, "Module", kind, 10, 10, 10, 10, (1, 3, 8, 8), (1, 3, 8, 8))


def record_of(times: dict[str, float], layers: tuple[Layer, ...] = ()) -> CaseRecord:
    by_layer = Breakdown(metric="operator_time", by="layer", values=times, method="told")
    return make_record(make_case(), breakdowns=(by_layer,), layers=layers)


def test_modules_lie_below_those_that_call_them_in_the_order_of_their_calls() -> None:
    layers = (layer("", ""), layer("b", "add"), layer("b.0"), layer("b.1", "activation"), layer("a", "pooling"))
    times = {"b.1": 1.0, "a": 4.0, "b.0": 2.0, "b": 0.5, "": 0.25}
    assert cells_of(record_of(times, layers)) == (
        FlameCell("", "(model)", "", 0, 0.0, 7.75),
        FlameCell("b", "b", "", 1, 0.0, 3.5),
        FlameCell("b.0", "0", "convolution", 2, 0.0, 2.0),
        FlameCell("b.1", "1", "activation", 2, 2.0, 1.0),
        FlameCell("b", OWN, "add", 2, 3.0, 0.5),
        FlameCell("a", "a", "pooling", 1, 3.5, 4.0),
        FlameCell("", OWN, "other", 1, 7.5, 0.25),
    )


def test_a_module_that_is_never_called_itself_still_holds_its_parts() -> None:
    """As torch's ModuleList."""
    cells = cells_of(record_of({"blocks.0": 1.0, "blocks.1": 2.0}, (layer("blocks.0"), layer("blocks.1"))))
    assert [(cell.path, cell.width_s) for cell in cells] == [
        ("", 3.0), ("blocks", 3.0), ("blocks.0", 1.0), ("blocks.1", 2.0),
    ]  # fmt: skip


def test_without_times_of_modules_there_is_no_figure() -> None:
    record = make_record(make_case())
    assert cells_of(record) == ()
    assert flame_of_modules(record, "lenet5") is None


PATHS = st.lists(st.sampled_from("abc"), max_size=3).map(".".join)


@given(st.dictionaries(PATHS, st.integers(1, 1000).map(float), min_size=1))
def test_all_time_is_shown_once_and_modules_are_filled_by_what_is_below(times: dict[str, float]) -> None:
    cells = cells_of(record_of(times))
    assert cells[0].width_s == sum(times.values())
    assert sum(cell.width_s for cell in cells if cell.kind) == sum(times.values())
    for cell in cells:
        ends = cell.start_s + cell.width_s
        below = [each for each in cells if each.depth == cell.depth + 1 and cell.start_s <= each.start_s < ends]
        if not cell.kind:
            assert sum(each.width_s for each in below) == cell.width_s
        else:
            assert not below, "what calls nothing has nothing below it"
    rows = itertools.groupby(sorted(cells, key=lambda cell: (cell.depth, cell.start_s)), key=lambda cell: cell.depth)
    for _, row in rows:
        for first, second in itertools.pairwise(row):
            assert first.start_s + first.width_s <= second.start_s, "no cell covers another"


def test_names_stand_inside_their_cells_and_only_where_they_fit() -> None:
    layers = tuple(layer(path) for path in ("wide_enough", "a_name_too_long_for_its_cell", "hairline"))
    figure = flame_of_modules(record_of({"wide_enough": 95.0, layers[1].path: 4.9, "hairline": 0.1}, layers), "a net")
    assert figure is not None
    figure.draw_without_rendering()
    [ax] = figure.axes
    assert {text.get_text() for text in ax.texts} == {"(model)", "wide_enough"}
    cells = [patch.get_window_extent() for patch in ax.patches]
    for text in ax.texts:
        box = text.get_window_extent()
        assert any(
            cell.x0 <= box.x0 and box.x1 <= cell.x1 and cell.y0 <= box.y0 and box.y1 <= cell.y1 for cell in cells
        )


def test_colour_tells_the_kind_and_the_legend_names_it() -> None:
    layers = (layer("a", "depthwise"), layer("b", "pooling"))
    figure = flame_of_modules(record_of({"a": 1.0, "b": 2.0}, layers), "a net")
    assert figure is not None
    [ax], [legend] = figure.axes, figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["depthwise", "pooling"]
    _, a, b = ax.patches
    handles = [patch.get_facecolor() for patch in legend.get_patches()]
    assert [a.get_facecolor(), b.get_facecolor()] == handles
    assert a.get_width() * 2 == b.get_width()


def test_a_hairline_is_not_covered_by_its_own_edge() -> None:
    figure = flame_of_modules(record_of({"a": 1.0, "b": 0.001}, (layer("a"), layer("b"))), "a net")
    assert figure is not None
    _, a, b = figure.axes[0].patches
    assert (a.get_linewidth() > 0, b.get_linewidth()) == (True, 0.0)


@pytest.mark.parametrize("kind", [*LayerKind])
def test_every_kind_can_be_drawn(kind: LayerKind) -> None:
    assert kind in KIND_STYLES
    assert flame_of_modules(record_of({"a": 1.0}, (layer("a", kind.value),)), "a net") is not None
