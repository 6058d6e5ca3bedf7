import itertools
import random

import msgspec
import numpy as np
import pandas as pd
import pytest
from synthetic import failed, make_case, make_record, make_run, measurement

from zoobench.cases import BadInputError, ModelRef, StoreError, UnknownNameError
from zoobench.records import Environment, Finding, Severity
from zoobench.report.charts.history import MOST_PANELS, history_chart
from zoobench.report.history import collect_history, history_rows, machine_texts, write_history
from zoobench.report.placement import Box, overlap

NETS = ("resnet18", "mobilenet_v2", "alexnet")
SHARED = Finding(code="shared", severity=Severity.WARNING)


def environment(commit, *, is_dirty=False, processor="Example CPU", torch="2.14.1"):
    return Environment(
        host={"processor": processor, "usable_threads": "2"},
        software={"torch": torch},
        settings={"instruction_set": "AVX512"},
        commit={"revision": commit, "is_dirty": str(is_dirty).lower()} if commit else {},
    )


def run_at(day, records, commit="a" * 40, **about):
    stored = make_run(records, run_id=f"202603{day:02d}T100000.000Z-run")
    head = msgspec.structs.replace(
        stored.run, started_at=f"2026-03-{day:02d}T10:00:00.000+00:00", environment=environment(commit, **about)
    )
    return msgspec.structs.replace(stored, run=head)


def record(name="resnet18", latency_s=0.015, parameters=11_689_512, **more):
    samples = [latency_s * factor for factor in (0.99, 0.995, 1.0, 1.0, 1.005, 1.01)]
    of_model = [measurement("latency", *samples), measurement("parameters", parameters), measurement("macs", 1.8e9)]
    return make_record(make_case(name), of_model, **more)


def long_history():
    """Eleven runs over nine commits, two machines, a dirty tree, a run that is not valid and one that failed."""
    rng = random.Random(0)
    runs = []
    for day, letter in enumerate("aabcdefghii", start=1):
        about = {"is_dirty": day == 4, "processor": "Another CPU" if day > 7 else "Example CPU"}
        findings = (SHARED,) if day == 6 else ()
        scale = (1.4 if day > 7 else 1.0) * (1.1 if day > 4 else 1.0)
        records = [record(net, 0.01 * place * scale * rng.uniform(0.97, 1.03), findings=findings)
                   for place, net in enumerate(NETS, start=1)]  # fmt: skip
        runs.append(
            run_at(day, records if day != 3 else [failed(make_case(net)) for net in NETS], letter * 40, **about)
        )
    return runs


@pytest.fixture(scope="module")
def history():
    return collect_history(reversed(long_history()), "latency")


def test_rows_are_case_after_case_and_in_each_the_oldest_run_first(history):
    rows = history_rows(history)
    assert [row["case"] for row in rows] == [net for net in NETS for _ in range(11)]
    assert [row["started"] for row in rows[:2]] == ["2026-03-01 10:00", "2026-03-02 10:00"]
    commits = [row["commit"] for row in rows[:11]]
    assert commits == ["aaaaaaa", "aaaaaaa", "bbbbbbb", "ccccccc*", *(letter * 7 for letter in "defghii")]


def test_a_value_has_its_interval_and_says_what_stands_against_it(history):
    rows = history_rows(history)
    assert rows[0]["latency"].endswith("±1.0 %")
    assert rows[5]["latency"].endswith("±1.0 % (shared)")
    assert rows[2]["latency"] == "failed: out-of-memory in training step: DefaultCPUAllocator: can't allocate 9 GB"


def test_machines_are_told_apart_where_there_are_several(history):
    assert [row["machine"] for row in history_rows(history)[:11]] == ["A"] * 7 + ["B"] * 4
    assert machine_texts(history) == [
        "machine A: processor Example CPU, threads unknown, torch 2.14.1, instruction set AVX512".replace(
            "unknown", "2"
        ),
        "machine B: processor Another CPU, threads 2, torch 2.14.1, instruction set AVX512",
    ]


def test_one_machine_needs_no_letter():
    history = collect_history([run_at(1, [record()])], "latency")
    assert list(history_rows(history)[0]) == ["case", "started", "commit", "latency", "parameters", "macs"]
    assert machine_texts(history) == []


def test_exact_metrics_are_told_to_the_last_digit():
    runs = [run_at(1, [record()]), run_at(2, [record(parameters=11_689_513)], "b" * 40)]
    rows = history_rows(collect_history(runs, "latency"))
    assert [row["parameters"] for row in rows] == ["11,689,512", "11,689,513"]


def test_an_exact_metric_has_a_column_once_it_changes():
    def with_peak(*peaks):
        measured = [[measurement("latency", 1.0), measurement("predicted_peak", peak)] for peak in peaks]
        runs = [run_at(day, [make_record(make_case(), each)]) for day, each in enumerate(measured, start=1)]
        return [row.get("predicted_peak") for row in history_rows(collect_history(runs, "latency"))]

    assert with_peak(1000, 1000) == [None, None]
    assert with_peak(1000, 1001) == ["1,000 bytes", "1,001 bytes"]


def test_a_run_outside_a_repository_has_no_commit():
    assert history_rows(collect_history([run_at(1, [record()], "")], "latency"))[0]["commit"] == "no commit"


def test_only_the_models_that_were_asked_for():
    history = collect_history(long_history(), "latency", [ModelRef("torchvision", "alexnet")])
    assert {row["case"] for row in history_rows(history)} == {"alexnet"}


def test_an_unknown_metric():
    with pytest.raises(UnknownNameError, match="unknown metric 'latencies': did you mean latency"):
        collect_history(long_history(), "latencies")


def test_a_metric_that_no_run_has():
    with pytest.raises(
        BadInputError, match="none of these runs' cases has a value of capacity: they have parameters, macs"
    ):
        collect_history([run_at(1, [record()])], "capacity")


@pytest.fixture(scope="module")
def figure(history):
    figure = history_chart(history.frame, "latency", history.machines)
    figure.draw_without_rendering()
    return figure


def test_lines_join_runs_of_one_machine_alone(figure):
    """Nine places of commits: those of machine A, then, from where the dashed line stands, those of machine B."""
    ax = figure.axes[0]
    dashed = [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == "--"]
    joined = [tuple(line.get_xdata()) for line in ax.lines if line.get_linestyle() == "-" and len(line.get_xdata()) > 1]
    assert dashed == [4.5]
    assert [line for line in joined if line[0] != line[1]] == [(0, 1, 2, 3, 4), (5, 6, 7)]


def test_several_runs_of_a_commit_share_a_place(figure):
    points = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    places = sorted(place for line in points for place in line.get_xdata())
    assert places == [0, 0, 1, 2, 3, 4, 5, 6, 7, 7]


def test_what_is_not_valid_is_hollow(figure):
    hollow = [
        line for line in figure.axes[0].lines if line.get_marker() == "o" and line.get_markerfacecolor() == "white"
    ]
    assert [list(line.get_xdata()) for line in hollow] == [[3]]


def test_no_label_touches_another_and_all_lie_in_the_figure(figure):
    whole = Box(*figure.bbox.extents)
    labels = list(figure.texts)
    for ax in figure.axes:
        low, high = ax.get_xlim()
        ticks = [label for label in ax.get_xticklabels() if low <= label.get_position()[0] <= high]
        below, above = ax.get_ylim()
        ticks += [label for label in ax.get_yticklabels() if below <= label.get_position()[1] <= above]
        labels += [ax.title, *ax.texts, *ticks]
    boxes = [(label.get_text(), Box(*label.get_window_extent().extents)) for label in labels if label.get_text()]
    for (one, first), (other, second) in itertools.combinations(boxes, 2):
        assert not overlap(first, np.array([second])).any(), (one, other)
    for text, box in boxes:
        assert min(box.x0 - whole.x0, box.y0 - whole.y0, whole.x1 - box.x1, whole.y1 - box.y1) >= 0, text


def test_of_too_many_cases_those_that_changed_most_are_drawn():
    def at(day, factor):
        cases = [make_case("resnet18", batch=batch) for batch in range(1, MOST_PANELS + 7)]
        return run_at(day, [make_record(case, [measurement("latency", 1.0 * factor**case.batch)]) for case in cases])

    history = collect_history([at(1, 1.0), at(2, 1.01)], "latency")
    figure = history_chart(history.frame, "latency", history.machines)
    assert [ax.get_title() for ax in figure.axes] == [f"resnet18/b{batch}" for batch in range(7, MOST_PANELS + 7)]
    assert "The 24 of 30 cases whose value changed most." in figure.texts[-1].get_text()


@pytest.mark.parametrize("values", [(0.0, 0.0), (11_689_512, 11_689_513), (1e-3, 1.001e-3), (1.0, 250.0)])
def test_ticks_of_an_axis_are_told_apart(values):
    runs = [run_at(day, [make_record(make_case(), [measurement("parameters", value)])])
            for day, value in enumerate(values, start=1)]  # fmt: skip
    history = collect_history(runs, "parameters")
    figure = history_chart(history.frame, "parameters", history.machines)
    figure.draw_without_rendering()
    low, high = figure.axes[0].get_ylim()
    labels = figure.axes[0].get_yticklabels()
    shown = [label.get_text() for label in labels if low <= label.get_position()[1] <= high]
    assert len(shown) == len(set(shown)) >= 2


def test_one_run_is_a_point_each(tmp_path):
    history = collect_history([run_at(1, [record()])], "latency")
    paths = write_history(history, tmp_path)
    assert [path.name for path in paths.figures] == ["history.png", "history.svg"]


def test_the_csv_has_every_row(history, tmp_path):
    paths = write_history(history, tmp_path / "new")
    rows = pd.read_csv(paths.csv, keep_default_na=False)
    assert len(rows) == len(history.frame) == 3 * (10 * 3 + 1)
    assert list(rows.columns)[:5] == ["started_at", "commit", "is_dirty", "machine", "run_id"]
    assert rows["reason"].str.contains("out-of-memory").sum() == 3


def test_a_hostile_name_is_drawn_as_text(tmp_path):
    case = make_case(model=ModelRef("import", "$\\frac{1}{0}$ \n网<b>"))
    history = collect_history([run_at(1, [make_record(case, [measurement("latency", 1.0)])])], "latency")
    assert write_history(history, tmp_path).figures


def test_an_unwritable_folder(history, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot write the history to"):
        write_history(history, tmp_path / "file")
