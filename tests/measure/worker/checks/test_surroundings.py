from __future__ import annotations

import pytest
import torch
from fakes import FakeAsyncDevice
from timed_devices import BusyDevice

from zoobench.cases import Allocator
from zoobench.cases.options import usable_threads
from zoobench.measure.messages import example_case
from zoobench.measure.worker.checks import LEAST_ROUNDS, as_in_a_case, covariates_of, rounds_for


def test_a_check_finds_the_settings_of_a_case() -> None:
    before = torch.get_num_threads()

    with as_in_a_case(example_case("cpu", threads=before + 1)) as device:
        assert (device.name, torch.get_num_threads()) == ("cpu", before + 1)
        assert torch.is_inference_mode_enabled()

    assert torch.get_num_threads() == before
    assert not torch.is_inference_mode_enabled()


def test_the_example_is_as_a_run_would_measure_it() -> None:
    case = example_case("cpu", allocator=Allocator.SYSTEM)

    assert case.id == f"torchvision:squeezenet1_1/infer/b1/224/fp32/cpu/contiguous/eager/t{usable_threads()}/system"


@pytest.mark.parametrize(("seconds", "rounds"), [(0.0, LEAST_ROUNDS), (2.0, 8), (2.1, 9)])
def test_rounds_fill_the_time_and_are_a_few_at_least(seconds: float, rounds: int) -> None:
    device = BusyDevice()

    taken = rounds_for(seconds, lambda: device.launch(0.25), device, device.clock)

    assert [r.device_s for r in taken] == [0.25] * rounds


def test_warm_up_is_left_out() -> None:
    device = FakeAsyncDevice()
    times_s = iter([8.0, 4.0, *[0.5] * LEAST_ROUNDS])

    taken = rounds_for(0.0, lambda: device.launch(next(times_s)), device, device.clock, warm_up_rounds=2)

    assert {r.device_s for r in taken} == {0.5}


def test_covariates_stand_side_by_side() -> None:
    device = BusyDevice()

    covariates = covariates_of(rounds_for(0.0, lambda: None, device, device.clock))

    assert {"page_faults", "cpu_s"} <= set(covariates)
    assert {len(values) for values in covariates.values()} == {LEAST_ROUNDS}
