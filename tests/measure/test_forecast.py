from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import failed, make_case, make_record, measurement

from zoobench.cases import COUNT_ONLY, Allocator, Budget, Case, Compiler, MemoryFormat, Mode, Precision
from zoobench.measure.session import STEP_PER_FORWARD_RATIO, forecast_call_s, refuse
from zoobench.records import CaseRecord, Failure, FailureKind


def finished(*samples_s: float, **axes: object) -> CaseRecord:
    return make_record(make_case(**axes), [measurement("latency", *samples_s)])


def test_without_a_finished_case_nothing_is_forecast() -> None:
    assert forecast_call_s(make_case(), []) is None
    assert refuse(make_case(), Budget(max_s=1e-9), []) is None


def test_a_case_that_makes_no_call_is_never_too_dear() -> None:
    assert refuse(make_case(batch=512), Budget(), [finished(9.0)]) is not None
    assert refuse(make_case(batch=512), COUNT_ONLY, [finished(9.0)]) is None


@given(st.integers(1, 512), st.integers(1, 512), st.floats(1e-6, 1e3))
def test_a_call_is_forecast_in_proportion_to_its_images(known: int, wanted: int, call_s: float) -> None:
    forecast = forecast_call_s(make_case(batch=wanted), [finished(call_s, batch=known)])
    assert forecast == pytest.approx(call_s * wanted / known)


def test_a_training_step_costs_a_forward_and_a_backward_pass() -> None:
    inference, training = finished(0.1, batch=4), finished(0.6, batch=4, mode=Mode.TRAIN)
    assert forecast_call_s(make_case(batch=4, mode=Mode.TRAIN), [inference]) == pytest.approx(0.3)
    assert forecast_call_s(make_case(batch=4), [training]) == pytest.approx(0.6 / STEP_PER_FORWARD_RATIO)
    assert forecast_call_s(make_case(batch=8, mode=Mode.TRAIN), [inference, training]) == pytest.approx(1.2)


def test_the_shortest_sample_is_what_a_call_took() -> None:
    assert forecast_call_s(make_case(batch=2), [finished(0.2, 0.1, 9.0)]) == pytest.approx(0.2)


@pytest.mark.parametrize("order", [1, -1])
def test_the_nearest_smaller_case_is_used(order: int) -> None:
    records = [finished(1.0, batch=1), finished(4.0, batch=8), finished(100.0, batch=64)][::order]
    assert forecast_call_s(make_case(batch=32), records) == pytest.approx(16.0)
    assert forecast_call_s(make_case(batch=8), records) == pytest.approx(4.0)


@pytest.mark.parametrize("order", [1, -1])
def test_the_nearest_larger_case_is_used_where_none_is_smaller(order: int) -> None:
    records = [finished(4.0, batch=8), finished(100.0, batch=64)][::order]
    assert forecast_call_s(make_case(batch=4), records) == pytest.approx(2.0)


@pytest.mark.parametrize(
    "axes",
    [
        {"model": make_case("vgg16").model},
        {"precision": Precision.AMP_BF16},
        {"image_size": 160},
        {"device": "cuda"},
        {"threads": 1},
        {"memory_format": MemoryFormat.CHANNELS_LAST},
        {"compiler": Compiler.INDUCTOR},
        {"allocator": Allocator.SYSTEM},
    ],
)
def test_a_case_that_differs_in_more_than_work_tells_nothing(axes: dict[str, object]) -> None:
    assert forecast_call_s(make_case(batch=8), [finished(1.0, **axes)]) is None


def test_a_case_without_latency_tells_nothing() -> None:
    assert forecast_call_s(make_case(batch=8), [failed(make_case())]) is None
    partly = make_record(
        make_case(), [measurement("latency", 0.5)], failure=Failure(kind=FailureKind.CRASH, message="", where="memory")
    )
    assert forecast_call_s(make_case(batch=8), [failed(make_case()), partly]) == pytest.approx(4.0)


def test_over_budget_is_refused_with_the_option_that_helps() -> None:
    failure = refuse(make_case(batch=16), Budget(max_s=8.0), [finished(0.6)])
    message = "not begun: a call is forecast to take 9.60 s, the budget is 8.00 s; --zoobench-max-seconds raises it"
    assert failure == Failure(kind=FailureKind.OVER_BUDGET, message=message, where="forecast")


@pytest.mark.parametrize(("max_s", "is_refused"), [(1.0, False), (0.999, True)])
def test_a_call_as_long_as_the_budget_is_begun(max_s: float, *, is_refused: bool) -> None:
    case: Case = make_case(batch=8)
    assert (refuse(case, Budget(max_s=max_s), [finished(0.125)]) is not None) == is_refused
