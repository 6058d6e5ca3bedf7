import os
import subprocess
import sys
import webbrowser

import msgspec
import pytest
import typer
from synthetic import make_case, make_record, make_run, measurement, realistic_record
from typer.testing import CliRunner

from zoobench.cases import BadInputError, StoreError, UnknownNameError
from zoobench.cli.report import report

OLD, NEW = "20260301T100000.000Z-base", "20260302T100000.000Z-head"

app = typer.Typer()
app.command()(report)


def store(results, run_id, label):
    record = make_record(make_case(), [measurement("build_time", 1.0)])
    stored = make_run([record], run_id=run_id, label=label)
    path = results / run_id
    path.mkdir(parents=True)
    (path / "run.json").write_bytes(msgspec.json.encode(stored.run))
    (path / "cases.jsonl").write_bytes(msgspec.json.encode(record) + b"\n")
    return path


def store_timed(results):
    path = store(results, "20260303T100000.000Z-timed", "timed")
    (path / "cases.jsonl").write_bytes(msgspec.json.encode(realistic_record(make_case())) + b"\n")


@pytest.fixture
def results(tmp_path):
    store(tmp_path, OLD, "base")
    store(tmp_path, NEW, "head")
    return tmp_path


def invoke(results, *arguments):
    return CliRunner().invoke(app, [*arguments, "--results", str(results)], catch_exceptions=False)


def test_the_newest_run_is_reported_into_its_own_folder(results):
    outcome = invoke(results)
    page = results / NEW / "report" / "report.md"
    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (0, f"{page}\n{page.with_name('index.html')}\n", "")
    assert page.with_name("index.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert page.read_text(encoding="utf-8").startswith("# Zoo report: head\n")


def test_several_runs_are_reported_into_the_newest_ones_folder(results):
    page = results / NEW / "report" / "report.md"
    assert invoke(results, NEW, OLD, "--no-html").stdout == f"{page}\n"
    assert page.read_text(encoding="utf-8").startswith("# Zoo report: head, base\n")


def test_a_run_named_twice_is_reported_once(results):
    invoke(results, OLD, OLD)
    page = results / OLD / "report" / "report.md"
    assert page.read_text(encoding="utf-8").startswith("# Zoo report: base\n")


def test_out_says_where(results, tmp_path):
    out = tmp_path / "else" / "where"
    assert invoke(results, OLD, "--out", str(out), "--no-html").stdout == f"{out / 'report.md'}\n"
    assert (out / "frame.parquet").exists()


def test_charts_are_drawn_if_asked_for(results, tmp_path):
    out = tmp_path / "drawn"
    store_timed(results)
    invoke(results, "--figures", "--no-html", "--out", str(out))
    assert {path.name for path in (out / "figures").glob("latency_against_macs.*")} == {
        "latency_against_macs.pdf", "latency_against_macs.png", "latency_against_macs.svg",
    }  # fmt: skip
    invoke(results, "--no-html", "--out", str(tmp_path / "plain"))
    assert not (tmp_path / "plain" / "figures").exists()


def test_the_page_is_opened_if_asked_for(results, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or True)
    assert invoke(results, "--open").exit_code == 0
    assert opened == [(results / NEW / "report" / "index.html").as_uri()]


def test_a_machine_without_a_browser_says_where_the_page_is(results, monkeypatch):
    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    with pytest.raises(BadInputError, match=r"no browser was found: open .*index\.html in one"):
        invoke(results, "--open")


def test_no_page_can_be_opened_that_was_not_written(results):
    with pytest.raises(BadInputError, match="--open opens the page that --no-html leaves out"):
        invoke(results, "--open", "--no-html")


def test_what_could_not_be_read_is_said_on_standard_error(results):
    with (results / NEW / "cases.jsonl").open("ab") as file:
        file.write(b'{"schema": 1, "ca')
    outcome = invoke(results)
    assert outcome.exit_code == 0
    assert outcome.stderr.startswith("zoobench: ")
    assert "line 2, the last, was cut off in the middle of a case and was skipped\n" in outcome.stderr
    assert "was cut off" in (results / NEW / "report" / "report.md").read_text(encoding="utf-8")


def test_an_unknown_run_is_the_user_s_mistake(results):
    with pytest.raises(UnknownNameError, match=f"unknown run '{NEW}x': did you mean {NEW} or {OLD}"):
        invoke(results, f"{NEW}x")


def test_no_runs_at_all(tmp_path):
    with pytest.raises(BadInputError, match="there are no runs in"):
        invoke(tmp_path / "nowhere")


def test_an_unwritable_folder(results, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot write the report to"):
        invoke(results, "--out", str(tmp_path / "file"))


def test_the_command_reports_a_mistake_in_one_line_with_exit_code_2(results):
    command = [sys.executable, "-m", "zoobench", "report", "nothing-like-it", "--results", str(results)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode == 2
    assert outcome.stdout == ""
    assert outcome.stderr == f"zoobench: unknown run 'nothing-like-it': known: {OLD}, {NEW}\n"


def test_help_imports_neither_side_of_the_house():
    program = (
        "import sys; from zoobench.cli import app\n"
        "try: app(['report', '--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'pandas', 'matplotlib'} & set(sys.modules)))"
    )
    environment = {**os.environ, "TERMINAL_WIDTH": "100", "NO_COLOR": "1"}
    outcome = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
    )
    assert "Write tables and charts of one or more runs" in outcome.stdout
    assert outcome.stdout.splitlines()[-1] == "[]"
