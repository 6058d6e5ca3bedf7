"""The backward pass: what gradients cost, against closed forms and against torch's own gradients of ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from zoobench.counting import UncountableError, count_forward, count_training, divide, trace_pass
from zoobench.counting.count import By

ATEN = torch.ops.aten


def empty(*shape: int) -> Tensor:
    return torch.empty(shape, device="meta")


class Behind(nn.Module):
    """A layer whose input needs a gradient: it is itself made from a parameter."""

    def __init__(self, layer: nn.Module, *shape: int) -> None:
        super().__init__()
        self.maps = nn.Parameter(empty(*shape))
        self.layer = layer

    def forward(self, _images: Tensor) -> Any:
        return self.layer(self.maps)


def training_macs(layer: nn.Module, *shape: int) -> int:
    """Cost of the layer if its input is the image, which needs no gradient."""
    return count_training(layer, empty(*shape)).macs


def training_macs_behind(layer: nn.Module, *shape: int) -> int:
    """Cost of the layer if its input needs a gradient."""
    return count_training(Behind(layer, *shape), empty(1)).macs


LAYERS = [
    pytest.param(nn.Conv2d(3, 8, 3, padding=1), (3, 8, 8), 64 * 8 * 27, id="dense"),
    pytest.param(nn.Conv2d(3, 8, 3, padding=1, bias=False), (3, 8, 8), 64 * 8 * 27, id="without bias"),
    pytest.param(nn.Conv2d(8, 12, 3, groups=4, padding=1), (8, 10, 10), 100 * 12 * 2 * 9, id="grouped"),
    pytest.param(nn.Conv2d(8, 8, 3, groups=8, padding=1), (8, 10, 10), 100 * 8 * 9, id="depthwise"),
    pytest.param(nn.Conv2d(8, 16, 3, groups=8), (8, 10, 10), 64 * 16 * 9, id="depthwise, two filters each"),
    pytest.param(nn.Conv2d(8, 4, 3, stride=3), (8, 11, 11), 9 * 4 * 8 * 9, id="strided"),
    pytest.param(nn.Conv2d(8, 4, 3, dilation=2), (8, 10, 10), 36 * 4 * 8 * 9, id="dilated"),
    pytest.param(nn.Conv2d(8, 4, 1), (8, 10, 10), 100 * 4 * 8, id="pointwise"),
    pytest.param(nn.Conv2d(8, 12, 1, groups=4), (8, 10, 10), 100 * 12 * 2, id="grouped pointwise"),
    pytest.param(nn.Conv1d(4, 6, 5), (4, 20), 16 * 6 * 4 * 5, id="1d"),
    pytest.param(nn.Conv3d(2, 3, 3, padding=1), (2, 4, 5, 6), 120 * 3 * 2 * 27, id="3d"),
    pytest.param(nn.ConvTranspose2d(8, 4, 3, stride=2), (8, 5, 5), 25 * 8 * 4 * 9, id="transposed"),
    pytest.param(nn.ConvTranspose2d(8, 4, 2, groups=4), (8, 5, 5), 25 * 8 * 4, id="transposed, grouped"),
    pytest.param(nn.Linear(6, 5), (6,), 30, id="linear"),
    pytest.param(nn.Linear(6, 5, bias=False), (6,), 30, id="linear without bias"),
    pytest.param(nn.Linear(6, 5), (4, 6), 120, id="linear over a sequence"),
]


@pytest.mark.parametrize(("layer", "image", "macs"), LAYERS)
def test_the_gradients_of_a_layer_cost_as_much_as_its_forward_each(
    layer: nn.Module, image: tuple[int, ...], macs: int
) -> None:
    assert training_macs(layer, 5, *image) == 5 * (macs + macs), "no gradient reaches the image"
    assert training_macs_behind(layer, 5, *image) == 5 * (macs + 2 * macs)


@pytest.mark.parametrize(("layer", "image", "macs"), LAYERS)
def test_a_frozen_weight_has_no_gradient(layer: nn.Module, image: tuple[int, ...], macs: int) -> None:
    layer.requires_grad_(requires_grad=False)
    try:
        assert training_macs_behind(layer, 1, *image) == macs + macs
    finally:
        layer.requires_grad_(requires_grad=True)


@st.composite
def convolutions(draw: st.DrawFn) -> dict[str, Any]:
    small, groups = st.integers(1, 3), draw(st.integers(1, 3))
    return {
        "in_channels": groups * draw(small),
        "out_channels": groups * draw(small),
        "kernel_size": draw(st.tuples(small, small)),
        "stride": draw(st.tuples(small, small)),
        "dilation": draw(st.tuples(st.integers(1, 2), st.integers(1, 2))),
        "groups": groups,
        "bias": draw(st.booleans()),
    }


@settings(deadline=None, max_examples=60)
@given(options=convolutions(), is_transposed=st.booleans(), batch=st.integers(1, 3), size=st.integers(5, 8))
def test_gradients_of_ones_sum_to_their_macs(
    options: dict[str, Any], batch: int, size: int, *, is_transposed: bool
) -> None:
    """With images, weights and the gradient of the result all ones, each product adds 1 to a gradient."""
    layer = (nn.ConvTranspose2d if is_transposed else nn.Conv2d)(**options)
    nn.init.ones_(layer.weight)
    shape = (batch, options["in_channels"], size, size)
    images = torch.ones(shape, requires_grad=True)
    result = layer(images)
    result.backward(torch.ones_like(result))
    assert images.grad is not None
    assert layer.weight.grad is not None
    products = layer.weight.grad.sum().item() + images.grad.sum().item()

    forward = count_forward(layer, empty(*shape)).macs
    assert training_macs_behind(layer, *shape) - forward == products


BATCH, HEADS, LENGTH, WIDTH = 2, 3, 10, 8
FORWARD = 2 * BATCH * HEADS * LENGTH * LENGTH * WIDTH


class Attention(nn.Module):
    """Query, key and value all need gradients."""

    def __init__(self, function: Callable[..., Any], *shape: int) -> None:
        super().__init__()
        self.function = function
        self.query, self.key, self.value = (nn.Parameter(empty(*shape)) for _ in range(3))

    def forward(self, _images: Tensor) -> Any:
        result = self.function(self.query, self.key, self.value)
        return result[0] if isinstance(result, tuple) else result


MAPS = (BATCH, HEADS, LENGTH, WIDTH)
PATHS = {
    "two products": (lambda q, k, v: (q @ k.transpose(-2, -1)).softmax(-1) @ v, MAPS),
    "the composite": (F.scaled_dot_product_attention, MAPS),
    "math": (ATEN._scaled_dot_product_attention_math, MAPS),
    "flash": (ATEN._scaled_dot_product_flash_attention, MAPS),
    "flash for cpu": (ATEN._scaled_dot_product_flash_attention_for_cpu, MAPS),
    "efficient": (lambda q, k, v: ATEN._scaled_dot_product_efficient_attention(q, k, v, None, True), MAPS),
    "cudnn": (lambda q, k, v: ATEN._scaled_dot_product_cudnn_attention(q, k, v, None, True), MAPS),
    "flash kernel": (
        lambda q, k, v: ATEN._flash_attention_forward(q, k, v, None, None, LENGTH, LENGTH, 0.0, False, False),
        (BATCH, LENGTH, HEADS, WIDTH),
    ),
    "efficient kernel": (
        lambda q, k, v: ATEN._efficient_attention_forward(q, k, v, None, None, None, None, None, 0.0, 0, True),
        (BATCH, LENGTH, HEADS, WIDTH),
    ),
}


@pytest.mark.parametrize("path", PATHS)
def test_attention_s_gradients_are_four_products_by_whichever_path(path: str) -> None:
    function, shape = PATHS[path]
    module = Attention(function, *shape)
    assert count_forward(module, empty(1)).macs == FORWARD
    assert count_training(module, empty(1)).macs == FORWARD + 2 * FORWARD


def inverted_residual(channels: int, expansion: int) -> nn.Module:
    hidden = channels * expansion
    return nn.Sequential(
        nn.Conv2d(channels, hidden, 1, bias=False),
        nn.BatchNorm2d(hidden),
        nn.ReLU6(),
        nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden, bias=False),
        nn.BatchNorm2d(hidden),
        nn.ReLU6(),
        nn.Conv2d(hidden, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    )


def test_backward_is_twice_forward_but_for_the_first_layer() -> None:
    """The rule of `zoobench.counting.costs`: no gradient reaches the image."""
    model = nn.Sequential(inverted_residual(8, 6), inverted_residual(8, 6))
    images = empty(3, 8, 12, 12)
    first = 3 * 144 * 8 * 48
    forward, both = count_forward(model, images).macs, count_training(model, images).macs
    assert both - forward == 2 * forward - first


def test_the_work_of_the_backward_pass_belongs_to_the_layers_whose_it_is() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Sequential(nn.Conv2d(4, 5, 1), nn.Flatten()), nn.Linear(80, 2)
    )
    parts = {
        part.name: part.counts for part in divide(trace_pass(model, empty(1, 3, 6, 6), is_training=True), By.MODULE)
    }
    first, second, head = 16 * 4 * 27, 16 * 5 * 4, 160
    assert {name: counts.macs for name, counts in parts.items()} == {
        "": 2 * first + 3 * second + 3 * head,
        "0": 2 * first,
        "1": 0,
        "2": 3 * second,
        "2.0": 3 * second,
        "3": 3 * head,
    }


@pytest.mark.parametrize(
    "module", [nn.Flatten(), nn.Conv2d(3, 4, 3).requires_grad_(requires_grad=False)], ids=["nothing", "frozen"]
)
def test_what_has_nothing_to_train_is_refused(module: nn.Module) -> None:
    with pytest.raises(UncountableError, match="has no output with a gradient: no training to count"):
        count_training(module, empty(1, 3, 6, 6))


def test_auxiliary_heads_are_trained_too() -> None:
    class TwoHeads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.main, self.auxiliary = nn.Linear(6, 5), nn.Linear(6, 7)

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            heads = {"main": self.main(x)}
            return heads | {"auxiliary": self.auxiliary(x)} if self.training else heads

    assert count_forward(TwoHeads(), empty(1, 6)).macs == 30
    assert count_training(TwoHeads(), empty(1, 6)).macs == 2 * (30 + 42)


def test_training_leaves_no_gradient_and_no_hook_behind() -> None:
    model = inverted_residual(4, 2)
    count_training(model, torch.empty(2, 4, 6, 6))
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())
    assert model[1].num_batches_tracked.item() == 0
