from __future__ import annotations

import contextlib

import torch
from torch import nn

from zoobench.counting.trace import left_as_found


class Hoarder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
        self.seen = [1]
        self.by_size = {2: "two"}
        self.tags = {"a"}
        self.last = None


def change_everything(module: Hoarder) -> None:
    module.last = torch.zeros(1)
    module.seen.append(2)
    module.by_size.clear()
    module.tags.add("b")
    module.another = 3
    module.inner[0].training = False
    module.inner[0].register_buffer("grid", torch.zeros(2))
    module.inner[1].register_forward_hook(lambda *_: None)
    module.inner[1].weight = nn.Parameter(torch.zeros(2, 2))
    del module.inner[0]


def test_everything_is_put_back() -> None:
    module = Hoarder()
    first, second = module.inner
    weight, seen = second.weight, module.seen
    with left_as_found(module):
        change_everything(module)
        assert len(module.inner) == 1
    assert list(module.inner) == [first, second]
    assert second.weight is weight
    assert module.seen is seen
    assert (module.seen, module.by_size, module.tags, module.last) == ([1], {2: "two"}, {"a"}, None)
    assert not hasattr(module, "another")
    assert first.training
    assert not dict(first.named_buffers())
    assert not second._forward_hooks


def test_also_after_an_error() -> None:
    module = Hoarder()
    with contextlib.suppress(ZeroDivisionError), left_as_found(module):
        module.train(mode=False)
        raise ZeroDivisionError
    assert all(part.training for part in module.modules())
