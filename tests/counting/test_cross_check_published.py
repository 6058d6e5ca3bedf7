from __future__ import annotations

import pytest
from torchvision import models

from zoobench.measure.worker.probes.counts import published_figures


def test_each_crop_size_has_its_figure() -> None:
    figures = {figure.image_size: figure for figure in published_figures("vit_h_14")}
    assert sorted(figures) == [224, 518]
    assert figures[518].macs == 1_016_717_000_000
    assert figures[224].parameters == 632_045_800


def test_weights_of_one_crop_size_print_one_figure() -> None:
    (figure,) = published_figures("resnet50")
    assert (figure.weights, figure.image_size, figure.macs) == ("IMAGENET1K_V1", 224, 4_089_000_000)


@pytest.mark.parametrize("name", models.list_models(module=models))
def test_figures_of_one_size_do_not_contradict_each_other(name: str) -> None:
    printed = {(w.transforms().crop_size[0], w.meta["_ops"]) for w in models.get_model_weights(name)}
    assert len(printed) == len(published_figures(name))
