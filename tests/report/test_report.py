"""The whole output, against texts in `expected/`: `ZOOBENCH_REWRITE_GOLDEN=1 pytest tests/reports` writes them anew."""

import math
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pandas as pd
import pytest
from synthetic import (
    default_cases,
    failed,
    make_case,
    make_record,
    make_run,
    measurement,
    realistic_record,
)

from zoobench.cases import MemoryFormat, Mode, ModelRef, Precision, StoreError
from zoobench.records import Finding, Severity, Unavailable
from zoobench.report.answers import answers, rank_correlation
from zoobench.report.frame import collect_frame
from zoobench.report.selection import view_of
from zoobench.report.tables import Column, Table, build_tables, format_interval, render_cut_table, render_table
from zoobench.report.write import write_report

EXPECTED = Path(__file__).parent / "expected"
NETS = ("alexnet", "squeezenet1_1", "mobilenet_v2")
HOSTILE = "<b>|**evil**\n# `x`"


def check(name, text):
    path = EXPECTED / name
    if os.environ.get("ZOOBENCH_REWRITE_GOLDEN") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def small_run(**head):
    records = [realistic_record(case, rounds=8) for case in default_cases(NETS, batches=(1, 8))]
    doomed = [failed(make_case("vgg16", mode=mode)) for mode in Mode]
    return make_run([*records, *doomed], **head)


def tables_of(*runs):
    return {table.key: table for table in build_tables(view_of(collect_frame(runs)), runs)}


@pytest.fixture(scope="module")
def written(tmp_path_factory, fabricated_catalogue):
    return write_report([small_run()], tmp_path_factory.mktemp("report"), is_drawn=True)


@pytest.mark.parametrize(
    "key",
    ["zoo", "latency", "training", "memory", "failures", "unavailable", "warnings", "environment", "differences"],
)
def test_tables_of_one_run(key):
    check(f"{key}.md", render_table(tables_of(small_run())[key]) + "\n")


def test_the_page_of_one_run(written):
    check("report.md", written.page.read_text(encoding="utf-8"))


def test_two_runs_stand_side_by_side():
    base, head = small_run(), small_run(run_id="20260302T100000.000Z-head", label="head", commit="2222222")
    tables = tables_of(base, head)
    text = "\n\n".join(render_table(tables[key]) for key in ("zoo", "failures", "environment", "differences"))
    check("two_runs.md", text + "\n")


def test_everything_that_is_said_to_be_written_is_there(written):
    assert {path.name for path in written.tables} >= {"zoo.md", "zoo.csv", "training.md", "training.csv"}
    assert {path.name for path in written.figures} >= {"latency_against_macs.png", "amp_speedup.svg", "amp_speedup.pdf"}
    for path in (written.page, written.parquet, written.csv, *written.tables, *written.figures):
        assert path.stat().st_size > 0, path
    page = written.page.read_text(encoding="utf-8")
    for png in (path for path in written.figures if path.suffix == ".png"):
        assert f"(figures/{png.name})" in page
        assert png.read_bytes().startswith(b"\x89PNG")
        assert png.with_suffix(".pdf").read_bytes().startswith(b"%PDF")


def test_charts_are_drawn_only_if_asked_for(tmp_path):
    earlier = tmp_path / "figures" / "amp_speedup.png"
    earlier.parent.mkdir()
    earlier.write_bytes(b"of an earlier report")
    paths = write_report([small_run()], tmp_path)
    page = paths.page.read_text(encoding="utf-8")
    assert (paths.figures, [*earlier.parent.iterdir()]) == ((), [earlier])
    assert "figures/" not in page
    assert "was not drawn" not in page
    command = "python -m zoobench report 20260301T100000.000Z-base --figures"
    assert f"\nThe charts were not asked for; this draws them: {command}\n" in page


def test_the_frame_on_disk_is_the_frame(written):
    frame = collect_frame([small_run()])
    pd.testing.assert_frame_equal(pd.read_parquet(written.parquet), frame)
    from_csv = pd.read_csv(written.csv)
    assert from_csv.columns.tolist() == frame.columns.tolist()
    assert from_csv["value"].tolist() == pytest.approx(frame["value"].tolist(), nan_ok=True)


def test_a_table_s_csv_holds_base_units_with_interval_and_status(written):
    (path,) = (path for path in written.tables if path.name == "training.csv")
    table = pd.read_csv(path).set_index(["name", "batch", "precision"])
    frame = collect_frame([small_run()])
    case = frame[(frame["model"] == "alexnet") & (frame["mode"] == "train") & (frame["precision"] == "fp32")]
    (latency,) = case[(case["metric"] == "latency") & (case["batch"] == 8)].to_dict("records")
    row = table.loc[("alexnet", 8, "fp32")]
    assert (row["latency"], row["latency_low"], row["latency_high"]) == pytest.approx(
        (latency["value"], latency["low"], latency["high"])
    )
    assert table.loc[("vgg16", 1, "fp32"), "latency_status"] == "failed"


def test_a_second_report_is_the_same_bytes_and_leaves_no_chart_of_the_first(tmp_path):
    run = make_run([realistic_record(make_case("mobilenet_v2"))])
    stale = [tmp_path / "figures" / f"amp_speedup.{ending}" for ending in ("png", "svg", "pdf")]
    stale[0].parent.mkdir()
    for path in stale:
        path.write_bytes(b"old")
    first, second = (
        {path.name: path.read_bytes() for path in write_report([run], tmp_path, is_drawn=True).figures} for _ in "12"
    )
    assert first == second
    assert not any(path.exists() for path in stale)


@pytest.mark.parametrize(
    ("records", "sentence"),
    [
        ((), "0 cases of 0 models: none failed, none with a warning."),
        ((failed(make_case()),), "1 case of 1 model: 1 failed, none with a warning."),
        ((realistic_record(make_case()),), "1 case of 1 model: none failed, none with a warning."),
    ],
    ids=["empty", "failures only", "one case"],
)
def test_runs_with_little_in_them_have_a_report(tmp_path, records, sentence):
    page = write_report([make_run(records)], tmp_path, is_drawn=True).page.read_text(encoding="utf-8")
    assert f"- {sentence}\n" in page
    assert "Throughput against batch size was not drawn: no inference at two batch sizes or more" in page


def test_no_run_at_all_has_a_report(tmp_path):
    page = write_report([], tmp_path, is_drawn=True).page.read_text(encoding="utf-8")
    assert "- 0 cases of 0 models: none failed, none with a warning." in page


def test_mixed_devices_are_settings_of_their_own():
    cases = [make_case("alexnet", device=device) for device in ("cpu", "cuda:0")]
    run = make_run(realistic_record(case) for case in cases)
    table = tables_of(run)["zoo"].frame
    assert table["setting"].tolist() == ["cpu", "cuda:0"]
    assert table["macs"].tolist() == [714.2e6] * 2


def test_facts_of_a_model_are_found_in_whichever_case_has_them():
    facts = make_record(make_case(batch=8), [measurement("macs", 123.0), measurement("latency", 2.0)])
    headline = make_record(make_case(memory_format=MemoryFormat.CHANNELS_LAST), [measurement("latency", 1.0)])
    other_size = make_record(make_case(image_size=64), [measurement("latency", 0.1)])
    table = tables_of(make_run([headline, facts, other_size]))["zoo"].frame
    assert table["macs"].tolist() == pytest.approx([123.0, 123.0, math.nan], nan_ok=True)


def test_other_image_sizes_of_a_model_are_another_setting():
    records = [realistic_record(make_case(image_size=size)) for size in (224, 128)]
    assert tables_of(make_run(records))["zoo"].frame["setting"].tolist() == ["native size", "128 px"]


def test_pictures_that_are_not_square_are_named_by_both_sides():
    cases = [make_case(), *(make_case(image_size=480, image_width=width) for width in (480, 640))]
    zoo = tables_of(make_run([realistic_record(case) for case in cases]))["zoo"].frame
    assert zoo["setting"].tolist() == ["native size", "480 px", "480×640 px"]


def test_texts_of_users_are_text():
    case = make_case(model=ModelRef("import", HOSTILE))
    lacking = (Unavailable(metric="device_time", reason=HOSTILE),)
    run = make_run([failed(case, HOSTILE, unavailable=lacking)], label=HOSTILE)
    tables = tables_of(run, small_run(run_id="other", label="other"))
    for key in ("zoo", "failures", "unavailable", "environment"):
        lines = render_table(tables[key]).splitlines()
        assert len(lines) == 2 + len(tables[key].frame)
        unescaped = [line.replace(r"\|", "") for line in lines]
        assert len({line.count("|") for line in unescaped}) == 1
        assert r"&lt;b&gt;\|\*\*evil\*\* \# \`x\`" in "\n".join(lines)
        assert "<b>" not in "\n".join(lines)


def test_a_long_table_is_cut_on_the_page_and_whole_in_its_file(tmp_path):
    run = make_run(failed(make_case(batch=batch)) for batch in range(1, 71))
    paths = write_report([run], tmp_path)
    assert "… and 10 rows more in [tables/failures.md](tables/failures.md)." in paths.page.read_text(encoding="utf-8")
    assert len((tmp_path / "tables" / "failures.md").read_text(encoding="utf-8").splitlines()) == 72


def test_a_table_too_long_to_read_points_to_its_csv():
    table = Table(
        key="zoo",
        title="Zoo",
        columns=(Column("model", "Model"),),
        frame=pd.DataFrame({"model": [f"net{number}" for number in range(5)]}),
        empty="none",
    )
    text = render_cut_table(table, most_rows=3, rest="zoo.csv")
    assert "net2" in text
    assert "net3" not in text
    assert text.endswith("\n\n… and 2 rows more in [zoo.csv](zoo.csv).")
    assert render_cut_table(table, most_rows=5, rest="zoo.csv") == render_table(table)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(StoreError, match=r"^cannot write the report to .*: Not a directory$"):
        write_report([make_run([])], blocked / "report")


def test_the_answers_name_the_fastest_and_the_order():
    def model(name, macs, latency):
        return make_record(make_case(name), [measurement("macs", macs), measurement("latency", latency)])

    run = make_run([model("lenet5", 1, 0.001), model("alexnet", 20, 0.003), model("mobilenet_v2", 10, 0.004)])
    sentences = answers(view_of(collect_frame([run])))
    assert sentences[1] == "3 latencies: all valid."
    assert sentences[2] == (
        "The fastest of 3 models (inference, batch 1, fp32) is lenet5, 1.00 ms a call; "
        "of those with a published accuracy it is alexnet, 3.00 ms a call."
    )
    assert "rank correlation 0.50 (Spearman, 3 models" in sentences[3]
    assert sentences[3].endswith("furthest apart is alexnet, place 3 by MACs and 2 by latency.")


def test_invalid_times_are_struck_last_and_told():
    def timed(name, *codes):
        flaws = tuple(Finding(code=code, severity=Severity.WARNING) for code in codes)
        return make_record(make_case(name), [measurement("latency", 0.5)], findings=flaws)

    run = make_run([timed("alexnet", "noisy", "shared"), timed("mobilenet_v2"), timed("resnet18", "noisy")])
    view = view_of(collect_frame([run]))
    (table,) = (table for table in build_tables(view, [run]) if table.key == "latency")
    assert table.frame["name"].tolist() == ["mobilenet_v2", "alexnet", "resnet18"]
    rows = render_table(table).splitlines()[2:]
    assert ["~~500 ms~~" in row for row in rows] == [False, True, True]
    assert answers(view)[1] == (
        "3 latencies: 1 valid; the others are struck in the tables and listed under *Warnings* with what helps "
        "(noisy 2, shared 1)."
    )


def test_what_is_a_note_or_no_time_is_not_struck():
    note = (Finding(code="paging", severity=Severity.NOTE, values={"faults": 12.0}),)
    shared = (Finding(code="shared", severity=Severity.WARNING),)
    measured = [measurement("latency", 0.5), measurement("peak_allocated", 2.0**20)]
    run = make_run(
        [make_record(make_case(), measured, findings=note), make_record(make_case("vgg16"), measured, findings=shared)]
    )
    tables = tables_of(run)
    assert "~~" not in render_table(tables["memory"])
    assert render_table(tables["latency"]).count("~~") == 2


def test_a_slowdown_reads_as_one():
    run = make_run(
        make_record(make_case(precision=precision), [measurement("latency", latency)])
        for precision, latency in ((Precision.FP32, 1.0), (Precision.AMP_BF16, 2.0))
    )
    assert answers(view_of(collect_frame([run])))[-1] == (
        "Speed-up of inference by amp-bf16: 0.50× in the median of 1 case (below 1 is slower); 1 became slower."
    )


def test_rank_correlation_shares_ties():
    assert rank_correlation(pd.Series([1.0, 2.0, 3.0]), pd.Series([10.0, 20.0, 30.0])) == pytest.approx(1.0)
    assert rank_correlation(pd.Series([1.0, 2.0, 3.0]), pd.Series([3.0, 2.0, 1.0])) == pytest.approx(-1.0)
    # ranks 1.5 1.5 3 and 1 2 3: covariance 0.75, variances 0.75 and 1
    assert rank_correlation(pd.Series([1.0, 1.0, 3.0]), pd.Series([1.0, 2.0, 3.0])) == pytest.approx(0.75**0.5)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ((0.0123, 0.0121, 0.0125), "12.3 ms ±1.6 %"),
        ((0.0123, float("nan"), float("nan")), "12.3 ms"),
        ((0.0, 0.0, 0.0), "0 ns"),
    ],
)
def test_intervals(cell, text):
    assert format_interval(*cell, "s") == text


def test_processes_that_are_replicates_are_told(tmp_path):
    def timed(name, *sizes):
        samples = [0.01] * (sum(sizes) or 12)
        return make_record(make_case(name), [measurement("latency", *samples, process_sizes=sizes)])

    alone, in_six, in_four = timed("resnet18"), timed("alexnet", *[2] * 6), timed("mobilenet_v2", *[3] * 4)
    of_six, of_both, of_none = (
        write_report([make_run(records)], tmp_path / str(number)).page.read_text(encoding="utf-8")
        for number, records in enumerate(([alone, in_six], [alone, in_six, in_four], [alone]))
    )

    told = "fresh processes each: their times are medians of the processes' medians, and ± is of the processes."
    assert f"1 of 2 cases of 20260301T100000.000Z-base were measured in 6 {told}" in of_six
    assert f"2 of 3 cases of 20260301T100000.000Z-base were measured in 4 to 6 {told}" in of_both
    assert told not in of_none


def test_a_report_imports_no_torch(tmp_path):
    program = (
        "import sys; from pathlib import Path; from synthetic import make_case, make_run, realistic_record; "
        "from zoobench.report.write import write_report; "
        "write_report([make_run([realistic_record(make_case())])], Path(sys.argv[1])); "
        "assert 'torch' not in sys.modules; assert 'matplotlib.pyplot' not in sys.modules"
    )
    paths = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]
    subprocess.run(
        [sys.executable, "-W", "error", "-c", program, str(tmp_path)],
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )


def test_planned_cases_stand_in_their_own_sections_and_nothing_of_them_is_lost():
    ordinary = realistic_record(make_case())
    planned = [
        msgspec.structs.replace(record, is_planned=True)
        for record in (realistic_record(make_case("vgg16", threads=1)), failed(make_case("lenet5", threads=1)))
    ]
    run = make_run([ordinary, *planned])
    tables = tables_of(run)
    assert tables["zoo"].frame["name"].tolist() == ["resnet18"]
    assert "setting" not in [column.key for column in tables["zoo"].columns]
    assert tables["failures"].frame["name"].tolist() == ["lenet5"]
    assert answers(view_of(collect_frame([run])))[0] == (
        "3 cases of 3 models: 1 failed, none with a warning. "
        "2 of them are a suite's own and stand in their own sections."
    )


def test_a_run_of_planned_cases_alone_shows_them():
    run = make_run([msgspec.structs.replace(realistic_record(make_case()), is_planned=True)])
    assert tables_of(run)["zoo"].frame["name"].tolist() == ["resnet18"]
