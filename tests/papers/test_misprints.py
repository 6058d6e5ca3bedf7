from __future__ import annotations

import msgspec
import pytest

from zoobench.papers import remarks
from zoobench.papers.published import figures
from zoobench.papers.remarks import exchanged_digits, prove_misprint, stride_against_next_row, twice_another

BY_ID = {figure.id: figure for figure in figures()}
DENSE_SHARE = BY_ID["mobilenet-v1/table-2/mobilenet-v1-1.0/conv-3x3/macs_share/224"]
SQUEEZENET_MACS = BY_ID["mobilenet-v1/table-9/squeezenet/macs"]
LAST_STRIDE = BY_ID["mobilenet-v1/table-1/mobilenet-v1/1.0/layer_18/224"]


def test_a_column_that_sums_to_a_hundred_with_two_digits_exchanged_proves_a_misprint() -> None:
    assert exchanged_digits(DENSE_SHARE, 0.019056).startswith("misprint of 1.91: the column sums to 99.29 as printed")


@pytest.mark.parametrize("found", [0.0185, 0.0119, 0.0911])
def test_exchanged_digits_prove_nothing_unless_they_were_found(found) -> None:
    assert exchanged_digits(DENSE_SHARE, found) == ""


def test_a_column_that_sums_to_a_hundred_proves_nothing(monkeypatch) -> None:
    mended = tuple(msgspec.structs.replace(each, value="1.91") if each is DENSE_SHARE else each for each in figures())
    monkeypatch.setattr(remarks, "figures", lambda: mended)
    others = [each for each in mended if each.metric == "macs_share"]
    assert [exchanged_digits(each, 0.9486) for each in others] == [""] * 4


def test_twice_what_was_found_is_flops_among_macs() -> None:
    evidence = twice_another(SQUEEZENET_MACS, 861_339_936)
    assert "1722.68 M is twice the 861.34 M found" in evidence
    assert "720 for AlexNet" in evidence


@pytest.mark.parametrize("found", [832_667_936 * 0.98, 861_339_936 * 1.02, 1_700_000_000])
def test_nearly_twice_is_not_twice(found) -> None:
    assert twice_another(SQUEEZENET_MACS, found) == ""


def test_a_stride_that_the_next_row_contradicts_is_a_misprint() -> None:
    found = "Conv dw / s1 | 3x3x1024 dw | 7x7x1024"
    assert "4x4 maps, but the next row takes 7x7" in stride_against_next_row(LAST_STRIDE, found)


def test_a_stride_that_the_next_row_bears_out_is_none() -> None:
    right = BY_ID["mobilenet-v1/table-1/mobilenet-v1/1.0/layer_16/224"]
    assert stride_against_next_row(right, "Conv dw / s1 | 3x3x512 dw | 14x14x512") == ""


def test_a_found_stride_must_lead_to_the_next_row_itself() -> None:
    assert stride_against_next_row(LAST_STRIDE, "Conv dw / s3 | 3x3x1024 dw | 7x7x1024") == ""


def test_other_figures_prove_nothing() -> None:
    assert prove_misprint(BY_ID["mobilenet-v1/table-6/1.0-mobilenet-224/macs/224"], 568_740_352 * 1.01) == ""
