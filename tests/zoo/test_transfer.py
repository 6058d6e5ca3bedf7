from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from zoobench.zoo.weights import transfer


def test_agreeing_tensors_are_copied_and_the_rest_is_reported() -> None:
    source, target = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 5)), nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    kept = target[1].weight.clone()
    report = transfer({**source.state_dict(), "2.weight": torch.zeros(1)}, target)
    assert report.transferred == ("0.weight", "0.bias")
    assert report.dropped == {
        "1.weight": "shape (5, 4) for (2, 4)",
        "1.bias": "shape (5,) for (2,)",
        "2.weight": "not in the model",
    }
    assert report.fresh == ("1.weight", "1.bias")
    assert torch.equal(target[0].weight, source[0].weight)
    assert torch.equal(target[1].weight, kept)


def test_buffers_are_transferred_and_values_converted() -> None:
    source, target = nn.BatchNorm2d(3), nn.BatchNorm2d(3)
    source(torch.randn(4, 3, 2, 2))
    halves = {
        name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in source.state_dict().items()
    }
    assert transfer(halves, target).fresh == ()
    assert target.running_mean.dtype == torch.float32
    assert torch.equal(target.running_mean, source.running_mean.half().float())
    assert target.num_batches_tracked == 1


def test_trainable_parameters_stay_trainable_leaves() -> None:
    target = nn.Linear(2, 2)
    transfer(nn.Linear(2, 2).state_dict(), target)
    assert target.weight.requires_grad
    assert target.weight.is_leaf


SHAPES = st.lists(st.sampled_from([(2,), (4,), (2, 2)]), max_size=4)


@given(offered=SHAPES, own=SHAPES)
def test_every_name_is_accounted_for_once(offered: list[tuple[int, ...]], own: list[tuple[int, ...]]) -> None:
    module = nn.Module()
    for index, shape in enumerate(own):
        module.register_parameter(f"p{index}", nn.Parameter(torch.zeros(shape)))
    tensors = {f"p{index}": torch.full(shape, 7.0) for index, shape in enumerate(offered)}
    report = transfer(tensors, module)
    assert sorted((*report.transferred, *report.dropped)) == sorted(tensors)
    assert sorted((*report.transferred, *report.fresh)) == sorted(module.state_dict())
    for name, parameter in module.named_parameters():
        assert (parameter == (7.0 if name in report.transferred else 0.0)).all()
