from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from zoobench.counting import StateCounts, UncountableError, Uncounted, count_forward, count_state


class Net(nn.Module):
    """Returns a dict, as detection and auxiliary-head models do."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        features = torch.relu(self.norm(self.stem(x)))
        pooled = nn.functional.max_pool2d(torch.cat([features, features]), 2)
        return {"out": self.head(pooled.mean((2, 3))), "features": features}


def test_a_model_with_unsupported_operators() -> None:
    found = count_forward(Net(), torch.empty(2, 3, 16, 16))
    stem, head = 2 * 8 * 64, 4 * 10
    assert found.macs == stem * 27 + head * 8
    assert found.activations == stem + head
    pooled = 4 * 8 * 16
    norm = found.uncounted.pop("aten.native_batch_norm")
    assert norm.calls == 1
    assert norm.elements - stem in (0, 2 * 8), "some releases write empty statistics in eval mode, some full ones"
    assert found.uncounted == {
        "aten.max_pool2d_with_indices": Uncounted(calls=1, elements=2 * pooled),
        "aten.mean": Uncounted(calls=1, elements=4 * 8),
        "aten.relu": Uncounted(calls=1, elements=stem),
    }


def test_calls_of_one_operator_add_up() -> None:
    found = count_forward(nn.Sequential(nn.ReLU(), nn.AvgPool2d(2), nn.ReLU()), torch.empty(1, 1, 4, 4))
    assert found.uncounted["aten.relu"] == Uncounted(calls=2, elements=16 + 4)


def test_the_total_records_its_counter() -> None:
    found = count_forward(Net(), torch.empty(1, 3, 16, 16))
    assert found.counter == "zoobench.counting"
    assert found.counter_version == f"2 (torch {torch.__version__})"


def test_macs_grow_with_batch_and_area() -> None:
    layer = nn.Conv2d(3, 8, 3, padding=1)
    small, large = (count_forward(layer, torch.empty(b, 3, s, s)).macs for b, s in ((1, 8), (6, 16)))
    assert large == 6 * 4 * small


def test_state_of_a_model() -> None:
    model = Net()
    model.stem.weight.requires_grad_(requires_grad=False)
    parameters = (8 * 27 + 8) + (8 + 8) + (80 + 10)
    expected = StateCounts(
        parameters=parameters,
        trainable_parameters=parameters - 8 * 27,
        parameter_bytes=4 * parameters,
        buffers=8 + 8 + 1,
        buffer_bytes=4 * 16 + 8,
    )
    assert count_state(model) == expected
    assert count_state(model.to("meta")) == expected


def test_bytes_follow_the_number_format() -> None:
    state = count_state(nn.BatchNorm2d(8).half())
    assert (state.parameter_bytes, state.buffer_bytes) == (2 * 16, 2 * 16 + 8)


def test_what_is_shared_is_held_once() -> None:
    shared = nn.BatchNorm1d(4)
    model = nn.Sequential(shared, nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False), shared)
    model[2].weight = model[1].weight
    state = count_state(model)
    assert (state.parameters, state.buffers) == (16 + 8, 9)


def test_buffers_that_are_not_saved_take_memory_too() -> None:
    module = nn.Module()
    module.register_buffer("mask", torch.zeros(5, dtype=torch.bool), persistent=False)
    assert count_state(module).buffer_bytes == 5


@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_lazy_modules_have_no_state_yet() -> None:
    with pytest.raises(UncountableError, match="LazyLinear cannot be counted: weight is lazy"):
        count_state(nn.LazyLinear(3))
