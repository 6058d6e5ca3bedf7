"""Count a pass and record its memory in one trace."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from zoobench.counting import UncountableError, costs
from zoobench.counting.memory import Category, cpu_onednn
from zoobench.counting.trace import trace_forward
from zoobench.measure.worker.prediction import trace_with_peak

FLOAT_BYTES = 4


def test_a_chain_of_layers_holds_what_it_takes_and_gives() -> None:
    """The second layer's input and result are alive together; the first one's input, the caller's, throughout."""
    model = nn.Sequential(
        nn.Linear(10, 100, bias=False), nn.Linear(100, 200, bias=False), nn.Linear(200, 1, bias=False)
    )
    _, peak = trace_with_peak(model, torch.empty(4, 10, device="meta"))

    assert peak.bytes_by_category == {
        Category.WEIGHTS: FLOAT_BYTES * (1000 + 20_000 + 200),
        Category.INPUTS: FLOAT_BYTES * 40,
        Category.TEMPORARIES: FLOAT_BYTES * 4 * (100 + 200),
    }
    assert peak.path == "1"


def test_the_trace_is_that_of_counting_alone() -> None:
    model, images = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()), torch.empty(2, 3, 8, 8)
    trace, _ = trace_with_peak(model, images)
    assert trace == trace_forward(model, images, costs.table())


def test_calls_remembered_by_the_trace_have_storages_of_their_own() -> None:
    """Sixteen equal layers: each layer's input is freed after its result, whether it is cached or not."""
    model = nn.Sequential(*(nn.Tanh() for _ in range(16)))
    _, peak = trace_with_peak(model, torch.empty(4, 10))
    assert peak.bytes_by_category == {Category.INPUTS: FLOAT_BYTES * 40, Category.TEMPORARIES: FLOAT_BYTES * 80}

    class AllKept(nn.Module):
        def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
            return [x.tanh() for _ in range(16)]

    _, peak = trace_with_peak(AllKept(), torch.empty(4, 10))
    assert peak.bytes_by_category[Category.TEMPORARIES] == FLOAT_BYTES * 40 * 16


def test_workspace_is_a_category_of_its_own() -> None:
    model, images = nn.Conv2d(16, 16, 3, padding=1), torch.empty(2, 16, 32, 32)
    _, without = trace_with_peak(model, images)
    _, with_it = trace_with_peak(model, images, backend=cpu_onednn(threads=2))

    assert without.backend == "none"
    assert with_it.backend == "cpu-onednn"
    assert with_it.workspace_bytes > 0
    assert with_it.total_bytes == without.total_bytes + with_it.workspace_bytes


def test_a_model_without_operators_holds_its_inputs() -> None:
    _, peak = trace_with_peak(nn.Identity(), torch.empty(3))
    assert peak.bytes_by_category == {Category.INPUTS: 3 * FLOAT_BYTES}
    assert peak.path == ""


def test_what_needs_values_is_refused() -> None:
    class Choosing(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x[x > 0]

    with pytest.raises(UncountableError, match="Choosing cannot be counted"):
        trace_with_peak(Choosing(), torch.empty(3))
