"""What tests of the CUDA side share. They need a GPU: `make gpu-check` runs them, elsewhere they are skipped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import torch
from synthetic import make_case

from zoobench.cases import Budget, Case
from zoobench.devices import CudaDevice
from zoobench.devices.device import failure_of
from zoobench.measure.worker.probes import all_probes
from zoobench.measure.worker.probes.probe import ProbeState
from zoobench.measure.worker.workload import build_workload

BUDGET = Budget(min_rounds=20, max_rounds=40, min_s=0.0, max_s=1.0, max_warmup_s=0.5)
CASE = make_case("squeezenet1_1", device="cuda", threads=4)

PROBES = ("latency", "interval", "memory", "device_time")

Measured = Callable[..., list[Any]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Warnings are not errors here: the torch, the driver and the GPU are whatever the machine has."""
    for item in items:
        if item.get_closest_marker("gpu") is None:  # a hook of this folder sees the items of all
            continue
        item.add_marker(pytest.mark.filterwarnings("default"))
        if not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="needs a CUDA GPU: torch finds none"))


@pytest.fixture
def device() -> CudaDevice:
    return CudaDevice()


@pytest.fixture
def case() -> Case:
    return CASE


@pytest.fixture
def measured(device: CudaDevice) -> Measured:
    """All that is told of a case that differs from `CASE` in these axes, its failure included."""

    def measure(**axes: Any) -> list[Any]:
        told: list[Any] = []
        try:
            told += _measure(msgspec.structs.replace(CASE, **axes), device)
        except RuntimeError as error:
            told.append(failure_of(error, "gpu"))
        return told

    return measure


def _measure(case: Case, device: CudaDevice) -> list[Any]:
    """Those probes that call the model, as the runner runs them."""
    with device.settings(case):
        workload, progress = build_workload(case, device), ProbeState()
        probes = [probe for probe in all_probes() if probe.name in PROBES]
        return [part for probe in probes for part in probe.measure(workload, BUDGET, progress)]
