import pytest
from searches import LIMIT, broken, nothing_fits, searched
from synthetic import default_run, make_run

from zoobench.cases import Mode
from zoobench.report.capacity import LACKING
from zoobench.report.html.sections.batch_and_precision import batch_and_precision
from zoobench.report.report_data import collect_report_data


def frontiers_of(*records):
    section = batch_and_precision(collect_report_data([make_run(records)]))
    return section, [chart for chart in section.charts if chart.key.startswith("frontier")]


def states_of(chart, state):
    rows = chart.spec["data"]["values"]
    return {row["name"]: row["size"] for row in rows if row["state"] == state}


def test_a_curve_a_search_with_its_trials_and_the_limit():
    searches = [searched(), searched("resnet18", slope=2.0**23)]
    section, (chart,) = frontiers_of(*searches)
    rows = chart.spec["data"]["values"]
    for record, name in zip(searches, ("mobilenet_v2 60", "resnet18 30"), strict=True):
        peaks = next(each.values for each in record.breakdowns if each.metric == "peak_allocated")
        largest = int(name.split()[1])
        expected = {int(size): height for size, height in peaks.items() if int(size) <= largest + 1}
        assert {row["size"]: row["height"] for row in rows if row["name"] == name} == expected
    assert states_of(chart, "fits") == {"mobilenet_v2 60": 60, "resnet18 30": 30}
    assert states_of(chart, "too-large") == {"mobilenet_v2 60": 61, "resnet18 30": 31}
    assert chart.spec["layer"][0]["data"]["values"] == [{"limit": LIMIT}]
    assert chart.title == "The largest batch that fits 256 MiB (infer)"
    assert "capacity" in [table.key for table in section.tables]
    assert LACKING not in section.answer
    assert "doubling and bisection" in section.method


def test_a_search_tells_all_of_itself():
    _, (chart,) = frontiers_of(searched())
    told = chart.spec["data"]["values"][0]["told"]
    assert told.split("\n") == [
        "torchvision:mobilenet_v2",
        "largest batch within 256 MiB: 60, 120 /s",
        "4.00 MiB an image, 16.0 MiB fixed",
        "batch 1: 20.0 MiB",
    ]


def test_modes_have_charts_of_their_own():
    _, charts = frontiers_of(searched(), searched(mode=Mode.TRAIN), nothing_fits(), broken())
    assert [chart.title for chart in charts] == [
        "The largest batch that fits 256 MiB (infer)",
        "The largest batch that fits 256 MiB (train)",
    ]
    assert {row["name"] for row in charts[0].spec["data"]["values"]} == {"mobilenet_v2 60", "alexnet (failed)"}


def test_without_a_search_the_section_says_which_command_searches():
    section = batch_and_precision(collect_report_data([default_run()]))
    assert LACKING in section.answer
    assert "python -m zoobench capacity" in LACKING
    assert section.method == ""


@pytest.mark.parametrize("runs", [(), (make_run(()),)])
def test_without_cases_it_says_only_which_command_measures(runs):
    section = batch_and_precision(collect_report_data(runs))
    assert section.is_empty
    assert section.answer == ()
