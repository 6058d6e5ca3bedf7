"""Special cases of tracing: values, devices, modes, and side effects of a forward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils import parametrizations

from zoobench.counting import UncountableError, costs
from zoobench.counting.trace import OperatorCall, trace_forward

IMAGES = torch.empty(2, 3, 8, 8, device="meta")


class Applied(nn.Module):
    def __init__(self, function: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> object:
        return self.function(x)


def trace(module: nn.Module, images: Tensor = IMAGES) -> tuple[OperatorCall, ...]:
    return trace_forward(module, images, costs.table()).operators


def macs(module: nn.Module, images: Tensor = IMAGES) -> int:
    return sum(call.work.cost.macs for call in trace(module, images) if call.work.cost)


def small_model() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(144, 5))


SMALL_MODEL_MACS = 2 * (36 * 4 * 27 + 144 * 5)


def test_operators_are_noted_in_order_with_what_they_wrote() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.AvgPool2d(6), nn.Flatten(), nn.Linear(4, 5))
    assert [(str(call.operator.overloadpacket), call.work.elements_written) for call in trace(model)] == [
        ("aten.convolution", 2 * 4 * 36),
        ("aten.relu_", 2 * 4 * 36),
        ("aten.avg_pool2d", 2 * 4),
        ("aten.view", 0),
        ("aten.t", 0),
        ("aten.addmm", 2 * 5),
    ]


def test_what_writes_into_its_argument_alone_is_noted_by_that() -> None:
    (call,) = (c for c in trace(Applied(lambda x: torch._foreach_add_([x, x[0]], 1))) if "foreach" in str(c.operator))
    assert call.work.elements_written == 2 * 192 + 192


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_weights_may_be_anywhere(device: str) -> None:
    assert macs(small_model().to(device), IMAGES) == SMALL_MODEL_MACS
    assert macs(small_model().to(device), torch.zeros(2, 3, 8, 8)) == SMALL_MODEL_MACS


def test_nothing_is_copied() -> None:
    """Weights and image would need four terabytes if anything were allocated."""
    layer = nn.Linear(1, 1, bias=False)
    layer.weight = nn.Parameter(torch.zeros(1, 1).expand(10**6, 10**6))
    image = torch.zeros(1, 1).expand(10**6, 10**6)
    assert macs(layer, image) == 10**18


def test_the_module_is_left_as_it_was() -> None:
    model = small_model()
    model[1].eval()
    flags = [part.training for part in model.modules()]
    tensors = {
        name: (tensor, tensor.clone(), tensor._version) for name, tensor in model.state_dict(keep_vars=True).items()
    }
    trace(model)
    assert [part.training for part in model.modules()] == flags
    for name, tensor in model.state_dict(keep_vars=True).items():
        was, values, version = tensors[name]
        assert tensor is was
        assert torch.equal(tensor, values)
        assert tensor._version == version
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())
    assert model(torch.zeros(2, 3, 8, 8)).shape == (2, 5)


def test_a_cache_filled_by_the_pass_is_emptied() -> None:
    class Caching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.grids: dict[int, Tensor] = {}

        def forward(self, x: Tensor) -> Tensor:
            return x + self.grids.setdefault(x.shape[-1], torch.zeros(x.shape[-1]))

    module = Caching()
    trace(module)
    assert module(torch.zeros(1, 4)).device.type == "cpu"


def test_it_counts_in_eval_mode() -> None:
    class Auxiliary(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.main, self.aux = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 100, 3)

        def forward(self, x: Tensor) -> tuple[Tensor, ...]:
            return (self.main(x), self.aux(x)) if self.training else (self.main(x),)

    assert macs(Auxiliary().train()) == 2 * 64 * 4 * 3


def test_tied_weights_stay_tied() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.down, self.up = nn.Linear(8, 8, bias=False), nn.Linear(8, 8, bias=False)
            self.up.weight = self.down.weight

        def forward(self, x: Tensor) -> Tensor:
            assert self.up.weight is self.down.weight
            return self.up(self.down(x))

    assert macs(Tied()) == 2 * 3 * 8 * 64 * 2


def test_a_module_called_twice_counts_twice() -> None:
    shared = nn.Conv2d(3, 3, 1)
    assert macs(nn.Sequential(shared, shared)) == 2 * macs(shared)


def test_parametrized_weights() -> None:
    layer = parametrizations.weight_norm(nn.Conv2d(3, 4, 3))
    assert macs(layer) == macs(nn.Conv2d(3, 4, 3))


@pytest.mark.parametrize("make", [lambda: torch.ones(3, 4), lambda: torch.ones(3, 4, device="cpu")])
def test_tensors_made_in_the_forward(make: Callable[[], Tensor]) -> None:
    assert macs(Applied(lambda x: torch.einsum("bchw,cd->bdhw", x, make()))) == 2 * 64 * 3 * 4


def test_literals_keep_their_values() -> None:
    assert (
        macs(
            Applied(
                lambda x: F.conv2d(x, torch.ones(int(torch.tensor([5, 7]).to("cpu", torch.float64).max()), 3, 1, 1))
            )
        )
        == 2 * 64 * 7 * 3
    )


def test_a_tensor_that_was_never_registered() -> None:
    class Hidden(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.filters = torch.ones(4, 3, 3, 3)

        def forward(self, x: Tensor) -> Tensor:
            return F.conv2d(x - torch.tensor(0.5), self.filters).to("cpu")

    module = Hidden()
    assert macs(module) == 2 * 36 * 4 * 27
    assert module.filters.device.type == "cpu"


def test_a_result_written_into_such_a_tensor_is_refused() -> None:
    with pytest.raises(UncountableError, match=r"aten\.add_ writes a result into a tensor"):
        trace(Applied(lambda x: torch.tensor([1.0]).add_(x.sum())))


def test_an_lstm_which_makes_its_first_state_itself() -> None:
    x = torch.empty(5, 2, 6, device="meta")
    assert macs(nn.LSTM(6, 7), x) == 5 * 2 * 4 * 7 * (6 + 7)


BATCH, LENGTH, WIDTH, HIDDEN = 2, 10, 8, 16
PROJECTIONS = BATCH * LENGTH * 4 * WIDTH**2
PRODUCTS = 2 * BATCH * LENGTH**2 * WIDTH


@pytest.mark.parametrize("need_weights", [True, False])
def test_multi_head_attention(*, need_weights: bool) -> None:
    layer = nn.MultiheadAttention(WIDTH, 2, batch_first=True)

    class SelfAttention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: Tensor) -> object:
            return self.layer(x, x, x, need_weights=need_weights)

    assert macs(SelfAttention(), torch.empty(BATCH, LENGTH, WIDTH)) == PROJECTIONS + PRODUCTS


def test_attention_layers_are_never_fused() -> None:
    seen: list[bool] = []
    trace(Applied(lambda _: seen.append(torch.backends.mha.get_fastpath_enabled())))
    assert seen == [False]


@pytest.mark.parametrize("was_enabled", [True, False])
def test_a_transformer_layer_and_the_fast_path_put_back(monkeypatch: pytest.MonkeyPatch, *, was_enabled: bool) -> None:
    was = torch.backends.mha.get_fastpath_enabled()
    try:
        torch.backends.mha.set_fastpath_enabled(was_enabled)
        layer = nn.TransformerEncoderLayer(WIDTH, 2, HIDDEN, batch_first=True)
        feed_forward = 2 * BATCH * LENGTH * WIDTH * HIDDEN
        assert macs(layer, torch.empty(BATCH, LENGTH, WIDTH)) == PROJECTIONS + PRODUCTS + feed_forward
        assert torch.backends.mha.get_fastpath_enabled() is was_enabled
    finally:
        torch.backends.mha.set_fastpath_enabled(was)


@torch.inference_mode()
def in_inference_mode(function: Callable[[], Any]) -> Any:
    return function()


def test_inference_mode_hides_nothing() -> None:
    model = in_inference_mode(lambda: small_model().to("meta"))
    images = in_inference_mode(lambda: torch.empty(2, 3, 8, 8, device="meta"))
    assert macs(model, images) == SMALL_MODEL_MACS
    assert in_inference_mode(lambda: trace(small_model())) == trace(small_model())

    linear = nn.Linear(8, 5)
    assert macs(Applied(lambda x: in_inference_mode(lambda: F.linear(x, linear.weight, linear.bias)))) == 2 * 24 * 40


def test_the_grad_mode_is_put_back() -> None:
    trace(small_model())
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


class NoImage(nn.Module):
    def forward(self) -> Tensor:
        return torch.zeros(1)


class TooSmall(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise ValueError("images must be 64 pixels or more,\nbut these are 8")


@torch.library.custom_op("zoobench_tests::without_fake", mutates_args=())
def without_fake(x: Tensor) -> Tensor:
    return x.clone()


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (Applied(lambda x: x * 2 if x.sum() > 0 else x), "Applied cannot be counted: .*item"),
        (Applied(lambda x: x[x > 0]), "Applied cannot be counted: .*nonzero"),
        (Applied(lambda x: x.unique()), "Applied cannot be counted: .*unique"),
        (Applied(lambda x: x.cpu().numpy()), "Applied cannot be counted: .*numpy"),
        (Applied(lambda x: x.mean().tolist()), "Applied cannot be counted: "),
        (Applied(torch.ops.zoobench_tests.without_fake), "zoobench_tests::without_fake"),
        (NoImage(), "NoImage cannot be counted: .*positional argument"),
        (TooSmall(), "TooSmall cannot be counted: images must be 64 pixels or more, but these are 8$"),
        (nn.Conv2d(4, 4, 3), "Conv2d cannot be counted: .*channel"),
        (nn.LazyConv2d(4, 3), "LazyConv2d cannot be counted: weight is lazy and has no shape yet"),
    ],
    ids=["if", "mask", "unique", "numpy", "tolist", "no fake kernel", "no image", "raises", "wrong shape", "lazy"],
)
@pytest.mark.filterwarnings("ignore:Lazy modules")
def test_what_cannot_be_counted_has_a_reason_of_one_line(module: nn.Module, reason: str) -> None:
    with pytest.raises(UncountableError, match=reason) as refused:
        trace(module)
    assert "\n" not in str(refused.value)
    assert module.training
