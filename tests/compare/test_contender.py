from __future__ import annotations

import random
import time
import weakref
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from fakes import FakeClock
from sides import SIDE, make_case
from torch import Tensor, nn

from zoobench.cases import Case, Mode, ModelRef, Precision
from zoobench.cases.catalogue import Entry
from zoobench.compare.messages import EXACT_METRICS, Prepare
from zoobench.compare.spec import CONVOLUTIONS
from zoobench.compare.worker import prepared_case as contender_module
from zoobench.compare.worker.prepared_case import PreparedCase, block_of, slow_down
from zoobench.compare.worker.side_zoo import SideZoo
from zoobench.devices import REFERENCE
from zoobench.measure.worker.rounds import Round

CASE = make_case(threads=2)


class Net(nn.Module):
    """Counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 8, 3)
        self.dropout = nn.Dropout(0.5)
        self.bias = random.random() + np.random.random()  # noqa: NPY002 - as models do
        self.calls = 0

    def forward(self, images: Tensor) -> Tensor:
        self.calls += 1
        return self.dropout(self.layer(images)).mean((2, 3)) + self.bias


class Unsettling(Net):
    def forward(self, images: Tensor) -> Tensor:
        torch.set_num_threads(1)
        return super().forward(images)


class Zoo(SideZoo):
    """Builds one net."""

    def __init__(self, net: type[nn.Module] = Net) -> None:
        self.net = net
        self.built: list[nn.Module] = []

    def build(self, model: ModelRef) -> nn.Module:
        module = self.net()
        self.built.append(module)
        return module

    def entry_of(self, model: ModelRef) -> Entry:
        return Entry(source="import", name="net", family="f", image_size=SIDE, min_image_size=1)


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    assert torch.get_num_threads() == before, "settings are put back"


def prepared(zoo: Zoo, case: Case = CASE, wasted_ratio: float = 0.0) -> PreparedCase:
    return PreparedCase(Prepare(case=case, seed=1, wasted_ratio=wasted_ratio), zoo)


def round_of(seconds: float, reference_s: float, faults: float) -> Round:
    return Round(
        device_s=seconds, phases_s=(seconds,), host_s=seconds,
        conditions={REFERENCE: reference_s, "temperature": 61.2345}, covariates={"page_faults": faults, "cpu_s": 2 / 3},
    )  # fmt: skip


def test_a_block_is_in_seconds_a_call_and_so_is_what_happened_meanwhile() -> None:
    block = block_of([round_of(0.5, 0.001, 6), round_of(0.25, 0.002, 0)], 2, [0.001, 0.002, 0.00123456])

    assert block.samples == (0.25, 0.125)
    assert block.covariates == {"temperature": (61.23, 61.23), "page_faults": (3.0, 0.0), "cpu_s": (0.33, 0.33)}
    assert block.references_s == (0.001, 0.002, 0.001235)


def test_a_share_of_a_round_is_that_of_its_calls() -> None:
    ahead = round_of(0.5, 0.001, 0)
    ahead.covariates["host_lead"] = 0.75

    assert block_of([ahead], 2, []).covariates["host_lead"] == (0.75,)


def test_samples_have_nanoseconds() -> None:
    assert block_of([round_of(1 / 3, 0.001, 0)], 1, []).samples == (0.333333333,)


def test_what_is_told_in_some_rounds_only_is_left_out() -> None:
    silent = round_of(1.0, 0.001, 0)
    silent.covariates.pop("cpu_s")
    assert "cpu_s" not in block_of([round_of(1.0, 0.001, 0), silent], 1, []).covariates


def test_wasting_is_being_busy_for_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()

    def tick() -> float:
        clock.advance(0.25)
        return clock()

    monkeypatch.setattr(time, "perf_counter", tick)
    began = clock()
    slow_down(1.0)
    assert clock() - began == 1.25, "the first reading, and four until it is over"


def test_a_block_is_one_call_that_settles_and_rounds_of_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contender_module, "SETTLING_S", 0.0)
    zoo = Zoo()
    prepared_case = prepared(zoo)
    (net,) = zoo.built
    prepared_case.warm_up(0.0)
    assert net.calls == 1
    block = prepared_case.take_block(3, 2, has_new_layout=True)
    assert net.calls == 2 + 6
    assert (len(block.samples), len(block.references_s)) == (3, 4)
    assert {"page_faults", "cpu_s"} <= block.covariates.keys()
    prepared_case.release()


def test_short_calls_settle_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    monkeypatch.setattr(contender_module, "HOST_CLOCK", clock)

    class Slow(Net):
        def forward(self, images: Tensor) -> Tensor:
            clock.advance(0.004)
            return super().forward(images)

    zoo = Zoo(Slow)
    prepared_case = prepared(zoo)
    prepared_case.take_block(2, 1, has_new_layout=True)
    assert zoo.built[0].calls == 3 + 2, "three of 4 ms until 10 ms are over"
    prepared_case.release()


def test_time_is_wasted_in_every_call_after_warm_up(monkeypatch: pytest.MonkeyPatch) -> None:
    wasted: list[float] = []
    monkeypatch.setattr(contender_module, "slow_down", wasted.append)
    monkeypatch.setattr(contender_module, "SETTLING_S", 0.0)
    prepared_case = prepared(Zoo(), wasted_ratio=0.5)
    call_s = prepared_case.warm_up(0.0)
    assert wasted == []
    prepared_case.take_block(3, 2, has_new_layout=True)
    assert wasted == [0.5 * call_s] * 7
    prepared_case.release()


def test_nothing_of_a_released_case_is_left() -> None:
    zoo = Zoo()
    prepared_case = prepared(zoo)
    net = weakref.ref(zoo.built.pop())
    prepared_case.take_block(1, 1, has_new_layout=True)
    assert torch.get_num_threads() == 2
    prepared_case.release()
    assert net() is None


def test_what_a_model_changes_is_put_back_before_the_next_request() -> None:
    prepared_case = prepared(Zoo(Unsettling))
    for act in (
        lambda: prepared_case.warm_up(0.0),
        lambda: prepared_case.take_block(1, 1, has_new_layout=True),
        prepared_case.compute,
    ):
        act()
        assert torch.get_num_threads() == 2
    prepared_case.release()


def test_a_model_that_cannot_be_built_leaves_nothing_behind() -> None:
    class Refusing(Net):
        def __init__(self) -> None:
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        prepared(Zoo(Refusing))


@pytest.mark.parametrize("mode", Mode)
def test_outputs_are_of_one_call_in_eval_mode_and_the_same_every_time(mode: Mode) -> None:
    outputs = []
    for _ in range(2):
        zoo = Zoo()
        random.random()
        np.random.random()  # noqa: NPY002
        prepared_case = prepared(zoo, make_case(mode=mode, batch=2))
        outputs.append(prepared_case.compute())
        assert zoo.built[0].training is (mode is Mode.TRAIN)
        prepared_case.release()
    assert outputs[0].shape == (2, 8)
    assert np.array_equal(outputs[0], outputs[1])


@pytest.mark.parametrize("precision", [Precision.BF16, Precision.AMP_BF16])
def test_outputs_of_half_precision_are_told_in_full(precision: Precision) -> None:
    prepared_case = prepared(Zoo(), make_case(precision=precision))
    logits = prepared_case.compute()
    prepared_case.release()
    assert logits.dtype == np.float32


def test_every_exact_metric_is_told_or_why_it_is_not() -> None:
    prepared_case = prepared(Zoo())
    exact, unavailable = prepared_case.count()
    prepared_case.release()
    assert sorted([*exact, *unavailable]) == sorted(EXACT_METRICS)
    assert exact["parameters"] == 8 * 3 * 9 + 8


def test_a_control_is_not_asked_of_the_side() -> None:
    case = make_case(model=CONVOLUTIONS)
    zoo = Zoo()
    PreparedCase(Prepare(case=case, seed=1, is_control=True), zoo).release()
    assert zoo.built == []
