"""Closed forms of the roofline, and its algebra."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import make_case, make_record

from zoobench.cases import Mode, Precision
from zoobench.records import Breakdown, Ceiling, Layer
from zoobench.stats.roofline import Roof, RooflinePoint, layer_times, moved_bytes, points_of, roof_of, whole

ROOF = Roof(macs_per_s=100.0, bytes_per_s=20.0)
CONVOLUTION = Layer(
    path="features.0", type="Conv2d", kind="convolution", macs=1000, activations=50, parameters=30, weights=27,
    input_shape=(1, 3, 8, 8), output_shape=(1, 8, 4, 4), bytes_read=4 * (30 + 192), bytes_written=4 * 128,
)  # fmt: skip
ACTIVATION = msgspec.structs.replace(
    CONVOLUTION, path="features.1", type="ReLU", kind="activation", macs=0, parameters=0, weights=0, bytes_read=512
)
positive = st.floats(1e-3, 1e6)
roofs = st.builds(Roof, macs_per_s=positive, bytes_per_s=positive)
works = st.builds(
    RooflinePoint,
    path=st.just(""),
    kind=st.just(""),
    macs=st.just(0.0) | positive,
    moved_bytes=positive,
    time_s=positive,
)


def point(macs: float, moved: float, time_s: float = 1.0) -> RooflinePoint:
    return RooflinePoint(path="", kind="", macs=macs, moved_bytes=moved, time_s=time_s)


def ceiling(kind: str, rate: float, **more: object) -> Ceiling:
    plain: dict[str, object] = {"device": "cpu", "threads": 2, "samples": (rate,), "method": "fabricated"}
    return Ceiling(kind=kind, rate=rate, **{**plain, **more})  # type: ignore[arg-type]


CEILINGS = (
    ceiling("matrix-product", 5e10, precision="fp32"),
    ceiling("matrix-product", 1e11, precision="bf16"),
    ceiling("matrix-product", 3e10, precision="fp32", threads=1),
    ceiling("matrix-product", 9e12, precision="fp32", device="cuda:0"),
    ceiling("copy", 1.7e10),
    ceiling("copy", 1.4e10, threads=1),
    ceiling("copy", 1e12, device="cuda:0"),
)


def timed(**times_s: float) -> Breakdown:
    values = {path.replace("_", "."): time_s for path, time_s in times_s.items()}
    return Breakdown(metric="operator_time", by="layer", values=values, method="fabricated")


def test_the_two_roofs_meet_at_the_ridge() -> None:
    assert ROOF.ridge == 5.0
    assert ROOF.attainable(5.0) == 100.0
    assert ROOF.attainable(2.5) == 50.0
    assert ROOF.attainable(50.0) == 100.0


def test_work_takes_as_long_as_the_slower_of_computing_and_moving() -> None:
    assert ROOF.least_s(point(200.0, 20.0)) == 2.0
    assert ROOF.least_s(point(200.0, 60.0)) == 3.0
    assert ROOF.is_compute_sided(point(200.0, 20.0))
    assert not ROOF.is_compute_sided(point(200.0, 60.0))


def test_what_only_moves_stands_under_the_bandwidth() -> None:
    moves = point(0.0, 40.0, time_s=8.0)
    assert moves.intensity == 0.0
    assert not ROOF.is_compute_sided(moves)
    assert ROOF.reached(moves) == pytest.approx(moves.bytes_per_s / ROOF.bytes_per_s) == pytest.approx(0.25)


def test_work_that_moves_nothing_has_no_end_of_intensity() -> None:
    assert point(1.0, 0.0).intensity == math.inf
    assert point(0.0, 0.0).intensity == 0.0
    assert not ROOF.is_compute_sided(point(0.0, 0.0))


@given(roofs, works)
def test_the_share_reached_is_the_achieved_over_the_attainable_rate(roof: Roof, work: RooflinePoint) -> None:
    attainable = roof.attainable(work.intensity)
    expected = work.macs_per_s / attainable if work.macs else work.bytes_per_s / roof.bytes_per_s
    assert roof.reached(work) == pytest.approx(expected)


@given(roofs, works)
def test_the_nearer_ceiling_is_that_of_the_side_of_the_ridge(roof: Roof, work: RooflinePoint) -> None:
    if not math.isclose(work.intensity, roof.ridge):
        assert roof.is_compute_sided(work) == (work.intensity > roof.ridge)


@given(roofs, st.lists(works, min_size=1, max_size=8))
def test_a_net_takes_no_longer_than_its_layers_one_after_another(roof: Roof, layers: list[RooflinePoint]) -> None:
    total = whole(layers, 1.0)
    assert roof.least_s(total) <= sum(map(roof.least_s, layers)) * (1 + 1e-9)
    assert roof.compute_s(total) == pytest.approx(sum(map(roof.compute_s, layers)))
    assert roof.move_s(total) == pytest.approx(sum(map(roof.move_s, layers)))


def test_a_batch_multiplies_activations_and_not_weights() -> None:
    weights, activations = 4 * 30, 4 * (192 + 128)
    assert moved_bytes(CONVOLUTION, 1, Precision.FP32) == weights + activations
    assert moved_bytes(CONVOLUTION, 8, Precision.FP32) == weights + 8 * activations
    assert moved_bytes(CONVOLUTION, 8, Precision.TF32) == weights + 8 * activations


def test_sixteen_bits_halve_activations_and_weights_that_are_stored_so() -> None:
    weights, activations = 4 * 30, 4 * (192 + 128)
    assert moved_bytes(CONVOLUTION, 8, Precision.AMP_BF16) == weights + 4 * activations
    assert moved_bytes(CONVOLUTION, 8, Precision.FP16) == weights / 2 + 4 * activations


def test_parameters_that_are_never_read_are_no_traffic() -> None:
    unread = msgspec.structs.replace(CONVOLUTION, parameters=10**6)
    assert moved_bytes(unread, 8, Precision.FP32) == unread.bytes_read + 8 * unread.bytes_written


@given(st.integers(1, 4096), st.sampled_from(Precision))
def test_a_larger_batch_never_moves_more_an_image(batch: int, precision: Precision) -> None:
    one, many = (moved_bytes(CONVOLUTION, size, precision) for size in (1, batch))
    assert many / batch <= one * (1 + 1e-12)


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        ({}, Roof(macs_per_s=5e10, bytes_per_s=1.7e10)),
        ({"threads": 1}, Roof(macs_per_s=3e10, bytes_per_s=1.4e10)),
        ({"threads": 4}, None),
        ({"precision": Precision.BF16}, Roof(macs_per_s=1e11, bytes_per_s=1.7e10)),
        ({"precision": Precision.AMP_BF16}, Roof(macs_per_s=1e11, bytes_per_s=1.7e10)),
        ({"precision": Precision.FP16}, None),
        ({"precision": Precision.BF16, "threads": 1}, None),
        ({"device": "cuda:0", "threads": 16}, Roof(macs_per_s=9e12, bytes_per_s=1e12)),
        ({"device": "cuda:1"}, None),
    ],
    ids=str,
)
def test_a_roof_is_of_the_cases_device_threads_and_precision(axes: dict[str, object], expected: Roof | None) -> None:
    assert roof_of(CEILINGS, make_case(**axes)) == expected


def test_without_ceilings_there_is_no_roof() -> None:
    assert roof_of((), make_case()) is None
    assert roof_of([each for each in CEILINGS if each.kind == "copy"], make_case()) is None
    assert roof_of([each for each in CEILINGS if each.kind != "copy"], make_case()) is None


def test_points_join_layers_with_their_times() -> None:
    case = make_case(batch=8)
    record = make_record(case, breakdowns=(timed(features_1=0.25, features_0=0.5, other=0.125, idle=0.0),))
    first, second, unknown = points_of(record, (CONVOLUTION, ACTIVATION))
    assert (first.path, first.kind, first.macs, first.time_s) == ("features.0", "convolution", 8000.0, 0.5)
    assert first.moved_bytes == moved_bytes(CONVOLUTION, 8, Precision.FP32)
    assert (second.path, second.macs, second.moved_bytes) == ("features.1", 0.0, 8.0 * (512 + 512))
    assert (unknown.path, unknown.macs, unknown.moved_bytes, unknown.time_s) == ("other", 0.0, 0.0, 0.125)


def test_there_are_no_points_without_times_or_of_a_training_step() -> None:
    assert points_of(make_record(make_case()), (CONVOLUTION,)) == ()
    training = make_case(mode=Mode.TRAIN)
    assert points_of(make_record(training, breakdowns=(timed(features_0=1.0),)), (CONVOLUTION,)) == ()


def test_times_by_kind_are_not_times_by_layer() -> None:
    by_kind = Breakdown(metric="operator_time", by="kind", values={"convolution": 1.0}, method="fabricated")
    case = make_case()
    assert layer_times(make_record(case, breakdowns=(by_kind,))) == {}
    assert layer_times(make_record(case, breakdowns=(by_kind, timed(features_0=1.0)))) == {"features.0": 1.0}
