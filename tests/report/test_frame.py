import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import failed, make_case, make_record, make_run, measurement

from zoobench.cases import Mode, ModelRef
from zoobench.records import Finding, Severity, Unavailable
from zoobench.report.frame import COLUMNS, FAILED, OK, UNAVAILABLE, collect_frame

EIGHT_SAMPLES = (0.010, 0.011, 0.012, 0.013, 0.014, 0.015, 0.016, 0.017)


def rows_of(*records):
    return collect_frame([make_run(records)])


def row(frame, metric):
    (found,) = frame[frame["metric"] == metric].to_dict("records")
    return found


def test_a_measured_metric_is_its_median_and_the_interval_between_its_order_statistics():
    faults = (0.0, 0.0, 4.0, 4.0, 8.0, 8.0, 8.0, 8.0)
    latency = measurement("latency", *EIGHT_SAMPLES, covariates={"page_faults": faults}, calls_per_sample=2)
    found = row(rows_of(make_record(make_case(batch=2), [latency])), "latency")

    assert found["status"] == OK
    assert found["unit"] == "s"
    assert found["value"] == pytest.approx(0.0135)
    # B(8, ½): P(B = 0) = 0.4 %, and P(B ≤ 1) = 3.5 % is more than 2.5 %, so the ends are the extremes
    assert (found["low"], found["high"]) == (0.010, 0.017)
    assert found["n"] == 8
    assert found["page_faults"] == pytest.approx(6.0 / 2)
    assert found["method"] == "fabricated"


def test_blocks_are_the_replicates_and_disturbed_rounds_are_set_aside():
    samples = (1.0, 9.0, 2.0, 9.0, 3.0, 9.0, 4.0, 9.0, 5.0, 9.0, 6.0, 9.0)
    paces = (1.0, 1.5) * 6
    latency = measurement("latency", *samples, covariates={"pace": paces}, block_sizes=(2,) * 6)
    found = row(rows_of(make_record(make_case(), [latency])), "latency")
    assert (found["value"], found["n"], found["blocks"]) == (3.5, 6, 6)
    assert found["disturbed_ratio"] == 0.5
    assert found["low"] < 1.0  # each block is like the next: the interval is wider than from the least to the greatest


def test_validity_is_of_the_times_of_the_same_rounds():
    noisy = (Finding(code="noisy", severity=Severity.WARNING),)
    metrics = ("latency", "forward_latency", "peak_allocated", "first_call")
    measurements = [measurement(metric, 1.0) for metric in metrics]
    frame = rows_of(make_record(make_case(mode=Mode.TRAIN), measurements, findings=noisy))
    assert frame.set_index("metric")["validity"].to_dict() == {
        "latency": "noisy",
        "forward_latency": "noisy",
        "peak_allocated": "valid",
        "first_call": "valid",
        "throughput": "noisy",
    }


def test_throughput_is_derived_and_its_interval_changes_ends():
    latency = measurement("latency", *EIGHT_SAMPLES)
    found = row(rows_of(make_record(make_case(batch=4), [latency])), "throughput")

    assert found["unit"] == "1/s"
    assert found["value"] == pytest.approx(4 / 0.0135)
    assert found["low"] == pytest.approx(4 / 0.017)
    assert found["high"] == pytest.approx(4 / 0.010)
    assert math.isnan(found["page_faults"])


@given(st.lists(st.floats(1e-6, 1e3), min_size=6, max_size=30), st.integers(1, 512))
def test_throughput_lies_in_its_own_interval(samples, batch):
    found = row(rows_of(make_record(make_case(batch=batch), [measurement("latency", *samples)])), "throughput")
    assert found["low"] <= found["value"] * (1 + 1e-9)
    assert found["value"] <= found["high"] * (1 + 1e-9)


def test_too_few_samples_have_a_median_and_no_interval():
    found = row(rows_of(make_record(make_case(), [measurement("latency", 0.1, 0.3)])), "latency")
    assert found["value"] == pytest.approx(0.2)
    assert math.isnan(found["low"])
    assert math.isnan(found["high"])


def test_a_clock_that_stood_still_gives_no_throughput():
    found = row(rows_of(make_record(make_case(), [measurement("latency", 0.0, 0.0)])), "throughput")
    assert found["status"] == UNAVAILABLE
    assert found["reason"] == "the clock saw no time pass during a call"


def test_the_launch_bound_share_is_what_the_kernels_leave_of_a_call():
    latency, kernels = measurement("latency", *EIGHT_SAMPLES), measurement("device_time", *[0.009] * 7, 0.0095)
    found = row(rows_of(make_record(make_case(device="cuda"), [latency, kernels])), "launch_bound_ratio")

    assert (found["status"], found["unit"]) == (OK, "ratio")
    assert found["value"] == pytest.approx(1 - 0.009 / 0.0135)
    assert found["low"] == pytest.approx(1 - 0.0095 / 0.010)
    assert found["high"] == pytest.approx(1 - 0.009 / 0.017)
    assert found["method"] == "1 − device_time ÷ latency; device_time: fabricated"


def test_one_profiled_call_gives_a_launch_bound_share_without_an_interval():
    parts = [measurement("latency", *EIGHT_SAMPLES), measurement("device_time", 0.009)]
    found = row(rows_of(make_record(make_case(device="cuda"), parts)), "launch_bound_ratio")

    assert found["value"] == pytest.approx(1 - 0.009 / 0.0135)
    assert math.isnan(found["low"])
    assert math.isnan(found["high"])


def test_there_is_no_launch_bound_share_without_both_times():
    lacking = (Unavailable(metric="device_time", reason="a CPU has no kernels of its own"),)
    latency, kernels = measurement("latency", *EIGHT_SAMPLES), measurement("device_time", 0.009)
    for record in (
        make_record(make_case(), [latency]),
        make_record(make_case(), [kernels]),
        make_record(make_case(), [latency], unavailable=lacking),
        make_record(make_case(), [measurement("latency", 0.0), kernels]),
    ):
        assert "launch_bound_ratio" not in set(rows_of(record)["metric"])


def test_a_latency_known_so_badly_that_it_may_be_nothing_bounds_no_throughput():
    """Seven rising blocks: the lower arm is 3 long, widened threefold, and the median is 4."""
    latency = measurement("latency", *map(float, range(1, 8)), block_sizes=(1,) * 7)
    found = row(rows_of(make_record(make_case(batch=2), [latency])), "throughput")
    assert (found["status"], found["value"]) == (OK, 0.5)
    assert found["low"] == pytest.approx(2 / 13)
    assert found["high"] == math.inf


def test_what_is_unavailable_is_a_row_with_its_reason():
    lacking = (Unavailable(metric="device_time", reason="a CPU has no kernels of its own"),)
    found = row(rows_of(make_record(make_case(), unavailable=lacking)), "device_time")
    assert (found["status"], found["reason"], found["n"]) == (UNAVAILABLE, "a CPU has no kernels of its own", 0)
    assert math.isnan(found["value"])


@pytest.mark.parametrize(
    ("mode", "missing"),
    [
        (Mode.INFER, {"latency", "peak_allocated", "throughput"}),
        (
            Mode.TRAIN,
            {"latency", "forward_latency", "backward_latency", "optimizer_latency", "peak_allocated", "throughput"},
        ),
    ],
)
def test_a_failed_case_has_a_row_for_everything_it_did_not_reach(mode, missing):
    frame = rows_of(failed(make_case(mode=mode), "no room"))
    assert set(frame["metric"]) == missing
    assert set(frame["status"]) == {FAILED}
    assert set(frame["reason"]) == {"out-of-memory in training step: no room"}


def test_a_failed_case_keeps_what_it_had_measured():
    frame = rows_of(failed(make_case(), "no room", measurements=(measurement("latency", 0.5),)))
    assert row(frame, "latency")["status"] == OK
    assert row(frame, "throughput")["value"] == pytest.approx(2.0)
    assert row(frame, "peak_allocated")["status"] == FAILED
    assert frame["failure"].notna().all()


def test_findings_are_joined_and_warnings_stand_apart():
    findings = (
        Finding(code="paging", severity=Severity.NOTE, values={"faults": 12.0}),
        Finding(code="emulated-precision", severity=Severity.WARNING, values={"device": "cpu", "precision": "bf16"}),
    )
    found = row(rows_of(make_record(make_case(), [measurement("latency", 1.0)], findings=findings)), "latency")
    warning = "cpu has no instructions for bf16: it is emulated, and slower than fp32"
    assert found["warnings"] == warning
    assert found["findings"].startswith("12 page faults a call")
    assert found["findings"].endswith(f"; {warning}")


def test_the_family_comes_from_the_catalogue_and_is_unknown_for_imported_models():
    own = make_case(model=ModelRef("import", "package.module:factory"))
    frame = rows_of(make_record(make_case("squeezenet1_0"), [measurement("latency", 1.0)]), make_record(own))
    assert frame["family"].iloc[0] == "squeezenet"
    imported = rows_of(make_record(own, [measurement("latency", 1.0)]))
    assert set(imported["family"]) == {"imported"}
    assert imported["top1_ratio"].isna().all()


def test_a_metric_this_version_does_not_know_is_kept_without_a_unit():
    found = row(rows_of(make_record(make_case(), [measurement("smell", 3.0)])), "smell")
    assert found["value"] == 3.0
    assert pd.isna(found["unit"])


def test_rows_are_in_the_order_of_the_records_and_runs():
    first = make_run([make_record(make_case("vgg16"), [measurement("latency", 1.0)])])
    second = make_run([make_record(make_case("alexnet"), [measurement("latency", 2.0)])], run_id="r2", label="")
    frame = collect_frame([first, second])
    assert frame["model"].tolist() == ["vgg16", "vgg16", "alexnet", "alexnet"]
    assert frame["run_id"].tolist() == ["20260301T100000.000Z-base"] * 2 + ["r2"] * 2
    assert frame["label"].tolist() == ["base", "base", "", ""]


def test_no_runs_and_empty_runs_have_all_columns_with_their_types():
    full = rows_of(make_record(make_case(), [measurement("latency", 1.0)]))
    for empty in (collect_frame([]), rows_of()):
        assert tuple(empty.columns) == COLUMNS
        assert len(empty) == 0
        assert empty.dtypes.map(str).tolist() == full.dtypes.map(str).tolist()


def test_processes_are_replicates_and_counted():
    latency = measurement("latency", *map(float, range(1, 15)), block_sizes=(1,) * 14, process_sizes=(2,) * 7)
    frame = rows_of(make_record(make_case(), [latency, measurement("parameters", 7.0)], unavailable=()))
    found = row(frame, "latency")

    assert (found["n"], found["blocks"], found["processes"]) == (14, 14, 7)
    assert (found["low"], found["value"], found["high"]) == (1.5, 7.5, 13.5)
    assert row(frame, "throughput")["processes"] == 7
    assert row(frame, "parameters")["processes"] == 1
