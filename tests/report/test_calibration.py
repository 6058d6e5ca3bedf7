"""The table of calibrations, and its place on the page."""

import msgspec
from synthetic import QUIET, TROUBLED, make_calibration, make_case, make_run, realistic_record

from zoobench.records import Unavailable
from zoobench.report.report_data import calibration_table
from zoobench.report.tables import render_table
from zoobench.report.write import write_report


def calibrated(run, calibration):
    environment = msgspec.structs.replace(run.run.environment, calibration=calibration)
    return msgspec.structs.replace(run, run=msgspec.structs.replace(run.run, environment=environment))


def test_a_quiet_machine_is_its_headline_figures():
    frame = calibration_table([calibrated(make_run([]), make_calibration(QUIET))]).frame
    assert frame[["figure", "value", "advice"]].to_numpy().tolist() == [
        ["Median pace behind the best", "0.5 %", "good"],
        ["Noise floor: the same case twice", "1.0 %", "good"],
        ["Spread between processes", "0.6 %", "good"],
    ]


def test_whatever_is_to_be_changed_has_a_row():
    table = calibration_table([calibrated(make_run([]), make_calibration(TROUBLED))])
    advice = table.frame.set_index("figure")["advice"]
    assert len(advice) == 20
    assert advice["Known duration, read wrong by"].startswith(
        "an operation of known duration is read wrong by -100.0 %"
    )
    assert "Load of the last minute" not in advice.index


def test_a_headline_that_could_not_be_measured_says_why():
    made = make_calibration((), unavailable=(Unavailable(metric="repeated_latency", reason="no model fits"),))
    frame = calibration_table([calibrated(make_run([]), made)]).frame
    assert frame["value"].tolist() == ["not available: no model fits"] * 2
    assert frame["advice"].tolist() == ["", ""]


def test_runs_are_told_apart_where_there_are_several():
    one = calibrated(make_run([]), make_calibration())
    other = calibrated(make_run([], run_id="20260302T100000.000Z-head", label="head"), make_calibration())
    table = calibration_table([one, make_run([], run_id="20260303T100000.000Z-none", label="none"), other])
    assert table.columns[0].key == "run"
    assert table.frame["run"].tolist() == ["base"] * 3 + ["head"] * 3
    assert calibration_table([one]).columns[0].key == "made_at"


def test_without_one_the_page_says_how_to_make_one():
    assert render_table(calibration_table([make_run([])])) == (
        "No run has a calibration of its machine: `python -m zoobench doctor` makes one, which later runs carry."
    )


def test_it_stands_on_the_page_and_in_a_file_of_its_own(tmp_path):
    run = calibrated(make_run([realistic_record(make_case())]), make_calibration(TROUBLED))
    paths = write_report([run], tmp_path)
    page = paths.page.read_text(encoding="utf-8")
    section = page.partition("## Calibration of the machine\n\n")[2].partition("\n\n")[0]
    assert section == render_table(calibration_table([run]))
    assert page.index("## Environment") < page.index("## Calibration of the machine")
    assert tmp_path / "tables" / "calibration.csv" in paths.tables
