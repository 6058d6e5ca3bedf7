import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import failed, make_case, make_record, make_run, measurement, realistic_record

from zoobench.records import Unavailable
from zoobench.report.frame import collect_frame
from zoobench.report.html import cases
from zoobench.report.html.cases import case_details, folding_note, thin
from zoobench.report.selection import view_of


def details_of(*records):
    run = make_run(records)
    return case_details(view_of(collect_frame([run])), [run])


def test_a_pane_has_every_metric_of_the_frame_and_what_is_absent():
    lacking = (Unavailable(metric="device_time", reason="no device's clock"),)
    found = details_of(make_record(make_case(), [measurement("latency", 0.5)], unavailable=lacking))
    texts = found["texts"]
    (case,) = found["cases"]
    shown = [(texts[title], text, n) for title, text, n, _, _ in case["metrics"]]
    assert shown == [("Time of a call", "500 ms", 1), ("Images a second", "2.00 /s", 1)]
    assert [(texts[title], texts[reason]) for title, reason in case["absent"]] == [
        ("Time of a call's kernels on the device", "no device's clock")
    ]
    assert case["again"].startswith("python -m zoobench run --models torchvision:resnet18 --modes infer")


def test_the_strip_has_samples_blocks_and_what_disturbed_them():
    latency = measurement(
        "latency", *(0.25, 0.5, 0.125, 0.25), block_sizes=(3, 1), covariates={"continued": (0.0, 1.0, 0.0, 0.0)}
    )
    (case,) = details_of(make_record(make_case(), [latency]))["cases"]
    assert case["strip"] == {
        "samples": [0.25, 0.5, 0.125, 0.25], "sizes": [3, 1], "causes": {"1": "paused"}, "taken": 4, "step": 1
    }  # fmt: skip
    assert [covariate[1:] for covariate in case["covariates"]] == [["0", "0", "1", "25 %"]]


def test_a_failed_case_has_a_pane_without_a_strip():
    (case,) = details_of(failed(make_case()))["cases"]
    assert case["strip"] is None
    assert case["metrics"] == []


@given(st.lists(st.integers(1, 60), min_size=1, max_size=20), st.integers(1, 50))
def test_thinning_keeps_the_order_and_no_more_than_asked_for(sizes, most):
    samples = [float(at) for at in range(sum(sizes))]
    kept, blocks, step = thin(samples, sizes, most)
    assert len(kept) <= most
    assert kept == list(range(0, len(samples), step))
    assert blocks == sorted(blocks)
    assert step == 1 or len(samples) > most
    ends = [sum(sizes[: at + 1]) for at in range(len(sizes))]
    assert all(ends[block] - sizes[block] <= at < ends[block] for at, block in zip(kept, blocks, strict=True))


def test_what_is_folded_is_said(monkeypatch):
    monkeypatch.setattr(cases, "MOST_CASES", 2)
    run = make_run(realistic_record(make_case(batch=batch)) for batch in (1, 2, 4))
    view = view_of(collect_frame([run]))
    assert len(case_details(view, [run])["cases"]) == 2
    assert folding_note(view).startswith("1 of 3 cases are folded: they have their row, but not their samples.")


def test_nothing_folded_nothing_said():
    assert folding_note(view_of(collect_frame([make_run([realistic_record(make_case())])]))) == ""


@pytest.mark.parametrize("case", [0, 1])
def test_texts_are_kept_once(case):
    found = details_of(*(realistic_record(make_case(name)) for name in ("resnet18", "vgg16")))
    assert len(found["texts"]) == len(set(found["texts"]))
    assert found["texts"][found["cases"][case]["metrics"][0][0]] == "Parameters"
