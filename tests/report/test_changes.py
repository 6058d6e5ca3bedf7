import msgspec
import pytest
from contested import make_environment
from synthetic import make_case, make_record, make_run, measurement

from zoobench.records import metrics
from zoobench.report.changes import change_sentences, changes_table, compare_ends, exact_changes_table
from zoobench.report.report_data import collect_report_data

RESNET, VGG = make_case("resnet18"), make_case("vgg16")


def record(case, call_s=0.01, macs=3e8):
    return make_record(case, [measurement("latency", call_s), measurement("macs", macs)])


def run(place, *records, environment=None, label=""):
    stored = make_run(records, run_id=f"20260301T10000{place}.000Z-run", label=label)
    head = msgspec.structs.replace(stored.run, environment=environment or make_environment())
    return msgspec.structs.replace(stored, run=head)


BASE = run(0, record(RESNET), record(VGG), label="base")
HEAD = run(1, record(RESNET, 0.015), record(VGG, 0.01, macs=4e8), label="head")


def sentences_of(*runs):
    return change_sentences(compare_ends(runs), runs)


def test_a_single_run_is_not_compared():
    assert compare_ends([BASE]) is None
    assert compare_ends([]) is None
    assert changes_table(None).frame.empty
    assert exact_changes_table(None).frame.empty


def test_the_first_run_is_the_base_and_the_last_the_head():
    frame = changes_table(compare_ends([BASE, run(2, record(RESNET, 9.0)), HEAD])).frame.set_index("case")
    assert frame.loc["resnet18", ["base_s", "head_s"]].tolist() == pytest.approx([0.01, 0.015])
    assert frame.loc["resnet18", "ratio"] == pytest.approx(1.5)
    assert sentences_of(BASE, run(2), HEAD)[0] == "head is held against base (the first and the last of 3)."


def test_a_time_of_one_process_each_is_no_verdict_and_the_page_says_so_once():
    comparison = compare_ends([BASE, HEAD])
    frame = changes_table(comparison).frame.set_index("case")
    assert frame["verdict"].to_dict() == {"resnet18": "undecided", "vgg16": "worse"}
    assert frame["note"].to_dict() == {"resnet18": "", "vgg16": "macs +33.33 %"}
    told = [sentence for sentence in change_sentences(comparison, [BASE, HEAD]) if "one process each" in sentence]
    assert len(told) == 1
    assert "see `python -m zoobench compare`" in told[0]


def test_exact_metrics_are_told_to_the_last_digit():
    frame = exact_changes_table(compare_ends([BASE, HEAD])).frame
    assert frame.to_numpy().tolist() == [
        ["vgg16", metrics.find("macs").title, "300,000,000", "400,000,000", "+100,000,000 (+33.33 %), worse"]
    ]
    assert "Exact metrics differ in 1 case: 1 value, 1 for the worse." in sentences_of(BASE, HEAD)
    assert "No exact metric differs in a case that both have." in sentences_of(BASE, BASE)


def test_how_far_times_lie_apart_is_told_over_the_cases():
    assert "Time, last over first: 125.0 % in the median of 2 cases, from 100.0 % to 150.0 %." in sentences_of(
        BASE, HEAD
    )


def test_unlike_environments_are_named():
    assert "The environments do not differ in a fact that is compared." in sentences_of(BASE, HEAD)
    other = msgspec.structs.replace(make_environment(), host=make_environment().host | {"processor": "<another> one"})
    told = sentences_of(BASE, run(3, record(RESNET), environment=other))[-1]
    assert told.startswith("The environments differ in 1 fact; times cannot be compared because of ")
    assert "&lt;another&gt; one" in told


def test_runs_that_share_no_case_say_so():
    other = run(4, record(make_case("alexnet")))
    assert set(changes_table(compare_ends([BASE, other])).frame["verdict"]) == {"removed", "new"}
    assert not [sentence for sentence in sentences_of(BASE, other) if sentence.startswith("Time")]


def test_the_files_beside_the_page_hold_every_case():
    tables = collect_report_data([BASE, HEAD]).tables
    assert tables["changes"].frame["case_id"].tolist() == [VGG.id, RESNET.id]
    assert len(tables["exact_changes"].frame) == 1
