from __future__ import annotations

import pytest
import torch
from sides import make_case
from torch import Tensor, nn

from zoobench.cases import Compiler, Mode, ModelRef
from zoobench.compare.worker.prepared_case import count_graph_breaks, count_operator_calls
from zoobench.devices import CpuDevice
from zoobench.measure.worker.workload import Workload, build_workload
from zoobench.records import Measurement, Unavailable


class Broken(nn.Module):
    """One graph break: the compiler does not print."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 2, 3)

    def forward(self, images: Tensor) -> Tensor:
        features = self.layer(images)
        torch._dynamo.graph_break()
        return features.mean((2, 3))


class Whole(Broken):
    def forward(self, images: Tensor) -> Tensor:
        return self.layer(images).mean((2, 3))


def subject_of(net: type[nn.Module], **axes: object) -> Workload:
    def build(_: ModelRef) -> nn.Module:
        return net()

    return build_workload(make_case(**axes), CpuDevice(), build=build)


def test_operators_of_inference_are_counted() -> None:
    found = count_operator_calls(subject_of(Whole))
    assert isinstance(found, Measurement)
    assert found.samples == (2.0,), "a convolution and a mean"


def test_a_training_step_calls_more_and_as_many_every_time() -> None:
    workload = subject_of(Whole, mode=Mode.TRAIN)
    first, second = count_operator_calls(workload), count_operator_calls(workload)
    assert isinstance(first, Measurement)
    assert first == second
    assert first.samples[0] > 10


@pytest.mark.parametrize(("net", "breaks"), [(Whole, 0.0), (Broken, 1.0)])
def test_graph_breaks_are_counted_where_there_is_a_compiler(net: type[nn.Module], breaks: float) -> None:
    found = count_graph_breaks(subject_of(net, compiler=Compiler.INDUCTOR))
    assert isinstance(found, Measurement)
    assert found.samples == (breaks,)


def test_what_cannot_be_counted_says_why() -> None:
    eager, compiled = subject_of(Whole), subject_of(Whole, compiler=Compiler.INDUCTOR)
    assert count_graph_breaks(eager) == Unavailable(metric="graph_breaks", reason="nothing is compiled in eager mode")
    assert isinstance(count_operator_calls(compiled), Unavailable)
