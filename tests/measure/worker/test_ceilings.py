from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import msgspec
import pytest
import torch
from fakes import LAUNCH_S, OPERATOR_S, FakeAsyncDevice
from synthetic import make_case

from zoobench.cases import Precision
from zoobench.measure.worker import ceilings
from zoobench.measure.worker.ceilings import CeilingWork, best_of, measure_ceiling, measure_ceilings
from zoobench.records import COPY, MATRIX_PRODUCT, Ceiling, Failure
from zoobench.records.machine import CeilingKey

CASE = make_case("lenet5", threads=1)
PRODUCT = CeilingKey("fake", MATRIX_PRODUCT, 1, "fp32")
CALL_S = LAUNCH_S + OPERATOR_S
"""What a call of one operator takes on the fake device, from launch to end."""


@pytest.fixture
def device() -> Iterator[FakeAsyncDevice]:
    fake = FakeAsyncDevice()
    with fake.settings(CASE):
        yield fake


def work(device: FakeAsyncDevice, amount: float, *seconds: float, made: list[float] | None = None) -> CeilingWork:
    """Launches work that takes these seconds, call by call, the last ones for ever."""
    left = list(seconds)

    def call() -> None:
        device.launch(left.pop(0) if len(left) > 1 else left[0])
        if made is not None:
            made.append(amount)

    return CeilingWork(name=f"work of {amount:g}", amount=amount, prepare=lambda: call)


@pytest.mark.parametrize("precision", ["fp32", "tf32", "fp16", "bf16"])
def test_a_product_of_matrices_of_side_n_is_n_cubed_multiply_accumulates(
    device: FakeAsyncDevice, precision: str
) -> None:
    ceiling = measure_ceiling(device, PRODUCT._replace(precision=precision), sizes=(4, 8))
    assert ceiling.rate == 8**3 / CALL_S
    assert set(ceiling.samples) == {ceiling.rate}
    assert ceiling.method.startswith("product of 8 × 8 matrices, the best of the sizes that 1 s allow")
    assert (ceiling.device, ceiling.kind, ceiling.threads, ceiling.precision) == (
        "fake",
        "matrix-product",
        1,
        precision,
    )


def test_a_copy_reads_and_writes_every_byte(device: FakeAsyncDevice) -> None:
    ceiling = measure_ceiling(device, CeilingKey("fake", COPY, 1), sizes=(2**20,))
    assert ceiling.rate == 2 * 2**20 / CALL_S
    assert (ceiling.kind, ceiling.precision) == ("copy", "")


def test_a_timer_that_does_not_wait_for_the_device_has_no_time(
    device: FakeAsyncDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "wait", lambda: None)
    with pytest.raises(RuntimeError, match="wait for it first"):
        measure_ceiling(device, PRODUCT, sizes=(4,))


def test_work_from_before_is_not_timed(device: FakeAsyncDevice) -> None:
    device.launch(100.0)
    assert best_of([work(device, 1.0, 0.125)], device).rate == 8.0


def test_the_rate_is_the_best_of_any_size_without_its_first_call(device: FakeAsyncDevice) -> None:
    disturbed = work(device, 1.0, 0.5, 0.03125, 0.125, 0.0625, 0.0625)
    found = best_of([work(device, 0.5, 0.0625), disturbed, work(device, 2.0, 0.25)], device, limit_s=10.0)
    assert found.name == "work of 1"
    assert found.rates[0] == 1.0 / 0.03125, "the first call, of 0.5 s, warms up"
    assert found.rate == found.rates[0], "after half a second nothing is repeated"
    assert best_of([work(device, 1.0, 0.015625, 0.0625, 0.125, 0.03125, 0.0625)], device).rate == 32.0


def test_what_would_take_too_long_is_not_begun(device: FakeAsyncDevice) -> None:
    made: list[float] = []
    amounts = (1.0, 8.0, 64.0)
    best_of([work(device, amount, 0.0625 * amount, made=made) for amount in amounts], device, limit_s=1.75)
    assert set(made) == {1.0, 8.0}
    assert made.count(8.0) == 2, "one call to warm up, one to time"


def test_what_leaves_no_time_for_a_call_after_the_first_is_not_begun(device: FakeAsyncDevice) -> None:
    made: list[float] = []
    best_of([work(device, amount, 0.0625 * amount, made=made) for amount in (1.0, 8.0)], device, limit_s=1.0)
    assert set(made) == {1.0}, "0.375 s are spent, one call of 0.5 s would have fitted"


def test_the_first_size_is_measured_however_slow(device: FakeAsyncDevice) -> None:
    made: list[float] = []
    assert best_of([work(device, 1.0, 50.0, made=made), work(device, 2.0, 0.001)], device).rate == 1 / 50.0
    assert made == [1.0, 1.0]


def test_fast_calls_are_repeated_a_few_times(device: FakeAsyncDevice) -> None:
    assert len(best_of([work(device, 1.0, 2.0**-10)], device).rates) == 7


@pytest.fixture
def small_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceilings, "PRODUCT_SIDES", (16, 32))
    monkeypatch.setattr(ceilings, "COPY_BYTES", (2**16,))


def asked(*keys: CeilingKey, precision: Precision = Precision.FP32) -> tuple[tuple[CeilingKey, object], ...]:
    return tuple((key, msgspec.structs.replace(CASE, precision=precision)) for key in keys)


@pytest.mark.usefixtures("small_sizes")
def test_the_processor_has_both_ceilings_and_its_settings_are_put_back() -> None:
    before = torch.get_num_threads()
    told: list[object] = []
    keys = (CeilingKey("cpu", MATRIX_PRODUCT, 1, "bf16"), CeilingKey("cpu", COPY, 1))
    measure_ceilings(asked(*keys, precision=Precision.BF16), told.append)
    assert torch.get_num_threads() == before
    product, copy = told
    assert isinstance(product, Ceiling)
    assert isinstance(copy, Ceiling)
    assert (product.precision, copy.precision) == ("bf16", "")
    assert min(*product.samples, *copy.samples) > 0


@pytest.mark.usefixtures("small_sizes")
def test_it_is_measured_under_the_settings_of_a_case(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeAsyncDevice()
    monkeypatch.setattr(ceilings, "get_device", lambda name: fake)
    measure_ceilings(asked(PRODUCT, precision=Precision.TF32), lambda _: None)
    assert [case.precision for case in fake.applied] == [Precision.TF32]
    assert not fake.is_in_use


@pytest.mark.usefixtures("small_sizes")
def test_one_that_cannot_be_measured_is_a_failure_and_no_hindrance(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Callable[[], object]:
        raise RuntimeError("addmm_impl_cpu_ not implemented for 'Half'")

    told: list[object] = []
    with contextlib.ExitStack():
        monkeypatch.setattr(ceilings, "_product", refuse)
        measure_ceilings(asked(CeilingKey("cpu", MATRIX_PRODUCT, 1, "fp16"), CeilingKey("cpu", COPY, 1)), told.append)
    failure, copy = told
    assert isinstance(failure, Failure)
    assert (failure.where, failure.message) == (
        "matrix-product fp16", "RuntimeError: addmm_impl_cpu_ not implemented for 'Half'",
    )  # fmt: skip
    assert isinstance(copy, Ceiling)
