from __future__ import annotations

import pytest

from zoobench.cases import BadInputError, catalogue
from zoobench.zoo.architectures import CONSTRUCTORS, VARIANTS, Constructor
from zoobench.zoo.build import build_model


@pytest.mark.parametrize(("source", "constructors"), [("zoobench", CONSTRUCTORS), ("papers", VARIANTS)])
def test_every_architecture_is_in_the_catalogue_and_the_other_way_round(
    source: str, constructors: dict[str, Constructor]
) -> None:
    listed = [entry.name for entry in catalogue.entries() if entry.source == source]
    assert sorted(listed) == sorted(constructors)


def test_no_name_is_both_a_model_and_a_variant() -> None:
    assert not CONSTRUCTORS.keys() & VARIANTS.keys()


def test_names_say_what_is_built() -> None:
    unit = CONSTRUCTORS["shufflenet_v1_g8_x0_5"](num_classes=2)
    assert (unit.stages[1][0].branch[0].groups, unit.stem[0].out_channels) == (8, 16)
    assert CONSTRUCTORS["mobilenet_v1_025"](num_classes=2).classifier.in_features == 256
    assert VARIANTS["mobilenet_v2_060"](num_classes=2).features[0][0].out_channels == 24


def test_variants_have_no_published_weights() -> None:
    with pytest.raises(BadInputError, match=r"googlenet_5x5 has no published weights: .* checkpoint="):
        build_model("papers:googlenet_5x5", weights="DEFAULT")
