"""Nets of torch's own layers alone, built by the harness on both sides: no change of a project can reach them."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from zoobench.cases import ModelRef
from zoobench.experiment.controls import CONVOLUTIONS, NORMALISATIONS

_CLASSES = 10


def build_control(model: ModelRef) -> nn.Module:
    """The control of that name."""
    return _NETS[model]()


def _convolutions() -> nn.Module:
    """Bound by arithmetic: dense 3×3 convolutions of a quarter gigamultiply-accumulates on small pictures."""
    width = 64
    layers: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1), nn.ReLU()]
    for _ in range(6):
        layers += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, *_head(width))


def _normalisations() -> nn.Module:
    """Bound by memory: every layer reads and writes megabytes and hardly computes."""
    width = 16
    layers: list[nn.Module] = [nn.Conv2d(3, width, 1)]
    for _ in range(8):
        layers += [nn.BatchNorm2d(width), nn.GroupNorm(4, width), nn.ReLU(), nn.AvgPool2d(3, stride=1, padding=1)]
    return nn.Sequential(*layers, *_head(width))


def _head(width: int) -> tuple[nn.Module, ...]:
    return nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, _CLASSES)


_NETS: dict[ModelRef, Callable[[], nn.Module]] = {CONVOLUTIONS: _convolutions, NORMALISATIONS: _normalisations}
