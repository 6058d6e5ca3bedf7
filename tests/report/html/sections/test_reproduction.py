"""The chart of printed figures against what was counted: real figures, judged by a fabricated count."""

import pytest
from synthetic import make_run

from zoobench.papers.published import figures
from zoobench.papers.verdict import FigureVerdict, Judgement
from zoobench.report import palette, reproduction
from zoobench.report.html.sections import reproduction as section_of
from zoobench.report.report_data import collect_report_data

COUNTED = [
    each for each in figures() if each.metric in {"parameters", "macs"} and each.paper in {"SqueezeNet", "Xception"}
]
HOSTILE_NOTE = "</script><script>alert(1)</script>"


def judgements(records):
    """Every third is off, further each time; a text has no difference."""
    for place, figure in enumerate(COUNTED):
        ratio = 0.0 if place % 3 else (-1) ** place * 1e-4 * 2**place
        verdict = FigureVerdict.REPRODUCED if place % 3 else FigureVerdict.NOT_REPRODUCIBLE
        yield Judgement(
            figure=figure, verdict=verdict, found=1.0, found_text="1", difference_ratio=ratio, note=HOSTILE_NOTE
        )
    yield Judgement(figure=figures()[-1], verdict=FigureVerdict.NOT_COMPARABLE, note="a time")


@pytest.fixture
def report_data(monkeypatch):
    monkeypatch.setattr(reproduction, "judge_all", lambda records: tuple(judgements(records)))
    return collect_report_data([make_run(())])


def test_the_chart_has_every_figure_that_was_counted_with_the_table_s_numbers(report_data):
    (chart,) = section_of(report_data).charts
    frame = report_data.tables["reproduction"].frame.dropna(subset=["difference_ratio"])
    rows = chart.spec["data"]["values"]
    assert len(rows) == len(frame) == len(COUNTED) > 8
    assert [row["value"] for row in rows] == frame["difference_ratio"].tolist()
    for row, figure in zip(rows, frame.to_dict("records"), strict=True):
        told = row["told"].split("\n")
        assert told[0] == f"{figure['paper']}, {figure['table']}: {figure['row']}, {figure['metric']}"
        assert told[1].startswith(f"printed {figure['printed_text']}, found 1 (")
        assert told[2:] == [figure["verdict"], HOSTILE_NOTE]
    assert {row["color"] for row in rows} == {
        palette.STYLES[palette.SQUEEZENET].color,
        palette.STYLES[palette.XCEPTION].color,
    }


def test_the_text_beside_it_counts_what_is_close(report_data):
    (chart,) = section_of(report_data).charts
    close = sum(abs(each.difference_ratio) <= 0.01 for each in judgements(()) if each.difference_ratio is not None)
    assert f"{close} of {len(COUNTED)} lie within ±1 %" in chart.alt


def test_without_counted_nets_the_section_says_which_suite_counts_them():
    section = section_of(collect_report_data([make_run(())]))
    assert section.is_empty
    assert "pytest suites/bench_papers.py" in section.missing
    assert section.charts == ()
