import re

import pytest
from paper_nets import paper_records
from synthetic import default_run, make_run

from zoobench.papers.experiments import NETS
from zoobench.papers.published import figures
from zoobench.papers.verdict import FigureVerdict
from zoobench.report.reproduction import COUNTED_BY, render_reproduction, reproduction_table
from zoobench.report.write import write_report

REST = "tables/reproduction.csv"


@pytest.fixture(autouse=True, scope="module")
def fabricated_catalogue():
    """Here the nets are real, so the catalogue is."""


@pytest.fixture(scope="module")
def run():
    return make_run(paper_records())


@pytest.fixture(scope="module")
def page(run):
    return render_reproduction([run], image="![chart](figures/printed_against_found.png)", rest=REST)


def rows_of(page):
    """Cells of the page's tables, without their headings and rules."""
    lines = [line for line in page.splitlines() if line.startswith("| ") and not line.startswith("| Table   ")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_the_summary_counts_what_the_tables_show(page):
    summary = re.search(
        r"\*\*(\d+) printed figures\*\*: (\d+) reproduced, (\d+) explained \((\d+) under a declared convention, "
        r"(\d+) misprints\), (\d+) not reproducible, (\d+) not comparable, 0 not counted by this run",
        page,
    )
    total, reproduced, explained, conventions, misprints, off, incomparable = map(int, summary.groups())
    verdicts = [row[6].partition(":")[0] for row in rows_of(page)]
    assert total == len(verdicts) == reproduced + explained + off + incomparable
    assert explained == conventions + misprints
    assert [verdicts.count(each) for each in ("reproduced", "under-convention", "misprint")] == [
        reproduced,
        conventions,
        misprints,
    ]


def test_every_row_that_is_not_reproduced_says_why(page):
    assert all(row[7] not in {"", "–"} for row in rows_of(page) if row[6] != "reproduced")


def test_each_paper_has_its_table_in_the_order_of_the_figures(page):
    headings = re.findall(r"^### (.*) \(arXiv:([\d.]+)\)$", page, flags=re.MULTILINE)
    papers = list(dict.fromkeys((figure.paper, figure.arxiv) for figure in figures()))
    assert headings == papers[: len(headings)]
    assert len(headings) == 6


def test_the_misprint_stands_with_its_evidence(page):
    row = next(row for row in rows_of(page) if row[1] == "MobileNet V1 1.0, Conv 3x3" and row[2] == "macs share")
    assert row[3:7] == ["1.19 %", "1.9056 %", "\\+60.14 %", "misprint"]
    assert "sums to 99.29" in row[7]


def test_a_row_under_a_convention_names_it(page):
    row = next(row for row in rows_of(page) if row[1] == "Conv MobileNet" and row[2] == "macs")
    assert row[3:7] == ["4866 M", "4866.27 M", "\\+0.01 %", "under-convention: without classifier"]


def test_accuracies_and_times_are_left_to_the_file(page, run):
    assert "top1" not in page
    table = reproduction_table([run])
    assert len(table.frame) == len(figures())
    assert not table.frame[table.frame["metric"] == "top1 error"]["is_static"].any()


def test_the_file_holds_numbers_that_can_be_computed_with(run):
    frame = reproduction_table([run]).frame.set_index("figure")
    row = frame.loc["mobilenet-v1/table-6/1.0-mobilenet-224/macs/224"]
    assert (row["found"], row["printed"], row["unit"], row["verdict"]) == (568_740_352, "569", "M", "reproduced")
    assert row["difference_ratio"] == pytest.approx(568.740352 / 569 - 1)


def test_a_run_without_the_papers_nets_says_what_counts_them():
    page = render_reproduction([default_run()], image="", rest=REST)
    assert page.splitlines()[-1] == f"- No net of the papers was counted: {COUNTED_BY}"
    assert not rows_of(page)


def test_what_a_run_did_not_count_is_summed_up_with_the_command(run):
    some = make_run(record for record in paper_records() if record.case.model.name.startswith("mobilenet_v1"))
    page = render_reproduction([some], image="", rest=REST)
    frame = reproduction_table([some]).frame
    missing = frame[frame["verdict"] == FigureVerdict.NOT_MEASURED.value]
    assert f", {len(missing)} not counted by this run." in page
    assert COUNTED_BY in page
    assert "not-measured" not in page
    compared = frame[frame["is_static"] & frame["paper"].isin(list(NETS))]
    assert len(rows_of(page)) == len(compared) - len(missing)


def test_of_several_runs_the_judged_one_is_named(run):
    other = make_run(paper_records(), run_id="20260302T100000.000Z-head", label="head")
    assert "Of run 20260302T100000.000Z-head." in render_reproduction([run, other], image="", rest=REST)
    assert "Of run" not in render_reproduction([run], image="", rest=REST)


def test_the_report_has_the_section_and_the_files(run, tmp_path):
    written = write_report([run], tmp_path)
    assert "## Reproduction of the papers' figures" in written.page.read_text(encoding="utf-8")
    assert {"reproduction.csv", "reproduction.md"} <= {path.name for path in written.tables}
