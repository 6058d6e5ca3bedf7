"""Pairs out of order, by their definition, on a few nets of round numbers."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic import make_case, make_record, make_run, measurement

from zoobench.cases import MemoryFormat, Mode, Precision
from zoobench.records import CaseRecord
from zoobench.report.frame import collect_frame
from zoobench.report.selection import View, view_of
from zoobench.report.why import compared, inverted_pairs, latencies, under_conditions

NAMES = ("alexnet", "squeezenet1_1", "mobilenet_v2", "resnet18")


def net(name: str, macs: float, latency_s: float, *, spread: float = 0.01, **axes: object) -> CaseRecord:
    """Nine samples about the latency, so that the interval is about ± the spread."""
    samples = [latency_s * (1 + spread * step / 4) for step in range(-4, 5)]
    return make_record(make_case(name, **axes), [measurement("latency", *samples), measurement("macs", macs)])


def viewed(*records: CaseRecord) -> View:
    return view_of(collect_frame([make_run(records)]))


def pairs(view: View) -> list[tuple[str, str]]:
    found = inverted_pairs(compared(view, view.settings[0]))
    return list(zip(found["light"].astype(str), found["heavy"].astype(str), strict=True))


def test_a_pair_is_out_of_order_if_fewer_macs_take_longer() -> None:
    view = viewed(net("alexnet", 700, 1.0), net("mobilenet_v2", 300, 1.5), net("resnet18", 1800, 2.0))
    assert pairs(view) == [("mobilenet_v2", "alexnet")]
    found = inverted_pairs(compared(view, "")).iloc[0]
    assert found["macs_ratio"] == pytest.approx(700 / 300)
    assert found["latency_ratio"] == pytest.approx(1.5)
    assert found["deviation"] == pytest.approx(3.5)


def test_the_largest_deviation_comes_first() -> None:
    view = viewed(net("squeezenet1_1", 350, 3.0), net("alexnet", 700, 1.0), net("resnet18", 1800, 2.0))
    assert pairs(view) == [("squeezenet1_1", "resnet18"), ("squeezenet1_1", "alexnet")]


def test_intervals_that_meet_are_no_order() -> None:
    assert pairs(viewed(net("alexnet", 700, 1.0), net("mobilenet_v2", 300, 1.015, spread=0.02))) == []
    assert pairs(viewed(net("alexnet", 700, 1.0), net("mobilenet_v2", 300, 1.1, spread=0.02))) != []


def test_equal_macs_are_no_pair() -> None:
    assert pairs(viewed(net("alexnet", 700, 1.0), net("mobilenet_v2", 700, 2.0))) == []


def test_nets_without_macs_or_interval_are_left_out() -> None:
    few = make_record(make_case("mobilenet_v2"), [measurement("latency", 9.0), measurement("macs", 1.0)])
    uncounted = make_record(make_case("squeezenet1_1"), [measurement("latency", *[9.0] * 9)])
    assert pairs(viewed(net("alexnet", 700, 1.0), few, uncounted)) == []


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(1, 5), st.floats(0.5, 2.0)), min_size=2, max_size=4))
def test_of_every_two_nets_at_most_one_order_is_out_and_only_if_both_disagree(nets: list[tuple[int, float]]) -> None:
    by_name = dict(zip(NAMES, nets, strict=False))
    found = set(pairs(viewed(*(net(name, macs, latency, spread=0.0) for name, (macs, latency) in by_name.items()))))
    expected = {
        (light, heavy)
        for light, heavy in itertools.permutations(by_name, 2)
        if by_name[light][0] < by_name[heavy][0] and by_name[light][1] > by_name[heavy][1]
    }
    assert found == expected


def test_the_same_pair_under_other_conditions() -> None:
    headline = [net("alexnet", 700, 1.0), net("mobilenet_v2", 300, 1.5)]
    others = [
        net("alexnet", 700, 8.0, batch=8),
        net("mobilenet_v2", 300, 4.0, batch=8),
        net("alexnet", 700, 1.0, precision=Precision.AMP_BF16),
        net("mobilenet_v2", 300, 0.995, precision=Precision.AMP_BF16),
        net("mobilenet_v2", 300, 1.0, batch=32),
        net("mobilenet_v2", 300, 9.0, mode=Mode.TRAIN),
        net("alexnet", 700, 1.0, mode=Mode.TRAIN),
    ]
    view = viewed(*headline, *others)
    found = under_conditions(inverted_pairs(compared(view, "")), latencies(view.rows))
    rows = {
        (row["batch"], row["precision"]): (row["relation"], row["latency_ratio"]) for row in found.to_dict("records")
    }
    assert rows == {
        (1, "fp32"): ("slower", pytest.approx(1.5)),
        (8, "fp32"): ("faster", pytest.approx(0.5)),
        (1, "amp-bf16"): ("undecided", pytest.approx(0.995)),
    }


def test_other_memory_formats_are_other_conditions() -> None:
    plain = [net("alexnet", 700, 1.0), net("mobilenet_v2", 300, 1.5)]
    last = [
        net("alexnet", 700, 1.0, memory_format=MemoryFormat.CHANNELS_LAST),
        net("mobilenet_v2", 300, 0.5, memory_format=MemoryFormat.CHANNELS_LAST),
    ]
    view = viewed(*plain, *last)
    found = under_conditions(inverted_pairs(compared(view, "contiguous")), latencies(view.rows))
    assert found[["setting", "relation"]].to_numpy().tolist() == [["contiguous", "slower"], ["channels_last", "faster"]]


def test_without_pairs_there_are_no_conditions() -> None:
    view = viewed(net("alexnet", 700, 1.0), net("mobilenet_v2", 300, 0.5))
    assert under_conditions(inverted_pairs(compared(view, "")), latencies(view.rows)).empty
