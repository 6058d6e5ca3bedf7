"""The page's numbers are the frame's."""

import math

import pytest
from synthetic import default_run, make_case, make_record, make_run, measurement, realistic_record

from zoobench.cases import format_percent
from zoobench.records import Finding, Severity
from zoobench.report.frame import collect_frame
from zoobench.report.html.cases import CASE_KEY, case_columns, metric_facts, shown_metrics
from zoobench.report.selection import view_of
from zoobench.report.tables import format_interval


def columns_of(*runs):
    return case_columns(view_of(collect_frame(runs)))


def texts(column):
    return [column["of"][at] if at >= 0 else None for at in column["at"]]


def test_every_case_has_the_frame_s_values_intervals_and_texts():
    frame = collect_frame([default_run()])
    view = view_of(frame)
    columns = case_columns(view)
    keys = list(zip(texts(columns["run_id"]), texts(columns["case_id"]), strict=True))
    assert sorted(keys) == sorted(set(frame[CASE_KEY].astype(str).itertuples(index=False, name=None)))
    by_key = frame.astype(dict.fromkeys([*CASE_KEY, "metric"], str)).set_index([*CASE_KEY, "metric"])
    for metric in shown_metrics(view):
        shown = columns["metrics"][metric]
        for at, key in enumerate(keys):
            row = by_key.loc[(*key, metric)] if (*key, metric) in by_key.index else None
            if row is None or row["status"] != "ok":
                assert math.isnan(shown["value"][at])
                continue
            found = [shown[name][at] for name in ("value", "low", "high")]
            assert found == pytest.approx([row["value"], row["low"], row["high"]], rel=0, nan_ok=True)
            assert shown["text"][at] == format_interval(row["value"], row["low"], row["high"], row["unit"])


def test_axes_validity_and_accuracy_are_the_frame_s():
    frame = collect_frame([default_run()])
    columns = columns_of(default_run())
    cases = frame.drop_duplicates("case_id").astype({"case_id": str}).set_index("case_id")
    for at, case_id in enumerate(texts(columns["case_id"])):
        row = cases.loc[case_id]
        for axis in ("mode", "precision", "device", "memory_format", "compiler", "allocator"):
            assert texts(columns[axis])[at] == row[axis]
        assert (columns["batch"][at], columns["threads"][at]) == (row["batch"], row["threads"])
        assert columns["top1"]["text"][at] == format_percent(row["top1_ratio"])


def test_a_case_that_is_not_valid_says_why():
    noisy = (Finding(code="noisy", severity=Severity.WARNING, values={"half_width": "9 %", "target": "2 %"}),)
    columns = columns_of(make_run([make_record(make_case(), [measurement("latency", 0.5)], findings=noisy)]))
    assert texts(columns["validity"]) == ["noisy"]
    assert texts(columns["warnings"])[0].startswith("the interval of the median is ±9 %, wider than the ±2 % asked for")
    assert texts(columns["failure"]) == [None]


def test_accuracies_printed_in_papers_are_told_apart():
    run = make_run(realistic_record(make_case(name)) for name in ("resnet18", "xception", "lenet5"))
    columns = columns_of(run)
    known = dict(zip(texts(columns["name"]), columns["is_of_paper"], strict=True))
    assert known == {"resnet18": False, "xception": True, "lenet5": False}


def test_which_way_is_better_and_what_needs_an_interval():
    facts = {fact["key"]: fact for fact in metric_facts(view_of(collect_frame([default_run()])))}
    assert {key for key, fact in facts.items() if fact["better"] == "higher"} == {"throughput", "top1"}
    assert {key for key, fact in facts.items() if fact["is_timed"]} == {"latency", "throughput"}
