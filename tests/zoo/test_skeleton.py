from __future__ import annotations

import resource

import pytest
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from zoobench.cases import BadInputError, ModelRef, UnknownNameError, catalogue
from zoobench.counting import count_forward, count_state
from zoobench.zoo.build import BuildError, build_model
from zoobench.zoo.skeleton import build_skeleton

CHEAP = ["lenet5", "squeezenet1_1", "regnet_y_400mf", "shufflenet_v1_g3_x0_5", "mnasnet0_5"]


class Tied(nn.Module):
    """Two layers with one weight, made from values, so that it is not on the meta device from the start."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(8, 8), nn.Linear(8, 8)
        self.second.weight = self.first.weight = nn.Parameter(torch.ones(8, 8), requires_grad=False)
        self.register_buffer("steps", torch.arange(8), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        output: Tensor = self.second(self.first(images))
        return output


class Calibrated(nn.Module):
    """Reads values it has drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.scale = float(self.layer.weight.std())


class OldStyle(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.Tensor(3, 4))
        self.drawn = nn.Parameter(torch.randn(3, 4) * 0.02)
        nn.init.trunc_normal_(self.weight, std=0.02)
        nn.init.orthogonal_(self.drawn)


class Huge(nn.Module):
    """40 GB of weights."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(100_000, 100_000)


class Lazy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.LazyLinear(4)


def mistaken() -> nn.Module:
    raise LookupError("no such layer")


def factory(named: object) -> str:
    return f"{__name__}:{named.__name__}"  # type: ignore[attr-defined]


def on_meta(module: nn.Module) -> bool:
    return all(tensor.is_meta for tensor in (*module.parameters(), *module.buffers()))


@pytest.mark.parametrize("name", CHEAP)
def test_a_skeleton_has_the_names_and_shapes_of_the_model(name: str) -> None:
    model, skeleton = build_model(name), build_skeleton(name)
    assert on_meta(skeleton)
    assert skeleton.training
    assert {key: (value.shape, value.dtype) for key, value in skeleton.state_dict().items()} == {
        key: (value.shape, value.dtype) for key, value in model.state_dict().items()
    }


@pytest.mark.parametrize("entry", catalogue.entries(), ids=lambda entry: entry.name)
def test_every_model_of_the_catalogue_has_a_skeleton_that_can_be_counted(entry: catalogue.Entry) -> None:
    skeleton = build_skeleton(entry.ref)
    assert on_meta(skeleton)
    resolution = (entry.image_size, entry.image_size)
    assert count_forward(skeleton, torch.empty(1, entry.channels, *resolution, device="meta")).macs > 0


def test_the_number_of_classes_is_as_requested() -> None:
    assert build_skeleton(ModelRef("torchvision", "alexnet"), num_classes=7).classifier[6].out_features == 7


def test_the_random_state_is_left_alone() -> None:
    before = torch.get_rng_state()
    build_skeleton("alexnet")
    assert torch.equal(before, torch.get_rng_state())


def test_tied_weights_stay_tied_and_frozen_ones_frozen() -> None:
    skeleton = build_skeleton(factory(Tied))
    assert on_meta(skeleton)
    assert skeleton.first.weight is skeleton.second.weight
    assert not skeleton.first.weight.requires_grad
    assert "steps" not in skeleton.state_dict()
    assert count_state(skeleton) == count_state(Tied())


def test_a_constructor_that_reads_its_weights_is_run_as_it_is() -> None:
    skeleton = build_skeleton(factory(Calibrated))
    assert on_meta(skeleton)
    assert skeleton.scale > 0


def test_tensors_made_the_old_way_or_drawn_are_empty_too() -> None:
    skeleton = build_skeleton(factory(OldStyle))
    assert on_meta(skeleton)
    assert skeleton.drawn.shape == (3, 4)


def test_weights_larger_than_the_machine_take_no_memory() -> None:
    build_skeleton("lenet5")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    skeleton = build_skeleton(factory(Huge))
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert skeleton.layer.weight.numel() == 10**10
    assert grown_kib < 10_000


def test_a_lazy_layer_stays_lazy() -> None:
    assert is_lazy(build_skeleton(factory(Lazy)).layer.weight)


def test_an_error_of_the_factory_names_the_factory() -> None:
    with pytest.raises(BuildError, match="LookupError: no such layer"):
        build_skeleton(factory(mistaken))


@pytest.mark.parametrize(
    ("name", "classes", "error"), [("alexnot", None, UnknownNameError), (factory(Tied), 3, BadInputError)]
)
def test_what_build_model_refuses_is_refused(name: str, classes: int | None, error: type[Exception]) -> None:
    with pytest.raises(error):
        build_skeleton(name, num_classes=classes)
