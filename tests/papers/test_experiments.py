from __future__ import annotations

from zoobench.cases import catalogue
from zoobench.papers.experiments import NETS, counted_models, printed_net_of
from zoobench.papers.published import figures
from zoobench.papers.remarks import is_static, why_not_comparable

LISTED = {
    "SqueezeNet": ("1", "2", "3"),
    "MobileNet V1": ("1", "2", "3", "4", "5", "6", "7", "8", "9"),
    "ShuffleNet V1": ("1", "2", "5", "6", "8"),
    "Xception": ("3",),
    "MobileNetV2": ("2", "4"),
    "ShuffleNetV2": ("5", "8"),
}
"""Tables whose facts of nets must be judged."""


def test_only_nets_that_are_not_in_the_zoo_have_no_experiment_in_the_compared_tables() -> None:
    listed = [each for each in figures() if each.table.removeprefix("Table ") in LISTED.get(each.paper, ())]
    without = {each.model.split(" ")[0] for each in listed if is_static(each) and not printed_net_of(each)}
    assert without == {
        *("NasNet-A", "NASNet-A", "PNASNet-5", "DenseNet", "Xception", "CondenseNet"),
        *("IGCV2-0.25", "IGCV2-0.5", "IGCV2-1.0", "IGCV3-D"),
    }


def test_every_figure_has_a_net_or_a_reason() -> None:
    assert all(printed_net_of(figure) or why_not_comparable(figure) for figure in figures())


def test_every_net_stands_for_a_printed_row() -> None:
    rows = {
        (figure.paper, name) for figure in figures() for name in (figure.model, f"{figure.model} | {figure.variant}")
    }
    assert {(paper, row) for paper, nets in NETS.items() for row in nets} <= rows


def test_every_net_is_in_the_catalogue_and_takes_such_pictures() -> None:
    for model, resolution in counted_models():
        catalogue.check_image_size(catalogue.find(str(model)), resolution)


def test_models_to_count_are_listed_once() -> None:
    assert len(counted_models()) == len(set(counted_models()))


def test_printed_sizes_of_pictures_are_those_that_are_counted() -> None:
    """But for AlexNet and SqueezeNet, whose maps need 227 pixels where papers print 224."""
    for figure in figures():
        setup = printed_net_of(figure)
        if setup and is_static(figure) and figure.image_size:
            assert str(setup.net.resolution) == figure.image_size or figure.model == "AlexNet", figure.id
