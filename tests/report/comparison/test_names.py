import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import make_case

from zoobench.report.comparison.wording import shared_axes
from zoobench.stats.verdicts.outcome import short_names

IDS = st.lists(st.lists(st.sampled_from("ab"), min_size=1, max_size=4).map("/".join), max_size=6)


def test_what_all_have_in_common_is_printed_once():
    ids = [make_case("resnet18", batch=batch).id for batch in (1, 8)]
    assert shared_axes(ids) == "infer/224/fp32/cpu/contiguous/eager/t2/retained"


@pytest.mark.parametrize("ids", [[], ["a/b/c", "a/b"], ["control:x", make_case().id], ["a | b/c", "d"]])
def test_ids_of_unlike_forms_have_nothing_in_common(ids):
    assert shared_axes(ids) == ""


@given(IDS)
def test_a_name_and_what_is_shared_are_the_whole_id(ids):
    parts = shared_axes(ids).split("/") if shared_axes(ids) else []
    for case_id, name in short_names(ids).items():
        assert sorted([*name.split("/"), *parts]) == sorted(case_id.split("/"))
