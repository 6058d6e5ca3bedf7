"""Every cost against a closed form, and against torch itself: a product of ones sums to its MACs."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from zoobench.cases import BadInputError
from zoobench.counting import Cost, Counts, UncountableError, costs, count_forward

ATEN = torch.ops.aten


def counted(function: Callable[[Tensor], object], *shape: int) -> Counts:
    class Applied(nn.Module):
        def forward(self, x: Tensor) -> object:
            return function(x)

    return count_forward(Applied(), torch.empty(shape, device="meta"))


def empty(*shape: int) -> Tensor:
    return torch.empty(shape, device="meta")


@pytest.mark.parametrize(
    ("layer", "image", "macs", "activations"),
    [
        pytest.param(nn.Conv2d(3, 64, 7, stride=2, padding=3), (3, 224, 224), 118_013_952, 64 * 112**2, id="dense"),
        pytest.param(nn.Conv2d(8, 12, 3, groups=4, padding=1), (8, 10, 10), 100 * 12 * 2 * 9, 1200, id="grouped"),
        pytest.param(nn.Conv2d(8, 8, 3, groups=8, padding=1), (8, 10, 10), 100 * 8 * 9, 800, id="depthwise"),
        pytest.param(nn.Conv2d(8, 16, 3, groups=8), (8, 10, 10), 64 * 16 * 9, 1024, id="depthwise, two filters each"),
        pytest.param(nn.Conv2d(8, 4, 3, stride=3), (8, 11, 11), 9 * 4 * 8 * 9, 36, id="strided, remainder left over"),
        pytest.param(nn.Conv2d(8, 4, 3, dilation=2), (8, 10, 10), 36 * 4 * 8 * 9, 144, id="dilated"),
        pytest.param(nn.Conv2d(8, 4, 1), (8, 10, 10), 100 * 4 * 8, 400, id="pointwise"),
        pytest.param(nn.Conv2d(8, 4, (1, 5)), (8, 10, 10), 60 * 4 * 8 * 5, 240, id="one-sided"),
        pytest.param(nn.Conv1d(4, 6, 5), (4, 20), 16 * 6 * 4 * 5, 96, id="1d"),
        pytest.param(nn.Conv3d(2, 3, 3, padding=1), (2, 4, 5, 6), 120 * 3 * 2 * 27, 360, id="3d"),
        pytest.param(nn.ConvTranspose2d(8, 4, 3, stride=2), (8, 5, 5), 25 * 8 * 4 * 9, 4 * 11**2, id="transposed"),
        pytest.param(
            nn.ConvTranspose2d(8, 4, 2, stride=2, groups=4), (8, 5, 5), 25 * 8 * 4, 400, id="transposed, grouped"
        ),
        pytest.param(nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"), (3, 8, 8), 64 * 4 * 27, 256, id="reflect"),
    ],
)
def test_convolutions_match_their_closed_form(
    layer: nn.Module, image: tuple[int, ...], macs: int, activations: int
) -> None:
    one, five = (count_forward(layer, empty(batch, *image)) for batch in (1, 5))
    assert (one.macs, one.activations) == (macs, activations)
    assert (five.macs, five.activations) == (5 * macs, 5 * activations)
    assert not one.uncounted


@st.composite
def convolutions(draw: st.DrawFn) -> dict[str, Any]:
    space = draw(st.integers(1, 3))
    small = st.integers(1, 3)
    return {
        "space": space,
        "batch": draw(small),
        "groups": (groups := draw(small)),
        "channels": groups * draw(small),
        "filters": groups * draw(small),
        "kernel": draw(st.tuples(*[small] * space)),
        "stride": draw(st.tuples(*[small] * space)),
        "dilation": draw(st.tuples(*[st.integers(1, 2)] * space)),
        "padding": draw(st.integers(0, 2)),
        "has_bias": draw(st.booleans()),
        "size": draw(st.tuples(*[st.integers(5, 8)] * space)),
    }


@settings(deadline=None, max_examples=60)
@given(convolutions())
def test_a_convolution_of_ones_sums_to_its_macs(c: dict[str, Any]) -> None:
    """Padded with ones before the call, so that padding counts, as in the convention."""
    function = (F.conv1d, F.conv2d, F.conv3d)[c["space"] - 1]
    options = {"stride": c["stride"], "dilation": c["dilation"], "groups": c["groups"]}
    weight = torch.ones(c["filters"], c["channels"] // c["groups"], *c["kernel"])
    padded = torch.ones(c["batch"], c["channels"], *(side + 2 * c["padding"] for side in c["size"]))
    products = function(padded, weight, **options)

    bias = empty(c["filters"]) if c["has_bias"] else None
    found = counted(
        lambda x: function(x, weight.to("meta"), bias, padding=c["padding"], **options),
        *(c["batch"], c["channels"], *c["size"]),
    )
    assert found.macs == products.sum().item()
    assert found.activations == products.numel()


@settings(deadline=None, max_examples=40)
@given(convolutions())
def test_a_transposed_convolution_of_ones_sums_to_its_macs(c: dict[str, Any]) -> None:
    function = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[c["space"] - 1]
    options = {"stride": c["stride"], "dilation": c["dilation"], "groups": c["groups"]}
    weight = torch.ones(c["channels"], c["filters"] // c["groups"], *c["kernel"])
    products = function(torch.ones(c["batch"], c["channels"], *c["size"]), weight, **options)

    found = counted(lambda x: function(x, weight.to("meta"), **options), c["batch"], c["channels"], *c["size"])
    assert found.macs == products.sum().item()
    assert found.activations == products.numel()


@pytest.mark.parametrize(
    ("function", "shape", "macs", "activations"),
    [
        pytest.param(lambda a: ATEN.mm(a, empty(5, 7)), (3, 5), 105, 21, id="mm"),
        pytest.param(lambda a: ATEN.addmm(empty(7), a, empty(5, 7)), (3, 5), 105, 21, id="addmm"),
        pytest.param(lambda a: ATEN._addmm_activation(empty(7), a, empty(5, 7)), (3, 5), 105, 21, id="fused relu"),
        pytest.param(lambda a: ATEN.mm.out(a, empty(5, 7), out=empty(3, 7)), (3, 5), 105, 21, id="mm.out"),
        pytest.param(lambda a: ATEN.bmm(a, empty(2, 5, 7)), (2, 3, 5), 210, 42, id="bmm"),
        pytest.param(lambda a: ATEN.baddbmm(empty(2, 3, 7), a, empty(2, 5, 7)), (2, 3, 5), 210, 42, id="baddbmm"),
        pytest.param(lambda a: ATEN.addbmm(empty(3, 7), a, empty(2, 5, 7)), (2, 3, 5), 210, 21, id="addbmm"),
        pytest.param(lambda a: ATEN.mv(a, empty(5)), (3, 5), 15, 3, id="mv"),
        pytest.param(lambda a: ATEN.addmv(empty(3), a, empty(5)), (3, 5), 15, 3, id="addmv"),
        pytest.param(lambda a: ATEN.dot(a, empty(5)), (5,), 5, 1, id="dot"),
        pytest.param(lambda a: F.linear(a, empty(7, 5), empty(7)), (3, 5), 105, 21, id="linear"),
        pytest.param(lambda a: F.linear(a, empty(7, 5)), (2, 3, 5), 210, 42, id="linear 3-D, no bias"),
        pytest.param(lambda a: F.linear(a, empty(7, 5), empty(7)), (2, 3, 4, 5), 840, 168, id="linear 4-D"),
        pytest.param(lambda a: F.linear(a, empty(7, 5), empty(7)), (5,), 35, 7, id="linear 1-D"),
        pytest.param(lambda a: a @ empty(2, 1, 5, 7), (3, 4, 5), 2 * 3 * 4 * 35, 2 * 3 * 28, id="matmul, broadcast"),
        pytest.param(lambda a: torch.einsum("bij,kj->bik", a, empty(7, 5)), (2, 3, 5), 210, 42, id="einsum"),
    ],
)
def test_matrix_products_match_their_closed_form(
    function: Callable[[Tensor], object], shape: tuple[int, ...], macs: int, activations: int
) -> None:
    found = counted(function, *shape)
    assert (found.macs, found.activations) == (macs, activations)


BATCH, HEADS, LENGTH, KEYS, WIDTH = 2, 4, 10, 12, 8
SCORES = BATCH * HEADS * LENGTH * KEYS
ATTENTION = Cost(macs=2 * SCORES * WIDTH, activations=SCORES + BATCH * HEADS * LENGTH * WIDTH)
QUERY = (BATCH, HEADS, LENGTH, WIDTH)
HEADS_LAST = empty(BATCH, KEYS, HEADS, WIDTH)


KERNELS: dict[str, tuple[Any, ...]] = {
    "_scaled_dot_product_flash_attention": (),
    "_scaled_dot_product_flash_attention_for_cpu": (),
    "_scaled_dot_product_efficient_attention": (None, False),
    "_scaled_dot_product_cudnn_attention": (None, False),
    "_scaled_dot_product_fused_attention_overrideable": (),
    "_scaled_dot_product_attention_math": (),
    "_scaled_dot_product_attention_math_for_mps": (),
    "scaled_dot_product_attention": (),
}


@pytest.mark.parametrize("kernel", KERNELS)
def test_attention_costs_the_same_by_whichever_kernel(kernel: str) -> None:
    if not hasattr(ATEN, kernel):
        pytest.skip(f"this torch has no {kernel}")
    keys = empty(BATCH, HEADS, KEYS, WIDTH)
    found = counted(lambda query: getattr(ATEN, kernel)(query, keys, keys, *KERNELS[kernel]), *QUERY)
    assert Cost(macs=found.macs, activations=found.activations) == ATTENTION


@pytest.mark.parametrize("inference", [True, False])
def test_attention_decomposed_or_whole_is_the_same(*, inference: bool) -> None:
    """In inference_mode the operator is not decomposed; outside it, there are its two products."""
    key, value = empty(BATCH, 2, KEYS, WIDTH), empty(BATCH, 2, KEYS, WIDTH)

    def grouped_queries(q: Tensor) -> Tensor:
        with torch.inference_mode(inference):
            return F.scaled_dot_product_attention(q, key, value, enable_gqa=True)

    found = counted(grouped_queries, *QUERY)
    assert Cost(macs=found.macs, activations=found.activations) == ATTENTION


def test_fused_attention_with_fewer_key_heads_and_another_value_width() -> None:
    found = costs.attention((2, 4, 10, 8), (2, 2, 12, 8), (2, 2, 12, 6), None, False)
    assert found == Cost(macs=2 * 4 * 10 * 12 * (8 + 6), activations=2 * 4 * 10 * (12 + 6))


@pytest.mark.parametrize(
    "function",
    [
        lambda q: ATEN._flash_attention_forward(q, HEADS_LAST, HEADS_LAST, None, None, 10, 12, 0.0, False, False),
        lambda q: ATEN._efficient_attention_forward(
            q, HEADS_LAST, HEADS_LAST, None, None, None, None, None, 0.0, 0, False
        ),
    ],
    ids=["flash", "efficient"],
)
def test_kernels_called_directly_take_heads_after_length(function: Callable[[Tensor], object]) -> None:
    found = counted(function, BATCH, LENGTH, HEADS, WIDTH)
    assert Cost(macs=found.macs, activations=found.activations) == ATTENTION


def test_attention_over_packed_sequences_is_refused() -> None:
    starts = torch.empty(3, dtype=torch.int32, device="meta")
    with pytest.raises(UncountableError, match="lengths are values"):
        counted(
            lambda q: ATEN._flash_attention_forward(q, q, q, starts, starts, 10, 10, 0.0, False, False), 20, 4, WIDTH
        )


@torch.library.custom_op("zoobench_tests::mix", mutates_args=())
def mix(x: Tensor, weight: Tensor) -> Tensor:
    return torch.einsum("bi,ij->bj", x, weight)


@mix.register_fake
def _(x: Tensor, weight: Tensor) -> Tensor:
    return x.new_empty(x.shape[0], weight.shape[1])


def mix_cost(x: costs.Shape, weight: costs.Shape, *, out: costs.Shape) -> Cost:
    return Cost(macs=prod(x) * weight[1], activations=prod(out))


def mixed(x: Tensor) -> Tensor:
    return torch.ops.zoobench_tests.mix(x, empty(5, 7)).relu()


def test_an_operator_without_a_cost_is_listed() -> None:
    found = counted(mixed, 3, 5)
    assert (found.macs, found.activations) == (0, 0)
    assert {name: (left.calls, left.elements) for name, left in found.uncounted.items()} == {
        "aten.relu": (1, 21),
        "zoobench_tests.mix": (1, 21),
    }


@pytest.mark.usefixtures("costs_kept")
def test_a_registered_cost_counts_from_then_on() -> None:
    costs.register(torch.ops.zoobench_tests.mix, mix_cost)
    found = counted(mixed, 3, 5)
    assert (found.macs, found.activations, list(found.uncounted)) == (105, 21, ["aten.relu"])


@pytest.mark.usefixtures("costs_kept")
def test_a_second_cost_is_refused() -> None:
    costs.register(torch.ops.zoobench_tests.mix, mix_cost)
    with pytest.raises(BadInputError, match=r"zoobench_tests.mix already has a cost: pass extra_costs="):
        costs.register(torch.ops.zoobench_tests.mix, mix_cost)


def test_a_cost_for_an_overload_is_refused() -> None:
    with pytest.raises(BadInputError, match="is not an operator: pass one such as"):
        costs.register(torch.ops.aten.relu.default, mix_cost)  # type: ignore[arg-type]


def test_extra_costs_replace_others_for_one_count() -> None:
    layer, x = nn.Linear(5, 7, device="meta"), empty(3, 5)
    doubled = {ATEN.addmm: lambda *_, out: Cost(macs=1, activations=2)}
    assert count_forward(layer, x, extra_costs=doubled).macs == 1
    assert count_forward(layer, x).macs == 105


def test_operators_that_a_torch_release_lacks_are_passed_over() -> None:
    found = costs._present({costs.matrix_product: ("mm", "an_operator_of_the_future")})
    assert found == {ATEN.mm: costs.matrix_product}
