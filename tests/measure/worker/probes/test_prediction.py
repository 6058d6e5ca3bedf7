"""What the probe says of a case before it is called."""

from __future__ import annotations

import msgspec
import pytest
import torch
from fakes import FakeAsyncDevice
from synthetic import make_case
from torch import Tensor, nn

from zoobench.cases import COUNT_ONLY, Budget, Compiler, Mode, Precision
from zoobench.counting.memory import cpu_onednn
from zoobench.devices import CpuDevice
from zoobench.measure.worker.prediction import predict_peak
from zoobench.measure.worker.probes.memory import PREDICTION_PROBE, predict_memory
from zoobench.measure.worker.probes.probe import ProbeState
from zoobench.measure.worker.workload import Workload, build_workload
from zoobench.records import Breakdown, Measurement, Unavailable
from zoobench.records.metrics import BYTES, find

CASE = make_case("lenet5", batch=2, threads=1)
BUDGET = Budget(max_s=8.0)


def workload(**axes: object) -> Workload:
    return build_workload(msgspec.structs.replace(CASE, **axes), CpuDevice())


def predict(of: Workload) -> list[object]:
    return list(predict_memory(of, BUDGET, ProbeState()))


@pytest.mark.parametrize("mode", list(Mode))
def test_the_peak_its_workspace_and_what_they_are_for(mode: Mode) -> None:
    peak, workspace, breakdown = predict(workload(mode=mode))

    assert isinstance(peak, Measurement)
    assert isinstance(workspace, Measurement)
    assert isinstance(breakdown, Breakdown)
    assert (peak.metric, workspace.metric) == PREDICTION_PROBE.metrics
    assert (breakdown.metric, breakdown.by) == ("predicted_peak", "category")
    assert sum(breakdown.values.values()) == peak.samples[0]
    assert breakdown.values["workspace"] == workspace.samples[0] > 0
    assert {"gradients", "optimizer-state", "saved-activations"} <= set(breakdown.values) or mode is Mode.INFER


def test_the_method_names_layer_and_backend() -> None:
    of = workload(batch=8)
    peak, *_ = predict(of)
    assert isinstance(peak, Measurement)
    alone = predict_peak(of.module, of.images, mode=Mode.INFER, backend=cpu_onednn(threads=1))
    assert alone.path in dict(of.module.named_modules())
    assert f"peak in {alone.operator} of {alone.path}; workspace: cpu-onednn" in peak.method


def test_it_is_the_prediction_of_the_cases_own_axes() -> None:
    found = workload(mode=Mode.TRAIN, precision=Precision.AMP_BF16, batch=8)
    peak, workspace, _ = predict(found)
    assert isinstance(peak, Measurement)
    assert isinstance(workspace, Measurement)
    alone = predict_peak(found.module, found.images, mode=Mode.TRAIN, precision=Precision.AMP_BF16)
    assert alone.total_bytes <= peak.samples[0] <= alone.total_bytes + workspace.samples[0]


def test_the_subject_can_still_be_called() -> None:
    found = workload(mode=Mode.TRAIN)
    predict(found)
    found.call()
    assert all(parameter.grad is not None for parameter in found.module.parameters())


def test_a_device_of_which_nothing_is_known_has_no_workspace() -> None:
    class Elsewhere(FakeAsyncDevice):
        torch_device = torch.device("meta")

    elsewhere = msgspec.structs.replace(workload(), device=Elsewhere())
    peak, workspace, breakdown = predict(elsewhere)

    assert isinstance(peak, Measurement)
    assert isinstance(breakdown, Breakdown)
    assert isinstance(workspace, Unavailable)
    assert workspace.metric == "predicted_workspace"
    assert "workspace" not in breakdown.values


def test_a_compiled_call_is_not_predicted() -> None:
    compiled = next(compiler for compiler in Compiler if compiler is not Compiler.EAGER)
    eager = workload()
    results = predict(msgspec.structs.replace(eager, case=msgspec.structs.replace(eager.case, compiler=compiled)))
    assert [part.metric for part in results if isinstance(part, Unavailable)] == list(PREDICTION_PROBE.metrics)


def test_a_model_that_needs_values_has_none_and_says_why() -> None:
    class Choosing(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x[x > 0]

    results = predict(msgspec.structs.replace(workload(), module=Choosing()))
    assert [part.metric for part in results if isinstance(part, Unavailable)] == list(PREDICTION_PROBE.metrics)
    assert all("memory of Choosing cannot be predicted" in part.reason for part in results)  # type: ignore[attr-defined]


def test_it_makes_no_calls_so_it_runs_where_models_are_only_counted() -> None:
    assert PREDICTION_PROBE.is_wanted(COUNT_ONLY, frozenset())


def test_its_metrics_are_in_the_table_in_bytes() -> None:
    assert {find(metric).unit for metric in PREDICTION_PROBE.metrics} == {BYTES}
