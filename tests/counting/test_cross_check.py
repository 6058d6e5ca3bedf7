from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zoobench.counting.count import COUNTER, COUNTER_VERSION, Counts, Group
from zoobench.counting.cross_check import ATTENTION, EINSUM, CountDifference, CrossCheck, explain

MACS = st.integers(min_value=0, max_value=10**12)
THEIR_NAMES = st.sampled_from(["conv", "linear", "matmul", "einsum", "batch_norm", "layer_norm", "mix"])
OUR_NAMES = st.sampled_from(
    ["aten.convolution", "aten.addmm", "aten.mm", "aten.bmm", "aten._scaled_dot_product_flash_attention", "mylib.mix"]
)
LEFT_OUT = st.dictionaries(st.sampled_from([f"aten::{ATTENTION}", "mylib::mix", "aten::softmax"]), st.just(1))


def cross_check(unsupported: tuple[str, ...] = (), **by_operator: int) -> CrossCheck:
    return CrossCheck(
        counter="another", version="1", by_operator=by_operator, unsupported=dict.fromkeys(unsupported, 1)
    )


def ours(by_operator: dict[str, int]) -> list[Group]:
    return [Group(name=name, calls=1, counts=counts(macs)) for name, macs in by_operator.items()]


def counts(macs: int) -> Counts:
    return Counts(
        macs=macs,
        activations=0,
        elements_written=0,
        bytes_read=0,
        bytes_written=0,
        uncounted={},
        counter=COUNTER,
        counter_version=COUNTER_VERSION,
    )


@given(st.dictionaries(THEIR_NAMES, MACS), LEFT_OUT, st.dictionaries(OUR_NAMES, MACS))
def test_terms_and_remainder_are_the_difference(
    theirs: dict[str, int], left_out: dict[str, int], our_macs: dict[str, int]
) -> None:
    cross_check = CrossCheck(counter="another", version="1", by_operator=theirs, unsupported=left_out)
    difference = explain(cross_check, ours(our_macs))
    assert difference.macs == cross_check.macs - sum(our_macs.values())
    assert all(difference.terms.values())


def test_counters_that_agree_need_no_explanation() -> None:
    agreed = explain(cross_check(conv=100, linear=30, matmul=5), ours({"aten.convolution": 100, "aten.addmm": 35}))
    assert agreed == CountDifference(terms={}, remainder=0)


def test_what_they_alone_count_is_a_term_each() -> None:
    found = explain(cross_check(conv=100, batch_norm=20, adaptive_avg_pool2d=3), ours({"aten.convolution": 100}))
    assert found == CountDifference(terms={"batch_norm": 20, "adaptive_avg_pool2d": 3}, remainder=0)


def test_work_that_both_count_otherwise_is_unexplained() -> None:
    found = explain(cross_check(conv=90, batch_norm=20), ours({"aten.convolution": 100}))
    assert found == CountDifference(terms={"batch_norm": 20}, remainder=-10)


def test_attention_that_they_say_they_left_out_is_a_term_fused_or_taken_apart() -> None:
    silent = cross_check(unsupported=(f"aten::{ATTENTION}",), linear=30)
    for products in ("aten.bmm", "aten._scaled_dot_product_flash_attention_for_cpu", "aten._flash_attention_forward"):
        found = explain(silent, ours({"aten.addmm": 30, products: 7}))
        assert found == CountDifference(terms={ATTENTION: -7}, remainder=0)


def test_what_only_we_count_is_unexplained_unless_they_say_that_they_left_it_out() -> None:
    work = ours({"mylib.mix": 7})
    assert explain(cross_check(), work) == CountDifference(terms={}, remainder=-7)
    assert explain(cross_check(unsupported=("mylib::mix",)), work) == CountDifference(terms={"mix": -7}, remainder=0)


def test_attention_left_out_explains_no_more_than_attention() -> None:
    silent = cross_check(unsupported=(f"aten::{ATTENTION}",), linear=29)
    assert explain(silent, ours({"aten.addmm": 30, "aten.bmm": 7})) == CountDifference(terms={}, remainder=-8)


def test_an_einsum_may_be_off_by_what_numpy_rounds_away() -> None:
    products = ours({"aten.bmm": 1_000_000})
    assert explain(cross_check(einsum=1_000_400), products) == CountDifference(terms={EINSUM: 400}, remainder=0)
    assert explain(cross_check(einsum=1_001_000), products) == CountDifference(terms={}, remainder=1_000)
