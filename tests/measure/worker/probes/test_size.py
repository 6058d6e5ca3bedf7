from __future__ import annotations

from typing import Any

import msgspec
import pytest
from synthetic import make_case
from torch import Tensor, nn

from zoobench.cases import Budget, Mode, Precision
from zoobench.counting import UncountableError
from zoobench.devices import CpuDevice
from zoobench.measure.worker.probes import counts
from zoobench.measure.worker.probes.counts import SIZE_PROBE, measure_size
from zoobench.measure.worker.probes.probe import ProbeState
from zoobench.measure.worker.workload import build_workload
from zoobench.records import Layer, Measurement, Unavailable

CASE = make_case("lenet5", batch=4, threads=1)


def measure(**axes: Any) -> dict[str, Measurement | Unavailable]:
    workload = build_workload(msgspec.structs.replace(CASE, **axes), CpuDevice())
    parts = [part for part in measure_size(workload, Budget(), ProbeState()) if not isinstance(part, Layer)]
    assert [part.metric for part in parts] == list(SIZE_PROBE.metrics)
    return {part.metric: part for part in parts}


def values(results: dict[str, Measurement | Unavailable]) -> dict[str, float]:
    return {metric: part.samples[0] for metric, part in results.items() if isinstance(part, Measurement)}


def test_counts_are_those_of_lenet5_by_hand() -> None:
    """Multiply-accumulates: C1 25·6·28², C3 150·16·10², C5 400·120, F6 120·84, output 84·10."""
    assert values(measure()) == {
        "parameters": 61_706.0,
        "trainable_parameters": 61_706.0,
        "buffers": 0.0,
        "macs": 25 * 6 * 28**2 + 150 * 16 * 10**2 + 400 * 120 + 120 * 84 + 84 * 10,
        "activations": 6 * 28**2 + 16 * 10**2 + 120 + 84 + 10,
    }


@pytest.mark.parametrize("axes", [{"batch": 1}, {"mode": Mode.TRAIN}, {"precision": Precision.BF16}], ids=str)
def test_they_are_facts_of_the_model_and_not_of_the_case(axes: dict[str, Any]) -> None:
    assert values(measure(**axes)) == values(measure())


def test_counting_leaves_the_model_as_it_was() -> None:
    workload = build_workload(CASE, CpuDevice())
    before = {name: value.clone() for name, value in workload.module.state_dict().items()}
    was_training = workload.module.training

    list(measure_size(workload, Budget(), ProbeState()))

    assert workload.module.training == was_training
    assert all((value == before[name]).all() for name, value in workload.module.state_dict().items())
    assert {parameter.device.type for parameter in workload.module.parameters()} == {"cpu"}
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in workload.module.modules())


def test_what_cannot_be_counted_is_unavailable_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_module: nn.Module, _images: Tensor) -> None:
        raise UncountableError("the pass needs values")

    monkeypatch.setattr(counts, "trace_pass", refuse)

    results = measure()

    assert values(results)["parameters"] == 61_706.0
    for metric in ("macs", "activations"):
        assert results[metric] == Unavailable(metric=metric, reason="the pass needs values")


def test_the_layers_are_those_of_lenet5_by_hand() -> None:
    """Kind, multiply-accumulates, parameters, weights and shape of the result; `squash` is one module, called often."""
    workload = build_workload(CASE, CpuDevice())
    layers = {part.path: part for part in measure_size(workload, Budget(), ProbeState()) if isinstance(part, Layer)}

    assert list(layers) == ["", "c1", "squash", "s2", "c3", "s4", "c5", "f6", "output"]
    assert {
        path: (layer.kind, layer.macs, layer.parameters, layer.weights, layer.output_shape)
        for path, layer in layers.items()
        if layer.macs
    } == {
        "c1": ("convolution", 25 * 6 * 28**2, 156, 150, (1, 6, 28, 28)),
        "c3": ("convolution", 150 * 16 * 10**2, 2_416, 2_400, (1, 16, 10, 10)),
        "c5": ("convolution", 400 * 120, 48_120, 48_000, (1, 120, 1, 1)),
        "f6": ("fully-connected", 120 * 84, 10_164, 10_080, (1, 84)),
        "output": ("fully-connected", 84 * 10, 850, 840, (1, 10)),
    }
    assert [layers[path].kind for path in ("s2", "squash")] == ["pooling", "activation"]
