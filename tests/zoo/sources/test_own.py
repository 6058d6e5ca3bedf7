from __future__ import annotations

from zoobench import catalogue
from zoobench.zoo.architectures import CONSTRUCTORS


def test_every_architecture_is_in_the_catalogue_and_the_other_way_round() -> None:
    listed = [entry.name for entry in catalogue.entries() if entry.source == "zoobench"]
    assert sorted(listed) == sorted(CONSTRUCTORS)


def test_names_say_what_is_built() -> None:
    unit = CONSTRUCTORS["shufflenet_v1_g8_x0_5"](num_classes=2)
    assert (unit.stages[1][0].branch[0].groups, unit.stem[0].out_channels) == (8, 16)
    assert CONSTRUCTORS["mobilenet_v1_025"](num_classes=2).classifier.in_features == 256
