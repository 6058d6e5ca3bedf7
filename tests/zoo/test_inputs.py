from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from zoobench.cases import BadInputError, ImageSize, catalogue
from zoobench.zoo.inputs import example_images, logits_of


class Headed(NamedTuple):
    aux_logits: Tensor | None
    logits: Tensor
    features: Tensor


def scores(value: int = 0, classes: int = 5) -> Tensor:
    return torch.full((2, classes), float(value))


@pytest.mark.parametrize(("name", "channels"), [("lenet5", 1), ("resnet18", 3)])
def test_images_have_the_models_shape(name: str, channels: int) -> None:
    images = example_images(catalogue.find(name), batch=2, resolution=ImageSize(32, 32), dtype=torch.bfloat16, seed=1)
    assert images.shape == (2, channels, 32, 32)
    assert images.dtype == torch.bfloat16


def test_images_are_standard_normal_and_from_the_seed_alone() -> None:
    entry = catalogue.find("resnet18")
    before = torch.get_rng_state()
    images = example_images(entry, batch=4, resolution=ImageSize(64, 64), seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(7)
    assert torch.equal(example_images(entry, batch=4, resolution=ImageSize(64, 64), seed=3), images)
    assert not torch.equal(example_images(entry, batch=4, resolution=ImageSize(64, 64), seed=4), images)
    # 49,152 draws: the mean's standard error is 0.0045
    assert abs(images.mean()) < 0.02
    assert abs(images.std() - 1) < 0.02


def test_images_need_not_be_square() -> None:
    resolution = ImageSize(height=480, width=640)
    images = example_images(catalogue.find("resnet18"), batch=1, resolution=resolution, device="meta")
    assert images.shape == (1, 3, 480, 640)


def test_images_may_have_no_values() -> None:
    assert example_images(catalogue.find("resnet18"), batch=1, resolution=ImageSize(224, 224), device="meta").is_meta


@pytest.mark.parametrize(
    ("name", "image_size", "bounds"),
    [("vgg16", 31, "at least 32"), ("vit_b_16", 225, "224"), ("lenet5", 36, "32 to 35")],
)
def test_images_the_model_cannot_take(name: str, image_size: int, bounds: str) -> None:
    with pytest.raises(BadInputError, match=rf"image size {image_size} is too .* for {name}: it must be {bounds}$"):
        example_images(catalogue.find(name), batch=1, resolution=ImageSize(image_size, image_size))


def test_a_tensor_is_its_own_logits() -> None:
    logits = scores()
    assert logits_of(logits)[0] is logits


def test_named_logits_come_first_and_features_are_left_out() -> None:
    output = Headed(aux_logits=scores(1), logits=scores(0), features=scores(2))
    assert [tensor[0, 0].item() for tensor in logits_of(output)] == [0, 1]
    assert [tensor[0, 0].item() for tensor in logits_of(output._replace(aux_logits=None))] == [0]


def test_dicts_by_name_else_by_order() -> None:
    output = OrderedDict(loss=torch.zeros(()), aux_logits=scores(1), logits=scores(0), hidden=scores(2, classes=9))
    assert [tensor[0, 0].item() for tensor in logits_of(output)] == [0, 1]
    assert [tensor[0, 0].item() for tensor in logits_of({"out": scores(3), "aux": scores(4)})] == [3, 4]


def test_unnamed_parts_must_have_the_shape_of_the_first() -> None:
    output = (
        scores(0),
        [scores(1), scores(2, classes=512)],
        torch.zeros(2, 5, 4, 4),
        torch.zeros(2, dtype=torch.int64),
    )
    assert [tensor[0, 0].item() for tensor in logits_of(output)] == [0, 1]


@pytest.mark.parametrize(
    ("output", "description"),
    [
        (torch.zeros(2, 5, 7, 7), r"a tensor of shape \(2, 5, 7, 7\) and type float32"),
        (torch.zeros(2, 5, dtype=torch.int64), r"a tensor of shape \(2, 5\) and type int64"),
        ([torch.zeros(3)], r"a list of \(3,\)"),
        ({}, "a dict of no tensors"),
        (None, "a NoneType of no tensors"),
    ],
)
def test_no_logits(output: object, description: str) -> None:
    with pytest.raises(BadInputError, match=f"the model returned {description}, in which no tensor is logits"):
        logits_of(output)
