import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import make_case

from zoobench.reports.compared.names import short_names

PARTS = st.lists(st.text("ab", max_size=2), min_size=1, max_size=4).map("/".join)


def test_what_all_have_in_common_is_said_once():
    ids = [make_case("resnet18", batch=batch).id for batch in (1, 8)]
    names = short_names(ids)
    assert list(names.short.values()) == ["torchvision:resnet18/b1", "torchvision:resnet18/b8"]
    assert names.common == "infer/224/fp32/cpu/contiguous/eager/t2/retained"


def test_the_only_case_is_its_model():
    names = short_names([make_case("resnet18").id])
    assert list(names.short.values()) == ["torchvision:resnet18"]


@pytest.mark.parametrize("ids", [["a/b/c", "a/b"], ["control:x", make_case().id], ["a | b/c", "d"]])
def test_ids_of_unlike_forms_keep_everything(ids):
    assert short_names(ids) == ({case_id: case_id for case_id in ids}, "")


def test_no_ids_have_no_names():
    assert short_names([]) == ({}, "")


@given(st.lists(PARTS, max_size=6))
def test_different_ids_have_different_names(ids):
    short = short_names(ids).short
    assert set(short) == set(ids)
    assert len(set(short.values())) == len(set(ids))
