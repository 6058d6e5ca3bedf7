"""Files in the cache of torch.hub replace published weights: no network, but the real code path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torchvision
from torch import Tensor, nn

from zoobench.cases import BadInputError, catalogue
from zoobench.cases.catalogue import Entry
from zoobench.zoo.build import build_model, build_with_transfer

TORCHVISION = [entry for entry in catalogue.entries() if entry.source == "torchvision"]
Build = Callable[..., nn.Module]
Publish = Callable[..., dict[str, Tensor]]


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Put weights of a model where torchvision finds downloaded ones."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def put(name: str, weights: str, **options: object) -> dict[str, Tensor]:
        url = torchvision.models.get_model_weights(name)[weights].url
        state = torchvision.models.get_model(name, **options).state_dict()
        path = tmp_path / "hub" / "checkpoints" / url.rpartition("/")[2]
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(state, path)
        return state

    return put


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("entry", TORCHVISION, ids=[entry.name for entry in TORCHVISION])
def test_parameters_are_the_published_number(entry: Entry, build_valueless: Build) -> None:
    published = next(iter(torchvision.models.get_model_weights(entry.name))).meta["num_params"]
    if entry.name == "inception_v3":  # the one number that is published with the auxiliary head
        published -= parameters(torchvision.models.inception.InceptionAux(768, 1000))
        assert published == 23_834_568
    assert parameters(build_valueless(entry.name)) == published


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_no_auxiliary_heads_and_sane_values(name: str) -> None:
    model = build_model(name, num_classes=3)
    assert not any("aux" in parameter.lower() for parameter, _ in model.named_parameters())
    weights = [layer.weight for layer in model.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    # PyTorch's default: uniform within 1 / sqrt(fan in), so a standard deviation of 1 / sqrt(3 fan in)
    for weight in weights:
        assert 0.8 < weight.std() * (3 * weight[0].numel()) ** 0.5 < 1.2


def test_weights_fill_the_model(publish: Publish) -> None:
    published = publish("shufflenet_v2_x0_5", "IMAGENET1K_V1")
    built = build_with_transfer("shufflenet_v2_x0_5", weights="IMAGENET1K_V1")
    assert built.transfer is not None
    assert built.transfer.fresh == ()
    assert built.transfer.dropped == {}
    assert all(torch.equal(tensor, published[name]) for name, tensor in built.module.state_dict().items())


def test_default_weights_are_torchvisions_default(publish: Publish) -> None:
    published = publish("mobilenet_v2", "IMAGENET1K_V2")
    model = build_model("mobilenet_v2", weights="DEFAULT")
    assert torch.equal(model.classifier[1].weight, published["classifier.1.weight"])


def test_weights_for_other_classes_leave_the_classifier_fresh(publish: Publish) -> None:
    published = publish("squeezenet1_1", "IMAGENET1K_V1")
    built = build_with_transfer("squeezenet1_1", num_classes=10, weights="IMAGENET1K_V1")
    assert built.transfer is not None
    assert built.transfer.fresh == ("classifier.1.weight", "classifier.1.bias")
    assert built.transfer.dropped["classifier.1.bias"] == "shape (1000,) for (10,)"
    assert torch.equal(built.module.features[0].weight, published["features.0.weight"])


def test_auxiliary_heads_of_weights_are_dropped_and_images_converted(publish: Publish) -> None:
    publish("googlenet", "IMAGENET1K_V1", init_weights=False)
    built = build_with_transfer("googlenet", weights="IMAGENET1K_V1")
    assert built.transfer is not None
    assert built.transfer.fresh == ()
    assert built.module.transform_input
    assert not build_model("googlenet").transform_input


def test_weights_named_in_the_old_way_are_renamed_by_torchvision(publish: Publish, tmp_path: Path) -> None:
    published = publish("densenet121", "IMAGENET1K_V1")
    (path,) = (tmp_path / "hub" / "checkpoints").iterdir()
    counters = {name for name in published if name.endswith("num_batches_tracked")}  # younger than those files
    old = {
        name.replace("norm1", "norm.1").replace("conv1", "conv.1"): tensor
        for name, tensor in published.items()
        if name not in counters
    }
    assert not old.keys() <= published.keys()
    torch.save(old, path)
    built = build_with_transfer("densenet121", weights="IMAGENET1K_V1")
    assert built.transfer is not None
    assert built.transfer.fresh == ()


def test_unknown_weights_list_the_known() -> None:
    with pytest.raises(BadInputError) as caught:
        build_model("resnet50", weights="IMAGENET21K")
    assert str(caught.value) == (
        "unknown weights 'IMAGENET21K' of resnet50: it has IMAGENET1K_V1, IMAGENET1K_V2, DEFAULT"
    )


def test_weights_that_cannot_be_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def unreachable(*_: object, **__: object) -> None:
        raise OSError("network is unreachable")

    monkeypatch.setattr("torch.hub.urlopen", unreachable)
    with pytest.raises(BadInputError, match=r"cannot fetch the weights IMAGENET1K_V1 of resnet18 .* unreachable"):
        build_model("resnet18", weights="IMAGENET1K_V1")


@pytest.mark.usefixtures("no_initialisation")
def test_vision_transformer_has_the_size_of_its_weights(publish: Publish) -> None:
    positions = build_model("vit_b_32", num_classes=2).encoder.pos_embedding
    assert positions.shape[1] == (224 // 32) ** 2 + 1
    published = publish("vit_b_16", "IMAGENET1K_SWAG_E2E_V1", image_size=384)
    built = build_with_transfer("vit_b_16", weights="IMAGENET1K_SWAG_E2E_V1")
    assert built.transfer is not None
    assert built.transfer.fresh == ()
    assert torch.equal(built.module.encoder.pos_embedding, published["encoder.pos_embedding"])
