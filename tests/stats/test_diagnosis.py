"""Nets of a few layers, each bound by one thing, and what always holds of the parts of a call."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from synthetic import make_case, make_record, measurement

from zoobench.records import Breakdown, CaseRecord, Ceiling, Layer, LayerKind, Measurement
from zoobench.stats.diagnosis import (
    NEAR_RATIO,
    PAGE_FAULT_S,
    SHORT_S,
    Bound,
    Diagnosis,
    diagnose,
    diagnose_case,
    fixed_cost_s,
)
from zoobench.stats.roofline import Roof, RooflinePoint

ROOF = Roof(macs_per_s=5e10, bytes_per_s=1.6e10)
"""About those of two cores with AVX-512."""

TINY_S = 5e-6


def layer(kind: LayerKind, time_s: float, *, gmacs: float = 0.0, megabytes: float = 0.0) -> RooflinePoint:
    return RooflinePoint(path=kind.value, kind=kind.value, macs=1e9 * gmacs, moved_bytes=1e6 * megabytes, time_s=time_s)


TINY = layer(LayerKind.ACTIVATION, TINY_S, megabytes=1e-4)
"""What the quickest layers of a net look like."""

RESNET = [TINY, layer(LayerKind.CONVOLUTION, 0.020, gmacs=0.9, megabytes=20), layer(LayerKind.ADD, 0.001, megabytes=12)]
MOBILENET = [
    TINY,
    layer(LayerKind.POINTWISE, 0.004, gmacs=0.15, megabytes=16),
    layer(LayerKind.DEPTHWISE, 0.004, gmacs=0.01, megabytes=24),
    layer(LayerKind.NORMALISATION, 0.003, megabytes=40),
]
SHUFFLENET = [TINY, *[layer(LayerKind.CHANNEL_SHUFFLE, 30e-6, megabytes=0.02)] * 150]
VGG_CLASSIFIER = [TINY, layer(LayerKind.FULLY_CONNECTED, 0.04, gmacs=0.12, megabytes=494)]
SQUEEZENET = [
    TINY,
    layer(LayerKind.POOLING, 0.012, megabytes=12),
    layer(LayerKind.CONVOLUTION, 0.009, gmacs=0.35, megabytes=5),
]


def in_sequence(points: list[RooflinePoint]) -> float:
    return sum(point.time_s for point in points)


def diagnosed(points: list[RooflinePoint], **more: float) -> Diagnosis:
    return diagnose(points, ROOF, in_sequence(points), **more)


TEXTS = {
    "resnet": "compute-bound: 95 % of a call is computing (convolution 95 %), at 90 % of the rate of a large matrix "
    "product",
    "mobilenet": "bandwidth-bound: 64 % of a call is in layers that wait for memory (depthwise 36 %, "
    "normalisation 27 %), at 57 % of the bandwidth of a large copy; next computing, 36 %",
    "shufflenet": "overhead-bound: 96 % of a call is no work: 0 % between its 151 layers, the rest in starting them; "
    "151 are too small to come near a ceiling (channel-shuffle 96 %)",
    "vgg": "bandwidth-bound: 100 % of a call is in layers that wait for memory (fully-connected 100 %), at 77 % of the "
    "bandwidth of a large copy",
    "squeezenet": "kernel-bound: 57 % of a call is in layers (pooling 57 %) whose kernels reach less than 25 % of "
    "either ceiling; next computing, 43 %",
}
NETS = {
    "resnet": RESNET,
    "mobilenet": MOBILENET,
    "shufflenet": SHUFFLENET,
    "vgg": VGG_CLASSIFIER,
    "squeezenet": SQUEEZENET,
}


@pytest.mark.parametrize("name", TEXTS)
def test_each_net_is_bound_by_what_its_layers_are(name: str) -> None:
    assert str(diagnosed(NETS[name])) == TEXTS[name]


def test_a_device_that_waits_for_the_host_is_launch_bound() -> None:
    found = diagnose(RESNET, ROOF, 4 * in_sequence(RESNET), device_time_s=in_sequence(RESNET))
    assert found.parts[Bound.LAUNCH] == pytest.approx(0.75)
    assert str(found) == "launch-bound: for 75 % of a call the device has nothing to do and waits for the host"


def test_time_between_operators_of_a_host_is_overhead_and_of_a_device_only_while_it_is_busy() -> None:
    work_s = in_sequence(RESNET)
    alone, fixed = diagnosed(RESNET).parts[Bound.OVERHEAD], diagnose(RESNET, ROOF, 4 * work_s).parts[Bound.OVERHEAD]
    assert fixed == pytest.approx(0.75 + alone / 4)
    assert diagnose(RESNET, ROOF, 4 * work_s).between_ratio == pytest.approx(0.75)
    assert diagnose(RESNET, ROOF, 4 * work_s).bound is Bound.OVERHEAD
    beside = diagnose(RESNET, ROOF, 4 * work_s, device_time_s=2 * work_s)
    assert beside.parts[Bound.LAUNCH] == pytest.approx(0.5)
    assert beside.parts[Bound.OVERHEAD] == pytest.approx(0.25 + alone / 4)


def test_page_faults_are_taken_from_all_other_parts() -> None:
    faults = 0.6 * in_sequence(RESNET) / PAGE_FAULT_S
    without, found = diagnosed(RESNET), diagnosed(RESNET, page_faults=faults)
    assert found.parts[Bound.ALLOCATOR] == pytest.approx(0.6)
    assert found.parts[Bound.COMPUTE] == pytest.approx(0.4 * without.parts[Bound.COMPUTE])
    assert str(found) == (
        "allocator-bound: about 60 % of a call goes into 12.6 k page faults, at 1.00 µs each; next computing, 38 %"
    )


def test_more_faults_than_there_is_time_for_are_all_of_the_call() -> None:
    found = diagnosed(RESNET, page_faults=1e12)
    assert (found.parts[Bound.ALLOCATOR], found.parts[Bound.COMPUTE]) == (1.0, 0.0)


def test_the_quickest_layers_tell_an_operators_fixed_cost() -> None:
    points = [layer(LayerKind.ADD, place * 1e-5, megabytes=1) for place in range(1, 21)]
    assert fixed_cost_s(points) == pytest.approx(3e-5)
    views = [layer(LayerKind.OTHER, 1e-6)] * 20
    assert fixed_cost_s([*views, *points]) == pytest.approx(3e-5)
    assert fixed_cost_s(views) == 0.0


def test_a_large_layer_pays_the_fixed_cost_once() -> None:
    found = diagnosed(RESNET)
    tiny_s = TINY_S - 100 / ROOF.bytes_per_s
    assert found.fixed_s == TINY_S
    assert found.parts[Bound.OVERHEAD] * found.time_s == pytest.approx(tiny_s + 2 * TINY_S)


def test_a_layer_at_its_ceiling_has_no_overhead() -> None:
    points = [TINY, *[layer(LayerKind.CONVOLUTION, 0.02, gmacs=1.0)] * 3]
    tiny_s = TINY_S - 100 / ROOF.bytes_per_s
    assert diagnosed(points).parts[Bound.OVERHEAD] == pytest.approx(tiny_s / in_sequence(points))


def test_a_layer_far_below_its_ceilings_is_small_or_has_a_slow_kernel() -> None:
    least_s = 0.1 * SHORT_S
    for time_s, bound in ((0.99 * SHORT_S, Bound.OVERHEAD), (1.01 * SHORT_S, Bound.KERNEL)):
        points = [layer(LayerKind.POOLING, time_s, megabytes=1e-6 * least_s * ROOF.bytes_per_s)] * 8
        assert diagnose([TINY, *points], ROOF, 0.0).bound is bound


def test_a_net_of_one_layer_is_not_all_fixed_cost() -> None:
    assert diagnosed([layer(LayerKind.CONVOLUTION, 0.020, gmacs=0.5)]).bound is Bound.COMPUTE


def test_a_layer_near_its_ceiling_is_bound_by_it_however_short() -> None:
    moved = 1e-6 * 1.01 * NEAR_RATIO * SHORT_S / 2 * ROOF.bytes_per_s
    assert diagnosed([layer(LayerKind.ADD, SHORT_S / 2, megabytes=moved)] * 3).small_layers == 0


def test_what_a_cache_holds_reaches_the_ceiling_and_no_more() -> None:
    cached = [layer(LayerKind.ACTIVATION, 0.001, megabytes=80)]
    found = diagnosed(cached)
    assert found.reached_ratio == pytest.approx(1.0)
    assert (found.bandwidth_reached_ratio, found.compute_reached_ratio) == (1.0, None)


def test_layers_that_took_longer_under_the_profiler_stand_for_the_call() -> None:
    found = diagnose(RESNET, ROOF, 0.001)
    assert (found.latency_s, found.time_s) == (0.001, in_sequence(RESNET))


def test_no_call_is_quicker_for_being_profiled() -> None:
    work_s = in_sequence(RESNET)
    quicker, slower = (diagnose(RESNET, ROOF, 2 * work_s, profiled_s=factor * work_s) for factor in (1.25, 3.0))
    assert (quicker.latency_s, quicker.time_s, quicker.between_ratio) == (2 * work_s, 1.25 * work_s, pytest.approx(0.2))
    assert (slower.time_s, slower.between_ratio) == (2 * work_s, pytest.approx(0.5))


def test_without_layers_there_is_nothing_to_diagnose() -> None:
    with pytest.raises(ValueError, match="no layer was timed"):
        diagnose([], ROOF, 1.0)


points_of_nets = st.lists(
    st.builds(
        RooflinePoint,
        path=st.just("a"),
        kind=st.sampled_from(LayerKind),
        macs=st.just(0.0) | st.floats(1e3, 1e10),
        moved_bytes=st.just(0.0) | st.floats(1.0, 1e9),
        time_s=st.floats(1e-6, 10.0),
    ),
    min_size=1,
    max_size=12,
)


@given(points_of_nets, st.floats(1e-6, 100.0), st.none() | st.floats(1e-6, 100.0), st.floats(0.0, 1e8))
def test_the_parts_add_up_to_the_call(
    points: list[RooflinePoint], latency_s: float, device_time_s: float | None, faults: float
) -> None:
    found = diagnose(points, ROOF, latency_s, device_time_s=device_time_s, page_faults=faults)
    assert set(found.parts) == set(Bound)
    assert sum(found.parts.values()) == pytest.approx(1.0)
    assert min(found.parts.values()) >= -1e-9
    assert found.ratio == max(found.parts.values())
    assert 0.0 <= found.reached_ratio <= 1.0 + 1e-9


@given(points_of_nets, st.floats(1.0, 100.0))
def test_a_faster_machine_makes_no_net_reach_more_of_it(points: list[RooflinePoint], factor: float) -> None:
    assume(in_sequence(points) > 0)
    faster = Roof(macs_per_s=factor * ROOF.macs_per_s, bytes_per_s=factor * ROOF.bytes_per_s)
    assert diagnose(points, faster, 1.0).reached_ratio <= diagnose(points, ROOF, 1.0).reached_ratio * (1 + 1e-9)


CEILINGS = tuple(
    Ceiling(device="cpu", kind=kind, threads=2, rate=rate, samples=(rate,), method="fabricated", precision=precision)
    for kind, rate, precision in (("matrix-product", 5e10, "fp32"), ("copy", 1.6e10, ""))
)
CONVOLUTION = Layer(
    path="conv", type="Conv2d", kind="convolution", macs=10**9, activations=1, parameters=0, weights=0,
    input_shape=(1,), output_shape=(1,), bytes_read=10**6, bytes_written=10**6,
)  # fmt: skip


def a_record(*measurements: Measurement) -> CaseRecord:
    by_layer = Breakdown(metric="operator_time", by="layer", values={"conv": 0.025}, method="fabricated")
    return make_record(make_case(), measurements, breakdowns=(by_layer,))


def test_a_case_is_diagnosed_from_its_record() -> None:
    latency = measurement("latency", 0.04, 0.05, 0.06, covariates={"page_faults": (0.0, 2000.0, 9000.0)})
    found = diagnose_case(a_record(latency, measurement("device_time", 0.03)), (CONVOLUTION,), CEILINGS)
    assert found is not None
    assert (found.time_s, found.page_faults, found.layers) == (0.05, 2000.0, 1)
    assert found.parts[Bound.ALLOCATOR] == pytest.approx(0.04)
    assert found.parts[Bound.LAUNCH] == pytest.approx(0.96 * 0.4)
    assert found.compute_reached_ratio == pytest.approx(0.8)


def test_a_profiled_call_that_was_quicker_is_the_one_divided() -> None:
    record = a_record(measurement("latency", 0.05), measurement("profiler_overhead", 0.8))
    found = diagnose_case(record, (CONVOLUTION,), CEILINGS)
    assert found is not None
    assert found.time_s == pytest.approx(0.04)


def test_faults_of_a_sample_of_several_calls_are_of_all_of_them() -> None:
    latency = measurement("latency", 0.05, calls_per_sample=4, covariates={"page_faults": (2000.0,)})
    found = diagnose_case(a_record(latency), (CONVOLUTION,), CEILINGS)
    assert found is not None
    assert found.page_faults == 500.0


def test_a_case_without_latency_ceilings_or_layers_times_is_not_diagnosed() -> None:
    latency = measurement("latency", 0.05)
    assert diagnose_case(a_record(), (CONVOLUTION,), CEILINGS) is None
    assert diagnose_case(a_record(latency), (CONVOLUTION,), ()) is None
    assert diagnose_case(make_record(make_case(), [latency]), (CONVOLUTION,), CEILINGS) is None
