import pandas as pd
from synthetic import make_case, make_record, make_run, measurement

from zoobench.records import Finding, Severity, metrics
from zoobench.report.frame import collect_frame
from zoobench.report.html import section
from zoobench.report.html.section import HtmlCell, html_table
from zoobench.report.selection import view_of
from zoobench.report.tables import Column, ColumnKind, Table, build_tables


def table_of(frame, *columns):
    return Table("zoo", "Zoo", frame, columns, "Nothing.")


def test_numbers_are_sorted_by_what_they_are_and_read_by_people():
    frame = pd.DataFrame({"model": ["a", "b"], "macs": [1.5e9, float("nan")], "batch": [8, 16]})
    made = html_table(
        table_of(
            frame,
            Column("model", "Model"),
            Column("macs", "MACs", ColumnKind.NUMBER, metrics.COUNT),
            Column("batch", "Batch"),
        )
    )
    assert made.headings == [("Model", "short"), ("MACs", "number"), ("Batch", "number")]
    assert made.rows[0] == (HtmlCell("a", False, None), HtmlCell("1.50 G", False, 1.5e9), HtmlCell("8", False, 8.0))
    assert made.rows[1][1] == HtmlCell("–", False, -1.0)


def test_what_is_not_valid_is_struck():
    noisy = (Finding(code="noisy", severity=Severity.WARNING),)
    run = make_run([make_record(make_case(), [measurement("latency", 0.5)], findings=noisy)])
    (table,) = (table for table in build_tables(view_of(collect_frame([run])), [run]) if table.key == "latency")
    assert html_table(table).rows[0][-1] == HtmlCell("500 ms", True, 0.5)


def test_a_long_table_is_cut_and_says_so(monkeypatch):
    monkeypatch.setattr(section, "MOST_ROWS", 2)
    made = html_table(table_of(pd.DataFrame({"model": ["a", "b", "c"]}), Column("model", "Model")))
    assert (len(made.rows), made.left_out) == (2, 1)


def test_what_cannot_be_seen_is_written_out():
    made = html_table(table_of(pd.DataFrame({"model": ["\u202egpj.exe"]}), Column("model", "Model")))
    assert made.rows[0][0].text == "<U+202E>gpj.exe"


def test_names_stay_on_one_line_unless_they_are_long():
    for length, style in ((44, "short"), (45, "words"), (61, "long")):
        made = html_table(table_of(pd.DataFrame({"case": ["a", "x" * length]}), Column("case", "Case")))
        assert made.headings == [("Case", style)]


def test_sentences_are_given_room():
    made = html_table(table_of(pd.DataFrame({"why": ["short", "word " * 20]}), Column("why", "Why")))
    assert made.headings == [("Why", "long")]
