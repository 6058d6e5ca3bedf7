"""Tasks that move tensors in a fresh process, run by `zoobench.measure.executor`. Each is called with a `Tell` last."""

from __future__ import annotations

import psutil
import torch
from torch import nn

from zoobench.measure.messages import Emit
from zoobench.measure.worker.layout import ShuffledLayout


def resident_after_shuffles(elements: int, counts: tuple[int, ...], emit: Emit) -> None:
    """Resident bytes after so many shuffles of eight layers, their padding written to as activations would be."""
    module = nn.ModuleList(nn.Linear(elements // 1024, 1024) for _ in range(8))
    layout = ShuffledLayout(module.parameters, lambda: None, seed=0)
    resident = []
    done = 0
    for count in counts:
        for _ in range(count - done):
            assert layout.shuffle()
            torch.ones(elements)  # an activation
        done = count
        resident.append(psutil.Process().memory_info().rss)
    emit(tuple(resident))
