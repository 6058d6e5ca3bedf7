from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from zoobench.counting import costs

_ATEN = torch.ops.aten
_INITIALISATION = {_ATEN.uniform_, _ATEN.normal_, _ATEN.erfinv_, _ATEN.clamp_}


class _WithoutValues(TorchDispatchMode):
    """Makes tensors of torch.empty without data; tensors that a constructor computes (torch.arange) have values.

    So regnet_*, which reads values that the meta device does not have, can be built.
    """

    def __torch_dispatch__(self, operator: Any, _types: object, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        if operator.overloadpacket in _INITIALISATION:
            return args[0]
        device = {"device": "meta"} if operator.overloadpacket is _ATEN.empty else {}
        return operator(*args, **{**(kwargs or {}), **device})


@pytest.fixture(scope="session")
def build_without_values() -> Callable[..., nn.Module]:
    def build(factory: Callable[..., nn.Module], **options: object) -> nn.Module:
        with _WithoutValues():
            return factory(**options)

    return build


@pytest.fixture
def costs_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the costs that the test registers."""
    monkeypatch.setattr(costs, "_COSTS", costs.table())
