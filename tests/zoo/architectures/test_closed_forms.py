"""Counts derived by hand for our models (closed_form.csv), each in the convention of its source."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from zoobench.cases import catalogue

ROWS = list(csv.DictReader((Path(__file__).parents[1] / "closed_form.csv").read_text("utf-8").splitlines()))

CountMacs = Callable[[nn.Module, Tensor], int]


def all_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def norm_parameters(module: nn.Module) -> int:
    return sum(all_parameters(part) for part in module.modules() if isinstance(part, nn.BatchNorm2d))


def running_statistics(module: nn.Module) -> int:
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    return sum(norm.running_mean.numel() + norm.running_var.numel() for norm in norms)


def classifier_bias(module: nn.Module) -> int:
    return module.classifier.bias.numel()


PARAMETERS: dict[str, Callable[[nn.Module], int]] = {
    "weights + bias, groups=2 in conv2, conv4, conv5": all_parameters,
    "weights + bias, trainable subsampling left out": all_parameters,
    "BN affine": all_parameters,
    "BN affine, fc bias": all_parameters,
    "PyTorch (BN affine + fc bias)": all_parameters,
    "BN affine, no fc bias": lambda module: all_parameters(module) - classifier_bias(module),
    "conv+fc weights, no BN, no bias": (
        lambda module: all_parameters(module) - norm_parameters(module) - classifier_bias(module)
    ),
    "no BN": lambda module: all_parameters(module) - norm_parameters(module),
    "Keras (plus BN moving stats)": lambda module: all_parameters(module) + running_statistics(module),
    "plus BN moving stats": lambda module: all_parameters(module) + running_statistics(module),
}
WITHOUT_CLASSIFIER = ("conv WITHOUT fc, first pw of stage 2 ungrouped", "conv without fc")


def of_quantity(quantity: str) -> list[object]:
    rows = [row for row in ROWS if row["quantity"] == quantity]
    return [pytest.param(row, id=f"{row['name']}-{row['input']}-{row['convention']}".replace(" ", "_")) for row in rows]


def images_for(row: dict[str, str]) -> Tensor:
    side = int(row["input"])
    return torch.empty(1, catalogue.find(row["name"]).channels, side, side, device="meta")


@pytest.mark.parametrize("row", of_quantity("params"))
def test_parameters_are_the_closed_form(row: dict[str, str], build_valueless: Callable[[str], nn.Module]) -> None:
    assert PARAMETERS[row["convention"]](build_valueless(row["name"])) == int(row["closed_form_value"])


@pytest.mark.parametrize("row", of_quantity("macs"))
def test_macs_are_the_closed_form(
    row: dict[str, str], build_valueless: Callable[[str], nn.Module], count_macs: CountMacs
) -> None:
    module = build_valueless(row["name"])
    macs = count_macs(module, images_for(row))
    if row["convention"] in WITHOUT_CLASSIFIER:
        macs -= module.classifier.weight.numel()
    assert macs == int(row["closed_form_value"])


@pytest.mark.parametrize("row", of_quantity("conv3x3 mac share %"))
def test_share_of_the_dense_convolution_is_the_closed_form(
    row: dict[str, str], build_valueless: Callable[[str], nn.Module], count_macs: CountMacs
) -> None:
    module, images = build_valueless(row["name"]), images_for(row)
    share = count_macs(module.features[0], images) / count_macs(module, images)
    assert round(100 * share, 3) == float(row["closed_form_value"])


def test_every_row_is_tested() -> None:
    tested = [*of_quantity("params"), *of_quantity("macs"), *of_quantity("conv3x3 mac share %")]
    assert len(tested) == len(ROWS) == 55
