from __future__ import annotations

import pytest
from audits import MOBILENET, audited, silent_record, three_models
from synthetic import make_case, make_record, make_run, measurement

from zoobench.report.audit import audit_rows, audit_summary, audit_table, is_equal_after_rounding, render_audit


def test_verdicts_follow_from_the_numbers() -> None:
    assert audit_table([three_models()]).frame["verdict"].tolist() == [
        "as published; fvcore explained",
        "0.42 % off the published count; 100 k unexplained",
        "no published count; fvcore agrees",
    ]


def test_an_opinion_that_cannot_be_had_is_told_with_its_reason() -> None:
    frame = audit_table([make_run([silent_record()])]).frame
    assert frame["verdict"].tolist() == ["no published count; it crashed"]
    assert frame["fvcore"].isna().all()
    assert frame["difference_ratio"].isna().all()


def test_parameters_that_are_published_otherwise_are_told() -> None:
    full = audited(MOBILENET, (300.7e6, 300.7e6, 301e6), {})
    counted = (measurement("parameters", 23_834_568.0), measurement("published_parameters", 27_161_264.0))
    record = make_record(MOBILENET, [*full.measurements, *counted], breakdowns=full.breakdowns)
    (verdict,) = audit_table([make_run([record])]).frame["verdict"]
    assert verdict == "as published; 3.33 M parameters more published; fvcore agrees"


def test_the_summary_counts_who_is_right() -> None:
    assert audit_summary([three_models()]) == (
        "Of 2 models whose count torchvision prints, our count equals 1 after rounding; fvcore's equals 0 and is "
        "within 1 % of 1. The difference between fvcore's count and ours is explained to the last operation in 2 of 3 "
        "models."
    )


def test_facts_told_by_several_cases_of_a_model_make_one_row() -> None:
    full = audited(MOBILENET, (300.7e6, 314.1e6, 301e6), {"batch_norm": 13.4e6})
    counted, cross_check = full.measurements[:1], full.measurements[1:]
    other = make_case("mobilenet_v2", batch=8)
    split = make_run([make_record(other, counted), make_record(MOBILENET, cross_check, breakdowns=full.breakdowns)])
    assert audit_rows([split]) == audit_rows([make_run([full])])


def test_without_an_audit_the_page_has_no_section() -> None:
    plain = make_run([make_record(MOBILENET, [measurement("macs", 300.7e6)])])
    assert audit_table([plain]).frame.empty
    assert render_audit([plain], most_rows=9, rest="audit.md") == ""


def test_the_section_shows_terms_by_sign_and_what_was_left_out() -> None:
    lines = render_audit([three_models()], most_rows=9, rest="audit.md").splitlines()
    (row,) = (line for line in lines if "mobilenet" in line)
    assert "batch_norm +13.4 M" in row
    assert "add × 2, hardtanh" in row
    assert "4.5 %" in row


def test_several_runs_are_told_apart() -> None:
    other = make_run([silent_record()], run_id="20260302T100000.000Z-head", label="head")
    assert audit_table([three_models(), other]).frame["run"].tolist() == ["base", "base", "base", "head"]


@pytest.mark.parametrize(("macs", "printed"), [(40_476_448, 0.04e9), (300_774_272, 0.301e9), (39_500_001, 0.04e9)])
def test_a_count_that_rounds_to_the_printed_one_is_as_published(macs: int, printed: float) -> None:
    assert is_equal_after_rounding(macs, printed)


@pytest.mark.parametrize(("macs", "printed"), [(40_500_001, 0.04e9), (39_499_999, 0.04e9)])
def test_a_count_half_a_million_off_is_not(macs: int, printed: float) -> None:
    assert not is_equal_after_rounding(macs, printed)
