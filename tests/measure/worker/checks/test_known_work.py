from __future__ import annotations

from typing import Any

import pytest
import torch
from fakes import OPERATOR_S, make_device, register

from zoobench.measure.messages import Effort
from zoobench.measure.worker.checks import known_work
from zoobench.measure.worker.checks.known_work import (
    PRODUCT,
    examine_known_work,
    measure_count,
    measure_rates,
    product_of,
    thread_efficiencies,
)
from zoobench.records import Measurement, Unavailable
from zoobench.stats.calibration import judge_known_macs

EFFORT = Effort(load_s=0.0, product_s=0.0, paging_s=0.0, pace_s=0.0, processes=2, case_s=0.1)


def examined(device: str) -> dict[str, Any]:
    told: list[Any] = []
    examine_known_work(device, EFFORT, told.append)
    return {part.metric: part for part in told}


def test_the_product_is_counted_exactly() -> None:
    assert PRODUCT.macs == 768 * 1280 * 1024
    assert measure_count().samples == (0.0,)
    assert list(judge_known_macs(measure_count())) == []


def test_a_counter_that_counts_flops_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = known_work.count_forward(*product_of(torch.device("meta")))

    class Doubled:
        macs = 2 * counted.macs

    monkeypatch.setattr(known_work, "count_forward", lambda *_: Doubled)

    assert measure_count().samples == (1.0,)
    assert [finding.code for finding in judge_known_macs(measure_count())] == ["wrong-count"]


def test_the_rate_of_a_device_whose_operators_take_a_known_time(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer without bias is a transposed view and a product: two operators, the launch of the first beside them."""
    register(tmp_path, make_device)
    monkeypatch.syspath_prepend(tmp_path)
    launch_s = 2.0**-13

    product, rates = measure_rates("fake", 1, 0.0)

    assert product == PRODUCT, "an operator lasts long enough"
    assert set(rates) <= {PRODUCT.macs / (n * OPERATOR_S + launch_s) for n in (1, 2)}
    assert len(set(rates)) == 1


def test_threads_are_held_against_one() -> None:
    """Two threads that together do what one does are worth half of it each."""
    assert thread_efficiencies((100.0, 200.0), 100.0, 2) == (0.5, 1.0)


def test_this_machine_tells_all_three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_work, "usable_threads", lambda: 2)

    found = examined("cpu")

    assert set(found) == {"known_macs_error", "product_rate", "thread_efficiency"}
    assert all(isinstance(part, Measurement) for part in found.values())
    assert min(found["product_rate"].samples) > 1e6


def test_one_thread_has_nothing_to_be_held_against(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_work, "usable_threads", lambda: 1)

    lacking = examined("cpu")["thread_efficiency"]

    assert lacking == Unavailable(metric="thread_efficiency", reason="this process may use one thread only")


def test_threads_of_the_host_are_not_asked_about_on_another_device(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(tmp_path, make_device)
    monkeypatch.syspath_prepend(tmp_path)

    assert isinstance(examined("fake")["thread_efficiency"], Unavailable)
