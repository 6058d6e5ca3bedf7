from __future__ import annotations

import torch
from torch import nn

from zoobench.cases import ImageSize, ModelRef
from zoobench.measure.worker.probes.counts import FvcoreReply, ask_fvcore

PICTURE = ImageSize(32, 32)


def linear() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 10))


class Refusing(nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        raise ValueError("I take\nno pictures")


def imported(factory: object) -> ModelRef:
    return ModelRef("import", f"{__name__}:{factory.__name__}")  # type: ignore[attr-defined]


def test_fvcore_counts_any_model() -> None:
    for model, macs in ((imported(linear), 3 * 32 * 32 * 10), (ModelRef("zoobench", "lenet5"), 416_520)):
        cross_check = ask_fvcore(model, PICTURE).cross_check
        assert cross_check is not None
        assert cross_check.macs == macs


def test_what_a_model_raises_is_a_reason_of_one_line() -> None:
    assert ask_fvcore(imported(Refusing), PICTURE) == FvcoreReply(reason="fvcore raised ValueError: I take no pictures")


def test_what_cannot_be_asked_is_a_reason() -> None:
    found = ask_fvcore(ModelRef("zoobench", "lenet5"), ImageSize(8, 8))
    assert found.cross_check is None
    assert "too small for lenet5" in found.reason
