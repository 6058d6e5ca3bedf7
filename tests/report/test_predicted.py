from __future__ import annotations

import pytest
from synthetic import make_case, make_record, make_run, measurement

from zoobench.cases import Mode
from zoobench.records import Breakdown, CaseRecord, Measurement
from zoobench.records.store import StoredRun
from zoobench.report.report_data import predicted_table, render_predicted

PARTS = {"weights": 60.0, "temporaries": 30.0, "workspace": 9.0}


def predicted(measured: float, **axes: object) -> CaseRecord:
    """A peak of 99 bytes, beside this measured one."""
    method = "storages of a call on fake tensors; peak in aten.relu of features.2; workspace: cpu-onednn"
    return make_record(
        make_case(**axes),
        [
            Measurement(metric="predicted_peak", samples=(99.0,), method=method),
            measurement("predicted_workspace", 9.0),
            measurement("peak_allocated", measured),
        ],
        breakdowns=(Breakdown(metric="predicted_peak", by="category", values=PARTS, method=method),),
    )


def a_run() -> StoredRun:
    unpredicted = make_record(make_case("vgg16"), [measurement("peak_allocated", 5.0)])
    inference = [predicted(100.0), predicted(99.0, batch=8), predicted(90.0, batch=2)]
    return make_run([*inference, predicted(110.0, mode=Mode.TRAIN), unpredicted])


def test_the_error_is_predicted_over_measured() -> None:
    frame = predicted_table([a_run()]).frame
    assert frame["error_ratio"].tolist() == pytest.approx([-0.01, 0.0, 0.1, -0.1])
    assert frame[["mode", "batch"]].to_numpy().tolist() == [["infer", 1], ["infer", 8], ["infer", 2], ["train", 1]]


def test_the_parts_add_up_and_the_place_is_named() -> None:
    row = predicted_table([a_run()]).frame.iloc[0]
    parts = ["weights", "inputs", "gradients", "optimizer-state", "saved-activations", "temporaries", "workspace"]
    assert sum(row[part] for part in parts) == row["predicted"]
    assert row["gradients"] == 0.0
    assert row["place"] == "aten.relu of features.2"


def test_the_section_says_how_far_off_it_is() -> None:
    section = render_predicted([a_run()], most_rows=10, rest="tables/predicted.md")
    assert section.startswith("## Predicted memory\n")
    assert (
        "Of 3 peaks of inference, half are predicted within 1.00 %; "
        "farthest off is resnet18 at batch 2 in fp32, by 10.00 %."
    ) in section
    assert "Of 1 peaks of a training step, half are predicted within 10.00 %" in section


def test_without_predictions_there_is_no_section() -> None:
    run = make_run([make_record(make_case(), [measurement("peak_allocated", 5.0)])])
    assert render_predicted([run], most_rows=10, rest="") == ""
    assert predicted_table([run]).frame.empty


def test_two_runs_are_told_apart() -> None:
    runs = [make_run([predicted(100.0)], run_id="a", label="a"), make_run([predicted(99.0)], run_id="b", label="b")]
    assert predicted_table(runs).frame["run"].tolist() == ["a", "b"]
