"""The section on why nets are slow, on nets each bound by one thing."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from bounded_nets import CEILINGS, bounded_run, profiled, run_of
from synthetic import make_case, make_run, measurement, realistic_record

from zoobench.cases import MemoryFormat, Precision
from zoobench.records import CaseRecord
from zoobench.records.store import StoredRun
from zoobench.report.diagnosed import called_alike, collect_diagnosed, diagnosed_run
from zoobench.report.frame import collect_frame
from zoobench.report.selection import view_of
from zoobench.report.why import LACKING, MOST_PAIRS, Why, explain, figures_text, render_why
from zoobench.report.write import write_report


def explained(*runs: StoredRun) -> Why:
    return explain(view_of(collect_frame(runs)), runs)


def rendered(*runs: StoredRun) -> str:
    return render_why(explained(*runs), (), most_rows=60, folder="tables")


def test_the_first_sentence_counts_the_pairs_and_the_second_answers() -> None:
    count, answer, *_ = explained(bounded_run()).sentences
    assert count == (
        "Of 6 pairs of 4 models (inference, batch 1, fp32), 1 is in the opposite order by MACs and by latency: the net "
        "with fewer MACs is the slower one beyond both intervals. Furthest apart are squeezenet1_1 and alexnet: 2.04× "
        "fewer MACs, and 1.57× as long."
    )
    assert answer == (
        "MACs tell the time of nets that compute at the same rate, and these do not: the slower net of a pair is "
        "kernel-bound in 1 of 1 (in the median 15 % of the ceilings), the faster one bandwidth-bound in 1 of 1 (in the "
        "median 88 % of the ceilings)."
    )


def test_mobilenet_is_explained_against_resnet_at_each_batch() -> None:
    of_pair = [sentence for sentence in explained(bounded_run()).sentences if sentence.startswith("mobilenet")]
    assert of_pair[0] == (
        r"mobilenet_v2 has 6.21× fewer MACs than resnet18, and at batch 1 it is 2.75× as fast: mobilenet_v2 is "
        "bandwidth-bound: 60 % of a call is in layers that wait for memory (depthwise 31 %, normalisation 26 %), at "
        "54 % of the bandwidth of a large copy; next computing, 36 %; resnet18 is compute-bound: 86 % of a call is "
        "computing (convolution 86 %), at 80 % of the rate of a large matrix product."
    )
    assert "at batch 8 it is 2.75× as fast" in of_pair[1]
    assert len(of_pair) == 2


def test_the_pair_is_explained_in_the_headline_setting_alone() -> None:
    channels_last = [
        profiled(name, memory_format=MemoryFormat.CHANNELS_LAST, factor=9.0) for name in ("mobilenet_v2", "resnet18")
    ]
    run = run_of([*bounded_run(batches=[1]).records, *channels_last])
    of_pair = [sentence for sentence in explained(run).sentences if sentence.startswith("mobilenet")]
    assert len(of_pair) == 1
    assert "at 54 % of the bandwidth" in of_pair[0]


def test_a_pair_has_both_diagnoses_and_what_becomes_of_it_elsewhere() -> None:
    faster = [
        profiled("squeezenet1_1", batch=8, precision=Precision.AMP_BF16, has_layers=False, factor=0.25),
        profiled("alexnet", batch=8, precision=Precision.AMP_BF16, has_layers=False),
    ]
    base = bounded_run()
    row = explained(run_of([*base.records, *faster])).pairs.frame.iloc[0]
    assert (row["light"], row["heavy"], row["macs_text"]) == ("squeezenet1_1", "alexnet", "2.04× fewer")
    assert row["latency_text"] == "50.0 ms ±0.3 % against 31.8 ms ±0.3 %: 1.57× as long"
    assert row["light_diagnosis"] == (
        "kernel-bound at 15 % of the ceilings (slow kernels 80 %, computing 18 %, overhead 2 %)"
    )
    assert row["heavy_diagnosis"].startswith("bandwidth-bound at 88 % of the ceilings (memory 51 %, computing 47 %")
    assert row["elsewhere"] == "slower in 1 of 2; faster at batch 8, amp-bf16 (0.393×)"


def test_each_diagnosed_case_has_a_row_with_its_share_of_the_ceilings() -> None:
    table = explained(bounded_run()).diagnoses
    frame = table.frame
    assert frame[["name", "batch"]].to_numpy().tolist()[:2] == [["resnet18", 1], ["mobilenet_v2", 1]]
    assert len(frame) == 8
    parts = [bound for bound in frame.columns if bound.endswith("-bound")]
    assert "launch-bound" not in parts
    assert frame[parts].sum(axis=1).to_numpy() == pytest.approx(1.0)
    resnet = frame.iloc[0]
    assert resnet["computed_ratio"] == pytest.approx(1800.5e6 / resnet["latency_s"] / 5e10, rel=1e-3)
    assert resnet["diagnosis"].startswith("compute-bound: ")


def test_page_faults_have_a_column_where_they_matter() -> None:
    faults = {"page_faults": (9e3,) * 9}
    few, many = (
        msgspec.structs.replace(record, measurements=(measurement("latency", *[0.02] * 9, covariates=covariates),))
        for record, covariates in ((profiled("resnet18"), {"page_faults": (5.0,) * 9}), (profiled("alexnet"), faults))
    )
    assert "allocator-bound" not in explained(run_of([few])).diagnoses.frame
    ratios = explained(run_of([few, many])).diagnoses.frame["allocator-bound"]
    assert ratios.tolist() == pytest.approx([5e-6 / 0.0512, 9e-3 / 0.0312])


def test_the_section_has_sentences_pairs_figures_and_diagnoses_in_that_order() -> None:
    text = render_why(explained(bounded_run()), ["![a](figures/a.png)"], most_rows=60, folder="tables")
    marks = ["## Why is a net", "- Of 6 pairs", "| Fewer MACs", "![a](figures/a.png)", "### What bounds each net"]
    places = [text.index(mark) for mark in marks]
    assert places == sorted(places)
    assert LACKING not in text


@pytest.mark.parametrize(
    "run",
    [
        run_of(bounded_run().records, ceilings=()),
        make_run([realistic_record(make_case(n)) for n in ("alexnet", "vgg16")]),
    ],
    ids=["no ceilings", "no times of layers"],
)
def test_what_cannot_be_diagnosed_says_which_command_measures_it(run: StoredRun) -> None:
    text = rendered(run)
    assert LACKING in text
    assert "Of " in text
    assert "What bounds each net" not in text


def test_a_run_of_one_net_has_no_section() -> None:
    assert rendered(bounded_run(["resnet18"])) == ""
    assert rendered() == ""


def test_nets_in_order_say_so() -> None:
    text = rendered(bounded_run(["resnet18", "mobilenet_v2"]))
    assert (
        "Of 1 pair of 2 models (inference, batch 1, fp32), none is in the opposite order by MACs and by latency "
        "beyond both intervals."
    ) in text


def test_many_pairs_are_cut_and_their_file_has_all() -> None:
    names = ("alexnet", "squeezenet1_1", "mobilenet_v2", "resnet18", "vgg16", "googlenet", "densenet161")
    run = make_run(realistic_record(make_case(name), scale=1 / 1.9**place**2) for place, name in enumerate(names))
    why = explained(run)
    count = len(why.pairs.frame)
    assert count > MOST_PAIRS
    assert f"… and {count - MOST_PAIRS} rows more in [tables/why.csv](tables/why.csv)." in rendered(run)
    pairs = set(zip(why.elsewhere.frame["light"], why.elsewhere.frame["heavy"], strict=True))
    assert len(pairs) <= MOST_PAIRS


def test_the_run_with_ceilings_is_the_one_explained() -> None:
    old = make_run([realistic_record(make_case("alexnet"))], run_id="b", label="b")
    new = bounded_run(run_id="a", label="a")
    assert diagnosed_run([old, new]) is new
    assert diagnosed_run([]) is None
    assert "kernel-bound" in rendered(old, new)


def test_nets_called_alike_share_their_setting() -> None:
    records = [profiled("resnet18"), profiled("alexnet"), profiled("mobilenet_v2", threads=1)]
    ceilings = (*CEILINGS, *(msgspec.structs.replace(each, threads=1) for each in CEILINGS))
    alike = called_alike(collect_diagnosed(run_of(records, ceilings)), 1, "fp32")
    assert [each.case.model.name for each in alike] == ["resnet18", "alexnet"]
    assert called_alike((), 1, "fp32") == ()


def test_planned_cases_are_called_alike_only_where_there_are_no_others() -> None:
    planned = [
        msgspec.structs.replace(profiled(name, threads=1), is_planned=True) for name in ("resnet18", "mobilenet_v2")
    ]
    ceilings = (*CEILINGS, *(msgspec.structs.replace(each, threads=1) for each in CEILINGS))

    def names(records: list[CaseRecord]) -> list[str]:
        alike = called_alike(collect_diagnosed(run_of(records, ceilings)), 1, "fp32")
        return [each.case.model.name for each in alike]

    assert names([*planned, profiled("alexnet")]) == ["alexnet"]
    assert names(planned) == ["resnet18", "mobilenet_v2"]


def test_figures_of_nothing_are_not_measured() -> None:
    assert figures_text(None) == "–"


def test_the_report_has_the_section_its_tables_and_its_charts(tmp_path: Path) -> None:
    paths = write_report([bounded_run(["resnet18", "squeezenet1_1", "alexnet"])], tmp_path, is_drawn=True)
    page = paths.page.read_text(encoding="utf-8")
    assert page.count("## Why is a net with fewer MACs not faster?") == 1
    assert {"why.csv", "why_elsewhere.csv", "diagnosis.csv"} <= {path.name for path in paths.tables}
    for key in ("roofline_of_zoo", "roofline_of_model"):
        assert f"(figures/{key}.png)" in page
        assert (tmp_path / "figures" / f"{key}.svg").stat().st_size > 0
