import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import failed, make_case, make_record, measurement

from zoobench.cases import ImageSize, MemoryFormat, Mode, ModelRef, Precision
from zoobench.papers.evidence import (
    collect_evidence,
    facts_of,
    macs_by_kind,
    parameters_of,
    ratio_of_medians,
    shares,
    weights_by_kind,
)
from zoobench.papers.found import Counted, Net
from zoobench.papers.timed import ONE_THREAD, Conditions
from zoobench.records import Breakdown, Layer, LayerKind

NET = Net(ModelRef("zoobench", "slim"), ImageSize(224, 224))
WIDE = Net(ModelRef("zoobench", "slim"), ImageSize(480, 640))
OTHER = Net(ModelRef("torchvision", "heavy"), ImageSize(224, 224))

SAMPLES = st.lists(st.floats(0.001, 1000.0), min_size=1, max_size=30)


def record(net, *samples, metrics=(), **axes):
    height, width = net.resolution
    case = make_case(
        model=net.model, image_size=height, image_width=None if width == height else width, **{"threads": 1, **axes}
    )
    measured = [measurement("latency", *samples)] if samples else []
    return make_record(case, [*measured, *metrics])


def layer(kind, macs=0, weights=0):
    return Layer("at", "Type", kind, macs, 0, weights, weights, (1,), (1,))


def ratio_of(above, below):
    return ratio_of_medians(*(measurement("latency", *samples) for samples in (above, below)))


def test_a_ratio_without_enough_samples_has_no_interval():
    ratio = ratio_of([2.0] * 6, [1.0] * 6)
    assert (ratio.value, ratio.low, ratio.high) == (2.0, None, None)
    ratio = ratio_of([2.0] * 7, [1.0] * 7)  # 1 - 2 / 2**7 is 98.4 %, and 97.5 % is asked of each
    assert (ratio.value, ratio.low, ratio.high) == (2.0, 2.0, 2.0)


def test_a_ratio_s_interval_is_from_the_unlucky_to_the_lucky_ends_of_both():
    ratio = ratio_of([8, 9, 10, 10, 10, 11, 13], [1, 2, 4, 4, 4, 5, 6])
    assert (ratio.value, ratio.low, ratio.high) == (2.5, 8 / 6, 13 / 1)


@given(SAMPLES, SAMPLES)
def test_the_ratio_lies_in_its_interval_and_turns_with_its_terms(above, below):
    ratio, inverse = ratio_of(above, below), ratio_of(below, above)
    assert inverse.value == pytest.approx(1 / ratio.value)
    if ratio.low is not None:
        assert ratio.low <= ratio.value <= ratio.high
        assert inverse.low == pytest.approx(1 / ratio.high)


def test_there_is_no_ratio_over_nothing():
    assert ratio_of([1.0], [0.0]) is None


def test_evidence_is_of_one_setting_the_one_that_knows_most_nets():
    records = [
        record(NET, 9.0, device="cuda"),
        record(NET, 1.0),
        record(OTHER, 4.0),
        record(OTHER, 5.0, batch=8),
        record(OTHER, 6.0, precision=Precision.AMP_BF16),
    ]
    evidence = collect_evidence(records, ONE_THREAD, [NET, OTHER])
    assert evidence.speed_up(NET, OTHER).value == 4.0
    assert evidence.setting == "inference, batch 1, fp32, 1 thread, cpu"
    assert evidence.lack(NET, OTHER) == ""


def test_threads_of_one_setting_are_the_same_even_if_any_number_would_do():
    records = [record(NET, 1.0, threads=1), record(OTHER, 4.0, threads=2)]
    evidence = collect_evidence(records, Conditions(Mode.INFER, 1, None), [NET, OTHER])
    assert evidence.speed_up(NET, OTHER) is None
    assert evidence.median(NET) == 1.0


def test_memory_formats_are_settings_of_their_own():
    last = MemoryFormat.CHANNELS_LAST
    records = [record(NET, 1.0), record(NET, 2.0, memory_format=last), record(OTHER, 8.0, memory_format=last)]
    evidence = collect_evidence(records, ONE_THREAD, [NET, OTHER])
    assert evidence.speed_up(NET, OTHER).value == 4.0
    assert evidence.setting == "inference, batch 1, fp32, 1 thread, cpu, channels_last"


def test_what_lacks_is_named_with_how_it_would_have_been_called():
    evidence = collect_evidence([record(NET, 1.0)], ONE_THREAD, [NET, WIDE, OTHER])
    assert evidence.lack(NET, WIDE, OTHER) == (
        "not measured: zoobench:slim at 480x640, torchvision:heavy at 224 (inference, batch 1, fp32, 1 thread)"
    )


def test_a_failed_case_is_told_with_its_failure():
    broken = failed(record(OTHER).case, "no room")
    evidence = collect_evidence([record(NET, 1.0), broken], ONE_THREAD, [NET, OTHER])
    assert evidence.lack(OTHER) == "not measured: torchvision:heavy at 224 failed (out-of-memory: no room)"
    assert evidence.speed_up(NET, OTHER) is None


def test_no_record_is_no_setting():
    evidence = collect_evidence([], ONE_THREAD, [NET])
    assert (evidence.setting, evidence.median(NET), evidence.time_by_kind(NET)) == ("", None, {})


def test_facts_are_of_a_size_of_pictures_but_parameters_of_the_model():
    facts = [measurement("macs", 7.0), measurement("parameters", 3.0)]
    records = [record(NET, 1.0), record(WIDE, metrics=facts, batch=8)]
    assert facts_of(records, "macs", [NET, WIDE]) == {WIDE: 7.0}
    assert parameters_of(records, NET.model) == 3.0
    assert parameters_of(records, OTHER.model) is None


def test_time_by_kind_is_the_breakdown_of_operator_time():
    others = Breakdown(metric="macs", by="kind", values={"pointwise": 1.0}, method="")
    wanted = Breakdown(
        metric="operator_time", by="kind", values={"pointwise": 0.2, "between-operators": 0.1}, method=""
    )
    with_breakdowns = msgspec.structs.replace(record(NET, 1.0), breakdowns=(others, wanted))
    evidence = collect_evidence([with_breakdowns], ONE_THREAD, [NET])
    assert evidence.time_by_kind(NET) == wanted.values


def test_kinds_without_any_are_left_out():
    counted = Counted((layer(LayerKind.POINTWISE, 10, 2), layer(LayerKind.POINTWISE, 30, 3), layer(LayerKind.POOLING)))
    assert macs_by_kind(counted) == {"pointwise": 40}
    assert weights_by_kind(counted) == {"pointwise": 5}


@given(st.dictionaries(st.sampled_from([*LayerKind]), st.floats(0.0, 1e9)))
def test_shares_add_up_to_one_or_are_none(values):
    found = shares(values)
    assert math.isclose(sum(found.values()), 1.0) if sum(values.values()) > 0 else found == {}
