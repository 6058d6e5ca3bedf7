from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from fakes import FakeAsyncDevice, make_small_device, register
from synthetic import make_case

from zoobench import devices
from zoobench.cases import SMOKE_BUDGET, Allocator, Mode, ModelRef, Precision, format_bytes
from zoobench.devices import CpuDevice, host_memory
from zoobench.measure.messages import PEAK, TRIAL, FreeMemory, KnownFacts, Step
from zoobench.measure.worker import capacity_trial, run_case
from zoobench.measure.worker.probes.memory import PREDICTION_PROBE
from zoobench.measure.worker.probes.probe import ProbeState
from zoobench.measure.worker.workload import build_workload
from zoobench.records import Failure, FailureKind, Measurement, Unavailable
from zoobench.records.metrics import MODEL_METRICS

CASE = make_case("lenet5", threads=1)
PLENTY = 2**40
WEIGHTS_BYTES = 61_706 * 4


def attempted(limit_bytes: int = PLENTY, most_bytes: int | None = None, **axes: Any) -> list[Any]:
    told: list[Any] = []
    capacity_trial.try_batch(msgspec.structs.replace(CASE, **axes), limit_bytes, most_bytes, told.append)
    return told


def peak_of(told: list[Any]) -> Any:
    (found,) = (part for part in told if isinstance(part, (Measurement, Unavailable)) and part.metric == PEAK)
    return found


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_memory, "available_bytes", lambda: 600_000)
    monkeypatch.setattr(host_memory, "WORKER_BYTES", 0)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("batch", [1, 2, 64])
def test_a_trial_takes_what_the_case_is_measured_to_take(mode: Mode, batch: int) -> None:
    """To the byte: after timing, in a process that is not new, the allocator's events are those of a first call."""
    case = msgspec.structs.replace(CASE, mode=mode, batch=batch)
    measured: list[Any] = []
    run_case.measure(case, SMOKE_BUDGET, KnownFacts(metrics=frozenset(MODEL_METRICS)), measured.append)

    assert peak_of(attempted(mode=mode, batch=batch)).samples == peak_of(measured).samples


def test_a_training_step_is_tried_with_its_optimizer_s_state() -> None:
    assert peak_of(attempted(mode=Mode.TRAIN)).samples[0] >= 3 * WEIGHTS_BYTES, "weights, momenta, gradients"


def test_steps_tell_building_from_the_trial() -> None:
    assert [part.name for part in attempted() if isinstance(part, Step)] == ["build", TRIAL]


def test_a_limit_below_the_weights_needs_no_call() -> None:
    told = attempted(limit_bytes=WEIGHTS_BYTES - 1)

    assert peak_of(told).reason == "was not tried: the weights alone need 241 KiB, the limit is 241 KiB"
    assert Step(TRIAL) not in told
    assert isinstance(peak_of(attempted(limit_bytes=WEIGHTS_BYTES)), Measurement), "its call takes more, and is made"


@pytest.mark.usefixtures("little_memory")
def test_what_is_predicted_to_need_more_than_the_machine_has_is_not_called() -> None:
    case = msgspec.structs.replace(CASE, batch=512)
    predicted = next(iter(PREDICTION_PROBE.measure(build_workload(case, CpuDevice()), SMOKE_BUDGET, ProbeState())))
    assert isinstance(predicted, Measurement)

    told = attempted(batch=512)

    need = format_bytes(predicted.samples[0])
    assert peak_of(told).reason == f"was not tried: it is predicted to need {need}, the machine has 586 KiB free"
    assert Step(TRIAL) not in told
    assert isinstance(peak_of(attempted(batch=1)), Measurement)


def test_the_worker_itself_needs_memory_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_memory, "available_bytes", lambda: host_memory.WORKER_BYTES)

    assert "was not tried" in peak_of(attempted()).reason


@pytest.mark.parametrize("allocator", Allocator)
def test_freed_memory_goes_back_to_the_kernel(monkeypatch: pytest.MonkeyPatch, allocator: Allocator) -> None:
    device = FakeAsyncDevice()
    monkeypatch.setattr(devices, "device_kinds", lambda: {"fake": lambda _: device})

    attempted(device="fake", allocator=allocator)

    assert [case.allocator for case in device.applied] == [Allocator.SYSTEM]


@pytest.mark.usefixtures("little_memory")
def test_what_is_known_to_be_small_is_not_predicted(monkeypatch: pytest.MonkeyPatch) -> None:
    predicted: list[int] = []
    monkeypatch.setattr(capacity_trial, "_predicted_bytes", lambda _, batch: predicted.append(batch))

    assert isinstance(peak_of(attempted(batch=2, most_bytes=570_000)), Measurement)
    assert predicted == []
    attempted(batch=2, most_bytes=570_001)
    assert predicted == [2]


@pytest.mark.usefixtures("little_memory")
def test_where_nothing_can_be_predicted_the_bound_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity_trial, "_predicted_bytes", lambda *_: None)

    assert "predicted to need 570 KiB" in peak_of(attempted(most_bytes=583_680)).reason
    assert isinstance(peak_of(attempted()), Measurement), "without either it has to be tried"


def test_a_shape_bug_is_an_error_and_no_lack_of_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shapeless.py").write_text(
        "from torch import nn\n\ndef make():\n    return nn.Sequential(nn.Flatten(), nn.Linear(7, 2))\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)

    [failure] = [part for part in attempted(model=ModelRef("import", "shapeless:make")) if isinstance(part, Failure)]

    assert (failure.kind, failure.where) == (FailureKind.ERROR, TRIAL)
    assert "shapes cannot be multiplied" in failure.message


def test_a_device_that_refuses_ran_out_of_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(tmp_path, make_small_device, name="small")
    monkeypatch.syspath_prepend(tmp_path)

    [failure] = [part for part in attempted(device="small", batch=64) if isinstance(part, Failure)]

    assert failure.kind is FailureKind.OUT_OF_MEMORY


def test_a_device_of_its_own_has_had_a_first_call_when_it_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    device = FakeAsyncDevice()
    calls: list[int] = []
    watch = device.measure_peak_memory

    def count(call: Any) -> Any:
        calls.append(int(device._kernels_s > 0))
        return watch(call)

    monkeypatch.setattr(device, "measure_peak_memory", count)
    monkeypatch.setattr(devices, "device_kinds", lambda: {"fake": lambda _: device})
    before_s = device._kernels_s

    attempted(device="fake")

    assert calls == [1]
    assert device._kernels_s > before_s
    assert not device.is_in_use


def test_free_memory_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(tmp_path, make_small_device, name="small")
    monkeypatch.syspath_prepend(tmp_path)
    told: list[Any] = []

    capacity_trial.emit_free_memory("small", told.append)

    assert told == [FreeMemory(256 * 2**10)]


def test_an_interrupt_is_not_a_failure_of_the_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(capacity_trial, "build_workload", interrupt)
    with pytest.raises(KeyboardInterrupt):
        attempted()


def test_weights_of_half_precision_weigh_half() -> None:
    half = attempted(limit_bytes=WEIGHTS_BYTES // 2, precision=Precision.BF16)
    assert isinstance(peak_of(half), Measurement)
