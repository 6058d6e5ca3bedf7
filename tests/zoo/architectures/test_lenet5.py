from __future__ import annotations

import math

import torch

from zoobench.zoo.architectures.lenet5 import ScaledTanh, lenet5


def test_squashing_maps_one_to_one_and_is_odd() -> None:
    squashed = ScaledTanh()(torch.tensor([1.0, -1.0, 0.0, 50.0], dtype=torch.float64))
    # appendix A: A = 1.7159 and S = 2/3 were chosen so that f(1) = 1 and f(-1) = -1
    assert torch.allclose(squashed[:2], torch.tensor([1.0, -1.0], dtype=torch.float64), atol=1e-4)
    assert squashed[2] == 0
    assert math.isclose(squashed[3].item(), 1.7159)


def test_macs_are_those_of_figure_2(count_macs) -> None:  # type: ignore[no-untyped-def]
    # maps of C1 28x28, C3 10x10, C5 1x1
    by_hand = 28 * 28 * 6 * 25 + 10 * 10 * 16 * 6 * 25 + 120 * 16 * 25 + 84 * 120 + 10 * 84
    assert count_macs(lenet5().to("meta"), torch.empty(1, 1, 32, 32, device="meta")) == by_hand == 416_520


def test_parameters_of_each_layer_are_those_of_the_paper() -> None:
    model = lenet5()
    counts = {name: sum(p.numel() for p in layer.parameters()) for name, layer in model.named_children()}
    # section II.B prints 156 for C1, 48,120 for C5 and 10,164 for F6; C3 is dense here
    assert (counts["c1"], counts["c5"], counts["f6"]) == (156, 48_120, 10_164)
    assert counts["c3"] == 16 * (6 * 25 + 1)
