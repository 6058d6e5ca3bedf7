from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from zoobench.cases import BadInputError, ImageSize, ModelRef, UnknownNameError, catalogue
from zoobench.cases.catalogue import Entry
from zoobench.zoo.build import build_model, build_with_transfer
from zoobench.zoo.inputs import example_images, logits_of

EVERY = [entry for entry in catalogue.entries() if entry.source in ("torchvision", "zoobench", "papers")]
TRAINED = [entry for entry in EVERY if entry.is_default or entry.source == "papers"]
SMALLEST_TRAINED = 64
"""Side in pixels of images that are large enough to train, two at a time, any model that accepts small images."""

Build = Callable[..., nn.Module]


def named(entries: list[Entry]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("entry", entries, ids=[entry.name for entry in entries])


def blank_images(entry: Entry, image_size: int) -> Tensor:
    return torch.empty(2, entry.channels, image_size, image_size, device="meta")


def claimed_sizes(entry: Entry) -> set[int]:
    """The native size; for the default suite, which has a model of each of our families, also the bounds."""
    if entry.is_default:
        return {entry.image_size, entry.min_image_size, entry.max_image_size or entry.image_size + 33}
    return {entry.image_size}


def is_ours_by_default(entry: Entry) -> bool:
    return entry.source == "zoobench" and entry.is_default


@named(EVERY)
@torch.no_grad()
def test_every_model_scores_images_of_the_sizes_it_claims(entry: Entry, build_valueless: Build) -> None:
    model = build_valueless(entry.name)
    classes = 10 if entry.name == "lenet5" else 1000
    for image_size in claimed_sizes(entry):
        (logits,) = logits_of(model(blank_images(entry, image_size)))
        assert logits.shape == (2, classes)


@named([entry for entry in EVERY if is_ours_by_default(entry) or entry.max_image_size is not None])
def test_sizes_beyond_those_claimed_fail(entry: Entry, build_valueless: Build) -> None:
    model = build_valueless(entry.name)
    beyond = [entry.min_image_size - 1] if is_ours_by_default(entry) else []
    beyond += [entry.max_image_size + 1] if entry.max_image_size is not None else []
    for image_size in beyond:
        with pytest.raises((RuntimeError, AssertionError)):
            model(blank_images(entry, image_size))


@named(TRAINED)
def test_default_suite_and_variants_train_on_a_real_batch(entry: Entry) -> None:
    image_size = max(entry.min_image_size, SMALLEST_TRAINED) if entry.max_image_size is None else entry.min_image_size
    model = build_model(entry.name, num_classes=4).train()
    images = example_images(entry, batch=2, resolution=ImageSize(image_size, image_size))
    (logits,) = logits_of(model(images))
    assert logits.shape == (2, 4)
    nn.functional.cross_entropy(logits, torch.tensor([0, 3])).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())
    assert any(parameter.grad.abs().sum() > 0 for parameter in model.parameters())


@pytest.mark.parametrize("name", ["resnet18", "torchvision:resnet18", ModelRef("torchvision", "resnet18")])
def test_models_are_named_by_text_or_reference(name: str | ModelRef) -> None:
    built = build_with_transfer(name, num_classes=7)
    assert built.module.fc.out_features == 7
    assert built.entry == catalogue.find("resnet18")
    assert built.transfer is None
    assert built.module.training


def test_the_caller_seeds() -> None:
    def weights(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return build_model("lenet5").c1.weight

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))
    assert not torch.equal(build_model("lenet5").c1.weight, build_model("lenet5").c1.weight)


def test_unknown_models_and_sources() -> None:
    with pytest.raises(UnknownNameError, match="unknown model 'resnet19': did you mean resnet18"):
        build_model("resnet19")
    with pytest.raises(UnknownNameError, match="unknown model 'torchvision:resnet19'"):
        build_model(ModelRef("torchvision", "resnet19"))
    with pytest.raises(UnknownNameError, match="unknown source of models 'torchvison': did you mean torchvision"):
        build_model(ModelRef("torchvison", "resnet18"))


def test_weights_or_a_checkpoint_not_both(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="choose one"):
        build_model("resnet18", weights="DEFAULT", checkpoint=tmp_path / "a.pth")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    torch.save({"state_dict": build_model("shufflenet_v1_g3_x0_25").state_dict()}, tmp_path / "shuffle.pth")
    return tmp_path / "shuffle.pth"


def test_checkpoint_of_the_same_classes_fills_everything(checkpoint: Path) -> None:
    built = build_with_transfer("shufflenet_v1_g3_x0_25", checkpoint=checkpoint)
    saved = torch.load(checkpoint)["state_dict"]
    assert built.transfer is not None
    assert built.transfer.dropped == {}
    assert built.transfer.fresh == ()
    assert all(torch.equal(tensor, saved[name]) for name, tensor in built.module.state_dict().items())


def test_checkpoint_of_other_classes_leaves_the_classifier_fresh(checkpoint: Path) -> None:
    built = build_with_transfer("shufflenet_v1_g3_x0_25", num_classes=10, checkpoint=str(checkpoint))
    assert built.transfer is not None
    assert built.transfer.fresh == ("classifier.weight", "classifier.bias")
    assert built.transfer.dropped == {
        "classifier.weight": "shape (1000, 240) for (10, 240)",
        "classifier.bias": "shape (1000,) for (10,)",
    }


def test_checkpoint_of_another_model(checkpoint: Path) -> None:
    count = len(torch.load(checkpoint)["state_dict"])
    with pytest.raises(BadInputError, match=f"shuffle.pth is not a checkpoint of lenet5: none of its {count} tensors"):
        build_model("lenet5", checkpoint=checkpoint)


def test_our_own_models_have_no_published_weights() -> None:
    with pytest.raises(BadInputError, match=r"xception has no published weights: .* checkpoint="):
        build_model("xception", weights="DEFAULT")


def test_building_starts_no_thread_and_leaves_torchs_settings() -> None:
    before = (threading.active_count(), torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads())
    build_model("lenet5")
    build_model("squeezenet1_1")
    after = (threading.active_count(), torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads())
    assert after == before
