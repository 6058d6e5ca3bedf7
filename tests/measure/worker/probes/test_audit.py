from __future__ import annotations

import pytest
import torch
from synthetic import make_case
from torch import nn
from torchvision import models

from zoobench.cases import COUNT_ONLY, BadInputError, Budget, ImageSize, ModelRef
from zoobench.counting.costs import UncountableError
from zoobench.counting.cross_check import CrossCheck
from zoobench.devices import CpuDevice
from zoobench.measure.worker.probes.counts import AUDIT_PROBE, FvcoreReply, audit
from zoobench.measure.worker.probes.probe import ProbeState
from zoobench.measure.worker.workload import build_workload
from zoobench.records import Breakdown, Measurement, Unavailable

SQUEEZENET = ModelRef("torchvision", "squeezenet1_1")
SQUEEZENET_MACS = 349_151_936


def silent(model: ModelRef, resolution: ImageSize) -> FvcoreReply:
    return FvcoreReply(reason="fvcore has nothing to say")


class Fickle(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images if images.sum() > 0 else -images


def test_a_published_model_is_counted_three_ways() -> None:
    found = audit(SQUEEZENET, ImageSize(224, 224))
    assert found.macs == SQUEEZENET_MACS
    assert found.cross_check is not None
    assert found.difference is not None
    assert found.published is not None
    assert found.difference.macs == found.cross_check.macs - found.macs
    assert found.difference.remainder == 0
    assert round(found.macs, -6) == found.published.macs
    assert found.parameters == found.published.parameters


def test_the_published_parameters_of_inception_v3_include_an_auxiliary_head() -> None:
    """As the report says; `build_skeleton` has none, since only training would use it."""
    found = audit(ModelRef("torchvision", "inception_v3"), ImageSize(299, 299), silent)
    assert found.published is not None
    head = models.inception.InceptionAux(768, 1000)
    assert found.published.parameters - found.parameters == sum(weight.numel() for weight in head.parameters())


@pytest.mark.parametrize(
    ("model", "side", "reason"),
    [
        (SQUEEZENET, 64, "torchvision prints no count of this model at this image size"),
        (ModelRef("zoobench", "lenet5"), 32, "only torchvision prints counts of its models"),
    ],
)
def test_without_a_published_count_there_is_a_reason(model: ModelRef, side: int, reason: str) -> None:
    found = audit(model, ImageSize(side, side), silent)
    assert found.published is None
    assert found.not_published == reason


def test_without_an_opinion_there_is_a_reason_and_our_count() -> None:
    found = audit(SQUEEZENET, ImageSize(224, 224), silent)
    assert (found.macs, found.cross_check, found.difference) == (SQUEEZENET_MACS, None, None)
    assert found.no_cross_check == "fvcore has nothing to say"


def test_pictures_that_are_too_small_are_refused() -> None:
    with pytest.raises(BadInputError, match="too small"):
        audit(SQUEEZENET, ImageSize(8, 8), silent)


def test_a_model_that_we_cannot_count_is_said_to_be_so() -> None:
    with pytest.raises(UncountableError):
        audit(ModelRef("import", f"{__name__}:Fickle"), ImageSize(8, 8), silent)


def test_an_audit_is_for_cases_that_are_only_counted() -> None:
    assert AUDIT_PROBE.is_wanted(COUNT_ONLY, frozenset())
    assert not AUDIT_PROBE.is_wanted(Budget(), frozenset())


def recorded(model: ModelRef, side: int) -> dict[type, dict[tuple[str, ...], object]]:
    """What the probe yields, by kind of record."""
    case = make_case(model=model, image_size=side)
    parts = list(AUDIT_PROBE.measure(build_workload(case, CpuDevice()), COUNT_ONLY, ProbeState()))
    return {
        Measurement: {(part.metric,): part.samples for part in parts if isinstance(part, Measurement)},
        Unavailable: {(part.metric,): part.reason for part in parts if isinstance(part, Unavailable)},
        Breakdown: {(part.metric, part.by): part.values for part in parts if isinstance(part, Breakdown)},
    }


def test_the_probe_records_each_figure_or_why_there_is_none() -> None:
    parts = recorded(ModelRef("zoobench", "lenet5"), 32)
    calls = {"aten::tanh": 4.0, "aten::avg_pool2d": 2.0, "aten::mul": 4.0, "aten::add": 2.0}
    assert parts[Measurement][("fvcore_macs",)] == (416_520.0,)
    assert set(parts[Unavailable]) == {("published_macs",), ("published_parameters",)}
    assert parts[Breakdown][("macs", "fvcore-difference")] == {"remainder": 0.0}
    left_out = parts[Breakdown][("fvcore_unsupported_calls", "operator")]
    assert isinstance(left_out, dict)
    assert set(left_out) <= set(calls)
    assert parts[Measurement][("fvcore_unsupported_calls",)] == (sum(left_out.values()),)


def test_the_probe_says_of_every_metric_why_a_model_cannot_be_audited() -> None:
    parts = recorded(ModelRef("import", f"{__name__}:Fickle"), 8)
    assert set(parts[Unavailable]) == {(metric,) for metric in AUDIT_PROBE.metrics}
    assert not parts[Measurement]


def test_an_opinions_total_is_the_sum_of_its_operators() -> None:
    assert CrossCheck(counter="fvcore", version="1", by_operator={"conv": 3, "linear": 4}, unsupported={}).macs == 7
