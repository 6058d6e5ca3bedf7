from __future__ import annotations

import torch
from torch import Tensor, nn

from zoobench.counting import count_forward, count_state, layers_of, trace_pass
from zoobench.records import Layer


def layers(module: nn.Module, *shape: int) -> dict[str, Layer]:
    return {layer.path: layer for layer in layers_of(module, trace_pass(module, torch.empty(shape)))}


class Gate(nn.Module):
    """Reads a parameter and a bias of a module that it never calls."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(4))
        self.unused = nn.Linear(4, 4)
        self.conv = nn.Conv2d(4, 4, 3, stride=(2, 1), padding=1, groups=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x) * self.scale.view(4, 1, 1) + self.unused.bias.view(4, 1, 1)


def test_a_layer_in_full() -> None:
    found = layers(nn.Sequential(Gate(), nn.ReLU()), 1, 4, 8, 8)
    assert found["0.conv"] == Layer(
        path="0.conv",
        type="Conv2d",
        kind="grouped",
        macs=4 * 8 * 4 * 18,
        activations=4 * 8 * 4,
        parameters=4 * 2 * 9 + 4,
        weights=4 * 2 * 9,
        input_shape=(1, 4, 8, 8),
        output_shape=(1, 4, 4, 8),
        weight_shape=(4, 2, 3, 3),
        stride=(2, 1),
        bytes_read=4 * (4 * 8 * 8 + 4 * 2 * 9 + 4),  # image, weight, bias
        bytes_written=4 * 4 * 4 * 8,
    )
    assert (found["1"].kind, found["1"].macs, found["1"].weight_shape) == ("activation", 0, ())


def test_parameters_of_what_is_never_called_are_the_caller_s() -> None:
    found = layers(nn.Sequential(Gate()), 1, 4, 8, 8)
    assert found["0"].parameters == 4 + (16 + 4)
    assert "0.unused" not in found


def test_layers_add_up_to_the_model() -> None:
    shared = nn.Conv2d(4, 4, 1)
    model = nn.Sequential(Gate(), shared, nn.BatchNorm2d(4), shared, nn.Flatten(), nn.Linear(128, 3))
    found = layers(model, 1, 4, 8, 8).values()
    counts = count_forward(model, torch.empty(1, 4, 8, 8))
    assert sum(layer.macs for layer in found) == counts.macs
    assert sum(layer.activations for layer in found) == counts.activations
    assert sum(layer.parameters for layer in found) == count_state(model).parameters


def test_a_module_called_twice_stands_once_with_the_work_of_both_calls() -> None:
    shared = nn.Conv2d(4, 4, 1)
    found = layers(nn.Sequential(shared, nn.ReLU(), shared), 1, 4, 8, 8)
    assert list(found) == ["", "0", "1"]
    assert (found["0"].macs, found["0"].parameters) == (2 * 64 * 16, 20)


def test_what_only_calls_others_has_no_kind() -> None:
    found = layers(nn.Sequential(nn.Sequential(nn.ReLU())), 1, 4)
    assert (found[""].kind, found["0"].kind, found["0.0"].kind) == ("", "", "activation")


def test_a_known_kind_is_used_for_a_module_before_other_operators() -> None:
    class Squash(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return 1.7 * torch.tanh(x * 2)

    assert layers(Squash(), 1, 4)[""].kind == "activation"
