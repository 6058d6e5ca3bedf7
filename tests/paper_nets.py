"""Every net that a printed figure needs, counted on meta tensors once: what a run's records would hold."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from synthetic import make_case, make_record
from torch.utils._python_dispatch import TorchDispatchMode

from zoobench.cases import ImageSize, ModelRef
from zoobench.counting import layers_of, trace_pass
from zoobench.papers.experiments import counted_models
from zoobench.records import CaseRecord
from zoobench.zoo.build import build_model

_ATEN = torch.ops.aten
_INITIALISATION = {_ATEN.uniform_, _ATEN.normal_, _ATEN.erfinv_, _ATEN.clamp_, _ATEN.fill_, _ATEN.zero_}


class _WithoutValues(TorchDispatchMode):
    """Weights without data, so that building takes no time."""

    def __torch_dispatch__(self, operator: Any, _types: object, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        if operator.overloadpacket in _INITIALISATION:
            return args[0]
        device = {"device": "meta"} if operator.overloadpacket is _ATEN.empty else {}
        return operator(*args, **{**(kwargs or {}), **device})


@functools.cache
def paper_records() -> tuple[CaseRecord, ...]:
    """A record with layers for each of `counted_models()`."""
    return tuple(_records(counted_models()))


def _records(nets: Sequence[tuple[ModelRef, ImageSize]]) -> Iterator[CaseRecord]:
    for model, resolution in nets:
        with _WithoutValues():
            module = build_model(model)
        images = torch.empty(1, 3, *resolution, device="meta")
        layers = layers_of(module, trace_pass(module, images))
        yield make_record(make_case(model=model, image_size=resolution.height), layers=layers)
