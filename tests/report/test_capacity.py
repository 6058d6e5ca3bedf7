from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from matplotlib.figure import Figure
from searches import LIMIT, MIB, broken, nothing_fits, searched
from synthetic import MODELS, make_case, make_run, realistic_record

from zoobench.cases import Mode, Precision
from zoobench.records import CaseRecord
from zoobench.records.store import StoredRun
from zoobench.report.capacity import Frontier, capacity_table, collect_frontiers, render_capacity
from zoobench.report.charts.batch import FRONTIER, memory_frontier
from zoobench.report.frame import collect_frame
from zoobench.report.placement import Box, overlap
from zoobench.report.selection import view_of
from zoobench.report.tables import render_table
from zoobench.report.write import write_report


def frontiers_of(*records: CaseRecord) -> tuple[Frontier, ...]:
    return collect_frontiers([make_run(records)])


# The table


def test_a_row_a_search_with_its_line_and_the_speed_at_the_largest_batch() -> None:
    (row,) = capacity_table(frontiers_of(searched())).frame.to_dict("records")

    assert row == {
        "model": "mobilenet_v2", "mode": "infer", "precision": "fp32", "device": "cpu", "limit": LIMIT, "batch": 60,
        "slope": 4 * MIB, "intercept": 16 * MIB, "throughput": 120.0, "latency": 0.5,
    }  # fmt: skip


def test_it_is_printed_with_units() -> None:
    text = render_table(capacity_table(frontiers_of(searched())))
    assert [cell.strip() for cell in text.splitlines()[2].strip("|").split("|")] == [
        "mobilenet\\_v2" if "\\_" in text else "mobilenet_v2", "infer", "fp32", "cpu", "256 MiB", "60", "4.00 MiB",
        "16.0 MiB", "120 /s", "500 ms",
    ]  # fmt: skip


def test_what_has_no_largest_batch_has_a_reason() -> None:
    frame = capacity_table(frontiers_of(searched(), nothing_fits(), broken())).frame

    assert frame["batch"].tolist()[:2] == [60, 0]
    assert frame["batch"].isna().tolist() == [False, False, True]
    assert frame["note"].tolist()[0] == ""
    assert "the weights alone need 528 MiB" in frame["note"].tolist()[1]
    assert frame["note"].tolist()[2] == "timeout: no end"
    assert math.isnan(frame["throughput"].tolist()[1])


def test_ordinary_cases_are_no_searches() -> None:
    assert frontiers_of(realistic_record(make_case())) == ()
    assert capacity_table(()).frame.empty
    assert render_capacity((), image="", most_rows=3, rest="") == ""


def test_runs_are_told_apart() -> None:
    runs = [make_run([searched()], run_id=name, label=name) for name in ("a", "b")]
    assert capacity_table(collect_frontiers(runs)).frame["run"].tolist() == ["a", "b"]


def test_the_section_is_the_chart_the_method_and_the_table() -> None:
    section = render_capacity(frontiers_of(searched()), image="![chart](f.png)", most_rows=9, rest="")
    assert section.startswith("## Capacity\n\n![chart](f.png)\n\nA batch fits if ")
    assert "| 256 MiB |" in section


# The page, beside an ordinary run


def both_runs() -> list[StoredRun]:
    return [
        make_run([realistic_record(make_case("resnet18"))]),
        make_run([searched(), nothing_fits()], run_id="20260302T100000.000Z-capacity", label="capacity"),
    ]


def test_the_report_has_the_section_and_its_files(tmp_path: object) -> None:
    paths = write_report(both_runs(), tmp_path, is_drawn=True)  # type: ignore[arg-type]

    page = paths.page.read_text(encoding="utf-8")
    assert "## Capacity" in page
    assert "(figures/memory_frontier.png)" in page
    assert {"capacity.md", "capacity.csv"} <= {path.name for path in paths.tables}
    assert {"memory_frontier.png", "memory_frontier.svg"} <= {path.name for path in paths.figures}


def test_searches_do_not_stand_among_the_general_cases() -> None:
    assert set(view_of(collect_frame(both_runs())).models["name"]) == {"resnet18"}


# The chart

MANY = [searched(name, slope=(0.3 + 0.7 * place) * MIB) for place, name in enumerate(list(MODELS)[:12])]
TRAINED = [searched(name, mode=Mode.TRAIN, slope=(3 + 5 * place) * MIB) for place, name in enumerate(list(MODELS)[:8])]

FIGURES = {
    "one": frontiers_of(searched()),
    "no counts": frontiers_of(searched(has_counts_beyond=False)),
    "many": frontiers_of(*MANY, *TRAINED, nothing_fits(), broken("lenet5")),
    "failed": frontiers_of(broken()),
    "two limits": frontiers_of(searched(), searched("resnet18", limit=16 * LIMIT)),
}


def drawn(name: str) -> Figure:
    figure = memory_frontier(FIGURES[name])
    assert figure is not None
    figure.draw_without_rendering()
    return figure


def extent(artist: object) -> Box:
    return Box(*artist.get_window_extent().extents)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", FIGURES)
def test_no_label_covers_another_and_all_lie_in_the_figure(name: str) -> None:
    figure = drawn(name)
    whole = figure.bbox.extents
    for ax in figure.axes:
        labels = [extent(text) for text in ax.texts if text.get_text()]
        for first, second in itertools.combinations(labels, 2):
            assert not overlap(first, np.array([second])).any()
        for box in (*labels, extent(ax.title), extent(ax.xaxis.label), *map(extent, figure.legends)):
            assert whole[0] <= box.x0 <= box.x1 <= whole[2]
            assert whole[1] <= box.y0 <= box.y1 <= whole[3]


@pytest.mark.parametrize("name", FIGURES)
def test_tick_labels_do_not_touch(name: str) -> None:
    for ax, side in itertools.product(drawn(name).axes, ("x", "y")):
        low, high = sorted(getattr(ax, f"get_{side}lim")())
        ticks = [tick for tick in getattr(ax, f"{side}axis").get_major_ticks() if low <= tick.get_loc() <= high]
        for first, second in itertools.combinations([extent(tick.label1) for tick in ticks], 2):
            assert not overlap(first, np.array([second])).any()


def test_a_panel_a_mode_and_a_name_a_model_with_its_batch() -> None:
    figure = drawn("many")
    assert [ax.get_title() for ax in figure.axes] == ["infer, limit 256 MiB", "train, limit 256 MiB"]
    infer, train = ({text.get_text() for text in ax.texts if text.get_text()} for ax in figure.axes)
    assert {text.rpartition(" ")[0] for text in train} == set(list(MODELS)[:8])
    assert {text.rpartition(" ")[0] for text in infer} == set(list(MODELS)[:12])
    assert {"lenet5 800", "lenet5 (failed)"} <= infer


def markers(name: str) -> list[tuple[float, float, bool]]:
    """Place of each large marker, and whether it is hollow."""
    (ax,) = drawn(name).axes
    lines = [line for line in ax.lines if line.get_marker() not in ("None", ".", "")]
    return [(line.get_xdata()[0], line.get_ydata()[0], line.get_markerfacecolor() == "white") for line in lines]


def test_the_largest_that_fits_is_filled_and_the_first_that_does_not_is_hollow() -> None:
    assert markers("one") == [(60, 256 * MIB, False), (61, 260 * MIB, True)]


def test_a_call_that_did_not_end_is_drawn_where_the_line_would_be() -> None:
    assert markers("no counts") == [(60, 256 * MIB, False), (61, 260 * MIB, True)]


def test_the_limit_is_drawn() -> None:
    (ax,) = drawn("two limits").axes
    flat = {
        line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == "--" and len(set(line.get_ydata())) == 1
    }
    assert {LIMIT, 16 * LIMIT} <= flat


def test_without_a_peak_nothing_is_drawn() -> None:
    assert memory_frontier(()) is None
    assert memory_frontier(frontiers_of(nothing_fits())) is None
    assert FRONTIER.build is memory_frontier


def test_other_precisions_have_panels_of_their_own() -> None:
    other = searched(precision=Precision.AMP_BF16)
    figure = memory_frontier(frontiers_of(searched(), other))
    assert figure is not None
    assert [ax.get_title().partition(",")[0] for ax in figure.axes] == ["infer · fp32", "infer · amp-bf16"]
