from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from fakes import FakeAsyncDevice, make_small_device, register
from synthetic import make_case

from zoobench import devices
from zoobench.cases import SMOKE_BUDGET, Budget, Mode, ModelRef, Precision
from zoobench.measure.messages import InCalls, KnownFacts, Settings, Step
from zoobench.measure.worker import run_case
from zoobench.measure.worker.probes import Probe, all_probes
from zoobench.records import Failure, FailureKind, Finding, Measurement, Severity, Unavailable
from zoobench.records.metrics import MODEL_METRICS

FLOAT_BYTES = 4
LENET5_PARAMETERS = 61_706
BUDGET = Budget(min_rounds=3, max_rounds=3, max_warmup_s=0.0)
CASE = make_case("lenet5", threads=1)

Parts = list[Any]


def measure(budget: Budget = BUDGET, known: tuple[str, ...] = (), **axes: Any) -> Parts:
    told: Parts = []
    run_case.measure(msgspec.structs.replace(CASE, **axes), budget, KnownFacts(metrics=frozenset(known)), told.append)
    return told


def of_kind(kind: type, parts: Parts) -> list[Any]:
    return [part for part in parts if isinstance(part, kind)]


def metrics_of(parts: Parts) -> dict[str, Measurement | Unavailable]:
    return {part.metric: part for part in parts if isinstance(part, (Measurement, Unavailable))}


@pytest.fixture
def factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Writes a module with the body of `make()` and gives the name of that factory."""

    def write(body: str) -> str:
        name = f"factory_{abs(hash(request.node.name))}"
        source = f"import torch\nfrom torch import nn\n\ndef make():\n    {body}\n"
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        return f"{name}:make"

    return write


def imported(name: str) -> ModelRef:
    return ModelRef("import", name)


def test_a_case_is_measured_from_start_to_end() -> None:
    told = measure()

    ordinary = [probe for probe in all_probes() if not probe.is_audit]
    assert [step.name for step in of_kind(Step, told)] == ["build", *(probe.name for probe in ordinary)]
    assert of_kind(Failure, told) == []
    assert set(metrics_of(told)) == {metric for probe in ordinary for metric in probe.metrics} - {
        "forward_latency",
        "backward_latency",
        "optimizer_latency",
        "compile_time",
    }
    assert isinstance(told[-1], InCalls)
    assert told[-1].total_s >= sum(metrics_of(told)["latency"].samples)


def test_a_training_step_has_its_phases_too() -> None:
    told = metrics_of(measure(mode=Mode.TRAIN))

    phases = [told[f"{phase}_latency"].samples for phase in ("forward", "backward", "optimizer")]
    for whole, *parts in zip(told["latency"].samples, *phases, strict=True):
        assert whole == pytest.approx(sum(parts), abs=5e-9)


def test_steps_are_told_before_what_belongs_to_them() -> None:
    told = measure()
    at = {part.name: index for index, part in enumerate(told) if isinstance(part, Step)}
    found = {part.metric: index for index, part in enumerate(told) if isinstance(part, (Measurement, Unavailable))}

    assert at["size"] < found["macs"] < at["latency"] < found["latency"] < at["memory"] < found["peak_allocated"]


def test_a_probe_whose_metrics_are_all_known_is_left_out() -> None:
    told = measure(known=MODEL_METRICS)

    assert "size" not in [step.name for step in of_kind(Step, told)]
    assert not set(metrics_of(told)) & set(MODEL_METRICS)


def test_a_probe_of_which_one_metric_is_missing_is_run() -> None:
    told = measure(known=MODEL_METRICS[1:])

    assert set(MODEL_METRICS) <= set(metrics_of(told))


def test_the_smoke_budget_measures_one_round() -> None:
    latency = metrics_of(measure(SMOKE_BUDGET))["latency"]

    assert len(latency.samples) == 1
    assert "1 warm-up calls, 1 blocks, layout shuffled between blocks by seed " in latency.method
    assert latency.method.endswith(", stopped by max-rounds")


def test_settings_are_read_back_while_the_case_has_them() -> None:
    told = measure(threads=2, mode=Mode.TRAIN)

    [settings] = of_kind(Settings, told)
    assert settings.values["threads"] == "2"
    assert settings.values["flushes_denormals"] == "True"
    assert settings.values["is_training"] == "True"
    assert told.index(settings) < told.index(metrics_of(told)["latency"])


def test_what_is_known_of_the_pace_counts_where_this_case_is_slower() -> None:
    """No machine multiplies in a picosecond, so every round is slow against that, and this is found."""
    told: Parts = []
    run_case.measure(CASE, BUDGET, KnownFacts(reference_s=1e-12), told.append)

    assert min(metrics_of(told)["latency"].covariates["pace"]) > 1.0
    assert "shared" in [finding.code for finding in of_kind(Finding, told)]


# What goes wrong


def test_a_factory_that_raises_failed_to_build(factory: Callable[[str], str]) -> None:
    name = factory("raise ValueError('no width 7')")

    told = measure(model=imported(name))

    assert of_kind(Failure, told) == [
        Failure(kind=FailureKind.BUILD, message=f"factory {name} raised ValueError: no width 7", where="build")
    ]
    assert told[-1] == InCalls(0.0)
    assert metrics_of(told) == {}


def test_a_factory_that_needs_more_memory_than_there_is_ran_out_of_it(factory: Callable[[str], str]) -> None:
    name = factory("return nn.Linear(2**29, 2**29)")

    [failure] = of_kind(Failure, measure(model=imported(name)))

    assert (failure.kind, failure.where) == (FailureKind.OUT_OF_MEMORY, "build")


def test_a_model_that_cannot_take_its_pictures_is_an_error_and_no_lack_of_memory(factory: Callable[[str], str]) -> None:
    name = factory("return nn.Sequential(nn.Flatten(), nn.Linear(7, 2))")

    told = measure(model=imported(name))

    [failure] = of_kind(Failure, told)
    assert (failure.kind, failure.where) == (FailureKind.ERROR, "latency")
    assert failure.message.startswith("RuntimeError: mat1 and mat2 shapes cannot be multiplied")
    assert metrics_of(told)["parameters"].samples == (16.0,), "what was measured before is kept"


def test_a_model_that_returns_no_logits_cannot_be_trained(factory: Callable[[str], str]) -> None:
    name = factory("return nn.Conv2d(3, 4, 3)")

    [failure] = of_kind(Failure, measure(model=imported(name), mode=Mode.TRAIN, image_size=8))

    assert failure.kind is FailureKind.ERROR
    assert "logits" in failure.message


def test_a_call_that_needs_more_memory_than_there_is_ran_out_of_it(factory: Callable[[str], str]) -> None:
    name = factory("return nn.Upsample(scale_factor=2**20)")

    [failure] = of_kind(Failure, measure(model=imported(name), image_size=32))

    assert (failure.kind, failure.where) == (FailureKind.OUT_OF_MEMORY, "latency")


def test_an_error_in_a_late_probe_keeps_what_the_early_ones_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Any:
        yield Measurement(metric="process_memory", samples=(1.0,), method="before the failure")
        raise ArithmeticError("in the middle")

    broken = Probe(name="broken", metrics=("process_memory",), measure=fail)
    monkeypatch.setattr(run_case, "all_probes", lambda: (*all_probes()[:2], broken))

    told = measure()

    assert of_kind(Failure, told) == [
        Failure(kind=FailureKind.ERROR, message="ArithmeticError: in the middle", where="broken")
    ]
    assert {"latency", "process_memory", "macs"} <= set(metrics_of(told))
    assert told[-1].total_s > 0


def test_a_failure_puts_the_settings_back(factory: Callable[[str], str]) -> None:
    threads = torch.get_num_threads()
    name = factory("raise ValueError('no')")

    measure(model=imported(name), threads=threads + 1)

    assert torch.get_num_threads() == threads


def test_an_interrupt_is_not_a_failure_of_the_case(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(run_case, "build_workload", interrupt)

    with pytest.raises(KeyboardInterrupt):
        measure()


# What the device's facts make of a case


def test_emulation_is_found_where_the_device_has_no_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False, raising=False)

    findings = {finding.code: finding for finding in of_kind(Finding, measure(precision=Precision.AMP_BF16))}

    assert findings["emulated-precision"].values == {"device": "cpu", "precision": "amp-bf16"}


def test_a_heap_that_cannot_be_retained_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_case.host_memory, "can_retain", lambda: False)

    findings = [finding for finding in of_kind(Finding, measure()) if finding.code == "not-retained"]

    assert [finding.severity for finding in findings] == [Severity.WARNING]


# On a device that works behind the host's back


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> FakeAsyncDevice:
    device = FakeAsyncDevice()
    builtin = devices.device_kinds
    monkeypatch.setattr(devices, "device_kinds", lambda: {**builtin(), "fake": lambda _: device})
    return device


@pytest.mark.parametrize("mode", Mode)
def test_a_case_on_an_asynchronous_device_is_timed_by_its_marks(device: FakeAsyncDevice, mode: Mode) -> None:
    told = measure(device="fake", mode=mode, known=MODEL_METRICS)

    results = metrics_of(told)
    [kernels_s] = results["device_time"].samples
    assert of_kind(Failure, told) == []
    assert len(results["latency"].samples) == 3
    assert results["latency"].method.startswith("device events")
    for sample_s in results["latency"].samples:
        assert kernels_s < sample_s < 1.3 * kernels_s, "kernels, and the host's launch before the first of each phase"
    assert isinstance(results["host_latency"], Measurement)
    assert isinstance(results["peak_reserved"], Measurement)
    assert [case.mode for case in device.applied] == [mode]
    assert not device.is_in_use


def test_its_peaks_are_those_of_its_allocator(device: FakeAsyncDevice) -> None:
    results = metrics_of(measure(device="fake", mode=Mode.TRAIN))

    [allocated], [reserved] = results["peak_allocated"].samples, results["peak_reserved"].samples
    weights_bytes = LENET5_PARAMETERS * FLOAT_BYTES
    assert allocated >= 3 * weights_bytes, "weights, momenta, gradients"
    assert reserved >= allocated
    assert results["peak_above_weights"].samples == (allocated - weights_bytes,)


def test_out_of_its_memory_is_a_failure_of_that_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    register(tmp_path, make_small_device, name="small")
    monkeypatch.syspath_prepend(tmp_path)

    told = measure(device="small", batch=64)

    [failure] = of_kind(Failure, told)
    assert failure.kind is FailureKind.OUT_OF_MEMORY
    assert failure.message.startswith("OutOfMemoryError: CUDA out of memory. Tried to allocate")
