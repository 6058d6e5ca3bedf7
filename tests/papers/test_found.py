from __future__ import annotations

import pytest
from synthetic import make_case, make_record

from zoobench.cases import ImageSize, ModelRef
from zoobench.papers.found import Counted, Net, collect_counted, map_text
from zoobench.records import Layer, LayerKind


def layer(path: str, kind: str = "", **numbers: int) -> Layer:
    plain = {"macs": 0, "activations": 0, "parameters": 0, "weights": 0}
    return Layer(path, "Module", kind, **{**plain, **numbers}, input_shape=(1, 3, 8, 8), output_shape=(1, 4, 4, 2))


COUNTED = Counted(
    (
        layer(""),
        layer("stem", LayerKind.CONVOLUTION, macs=100, parameters=11, weights=10),
        layer("stem.norm", LayerKind.NORMALISATION, parameters=4),
        layer("stem2", LayerKind.POINTWISE, macs=30, parameters=6, weights=6),
        layer("classifier", LayerKind.FULLY_CONNECTED, macs=7, parameters=8, weights=7),
    )
)


def test_sums_are_over_all_layers() -> None:
    assert (COUNTED.macs, COUNTED.parameters, COUNTED.weights) == (137, 29, 23)


def test_a_part_is_a_module_and_what_is_below_it_but_not_its_namesakes() -> None:
    assert [each.path for each in COUNTED.part("stem").layers] == ["stem", "stem.norm"]
    assert COUNTED.part("") == COUNTED


@pytest.mark.parametrize("kind", LayerKind)
def test_a_kind_and_all_others_make_up_the_whole(kind) -> None:
    assert COUNTED.of_kind(kind).macs + COUNTED.without(kind).macs == COUNTED.macs
    assert COUNTED.of_kind(kind).parameters + COUNTED.without(kind).parameters == COUNTED.parameters


def test_convolutions_are_of_every_such_kind() -> None:
    assert [each.path for each in COUNTED.convolutions] == ["stem", "stem2"]


def test_a_path_that_no_layer_has_is_an_error() -> None:
    with pytest.raises(KeyError, match="neck"):
        COUNTED.layer("neck")


def test_maps_are_written_as_the_papers_write_them() -> None:
    assert map_text((1, 96, 111, 110)) == "111x110x96"
    assert map_text((1, 1024)) == "1x1x1024"


def test_nets_are_told_apart_by_model_and_picture_and_the_first_record_with_layers_counts() -> None:
    model = ModelRef("torchvision", "alexnet")
    records = (
        make_record(make_case("alexnet")),
        make_record(make_case("alexnet", batch=8), layers=COUNTED.layers),
        make_record(make_case("alexnet", batch=9), layers=COUNTED.layers[:2]),
        make_record(make_case("alexnet", image_size=480, image_width=640), layers=COUNTED.layers[:1]),
    )
    zoo = collect_counted(records)
    assert set(zoo) == {Net(model, ImageSize(224, 224)), Net(model, ImageSize(480, 640))}
    assert zoo[Net(model, ImageSize(224, 224))] == COUNTED


def test_sums_of_layers_are_the_counts_of_the_whole_pass(zoo) -> None:
    net = Net(ModelRef("torchvision", "mobilenet_v2"), ImageSize(224, 224))
    assert (zoo[net].macs, zoo[net].parameters) == (300_774_272, 3_504_872)
