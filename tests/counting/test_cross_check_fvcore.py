from __future__ import annotations

from math import prod

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from zoobench.counting import By, count_forward, divide, trace_pass
from zoobench.counting.cross_check import ATTENTION, CrossCheck, count_by_fvcore, explain

BATCH_NORM_AN_ELEMENT = 2
LAYER_NORM_AN_ELEMENT = 5
"""fvcore/nn/jit_handles.py: batchnorm_flop_jit in eval mode with scale and shift; norm_flop_counter."""

MODELS = [
    "resnet18",
    "shufflenet_v2_x0_5",
    "squeezenet1_1",
    "efficientnet_b0",
    "regnet_y_400mf",
    "vit_b_32",
    "swin_t",
]


class Elements(dict[type, int]):
    """Elements of the inputs of layers of a type."""

    def watch(self, module: nn.Module) -> None:
        for part in module.modules():
            part.register_forward_pre_hook(self._add)

    def _add(self, part: nn.Module, args: tuple[Tensor, ...]) -> None:
        kind = nn.LayerNorm if isinstance(part, nn.LayerNorm) else type(part)
        if args and isinstance(args[0], Tensor):
            self[kind] = self.get(kind, 0) + args[0].numel()


def fvcore_count(module: nn.Module, *shape: int) -> CrossCheck:
    return count_by_fvcore(module, torch.zeros(shape))


def test_a_convolution_and_a_linear_layer_count_as_ours() -> None:
    model = nn.Sequential(nn.Conv2d(4, 8, 3, groups=2), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 10))
    cross_check = fvcore_count(model, 1, 4, 8, 8)
    assert cross_check.by_operator == {"conv": 8 * 36 * 2 * 9, "linear": 8 * 36 * 10}
    assert cross_check.macs == count_forward(model, torch.empty(1, 4, 8, 8)).macs
    assert cross_check.unsupported == {}


def test_what_it_leaves_out_is_named_with_its_calls() -> None:
    model = nn.Sequential(nn.Softmax(1), nn.Softmax(1), nn.Tanh())
    assert fvcore_count(model, 1, 4).unsupported == {"aten::softmax": 2, "aten::tanh": 1}


def test_normalisation_counts_in_eval_mode_whatever_the_mode_before() -> None:
    cross_check = fvcore_count(nn.BatchNorm2d(3).train(), 1, 3, 4, 4)
    assert cross_check.by_operator == {"batch_norm": BATCH_NORM_AN_ELEMENT * 3 * 16}


def test_torchs_fused_attention_layer_is_off_for_the_count_alone() -> None:
    before = torch.backends.mha.get_fastpath_enabled()
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).requires_grad_(requires_grad=False)
    cross_check = fvcore_count(layer, 1, 5, 8)
    assert f"aten::{ATTENTION}" in cross_check.unsupported
    assert cross_check.by_operator["linear"] == 5 * 8 * (3 * 8 + 8 + 16 + 16)
    assert torch.backends.mha.get_fastpath_enabled() == before


@pytest.mark.parametrize("name", MODELS)
def test_the_terms_are_what_its_handlers_count(name: str) -> None:
    """Each term is computed from the shapes of layers, not from the difference itself."""
    model = models.get_model(name)
    cross_check = fvcore_count(model, 1, 3, 224, 224)
    elements = Elements()
    elements.watch(model)
    difference = explain(cross_check, divide(trace_pass(model, torch.empty(1, 3, 224, 224)), By.OPERATOR))
    terms = dict(difference.terms)
    assert terms.pop("batch_norm", 0) == BATCH_NORM_AN_ELEMENT * elements.get(nn.BatchNorm2d, 0)
    assert terms.pop("layer_norm", 0) == LAYER_NORM_AN_ELEMENT * elements.get(nn.LayerNorm, 0)
    assert terms.pop("adaptive_avg_pool2d", 0) == elements.get(nn.AdaptiveAvgPool2d, 0)
    assert -terms.pop(ATTENTION, 0) == attention_products(name)
    assert not terms
    assert difference.remainder == 0


def attention_products(name: str) -> int:
    """Scores and their product with the values: 2 × layers × length² × width, where torch's own attention is used."""
    if not name.startswith("vit"):
        return 0
    layers, length, width = 12, (224 // 32) ** 2 + 1, 768
    return prod((2, layers, length, length, width))
