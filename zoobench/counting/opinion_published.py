"""What torchvision publishes with its weights: multiply-accumulates and parameters, at the crop size of each."""

from __future__ import annotations

from typing import Final

import msgspec
from torchvision import models

_GIGA: Final = 10**9


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one set of weights. `macs` are rounded to 10^6: three decimals of what it prints as GFLOPS."""

    weights: str
    image_size: int
    macs: int
    parameters: int


def published_figures(name: str) -> tuple[Published, ...]:
    """Of a torchvision classification model, one for each crop size, in the order of its weights."""
    figures = [
        Published(
            weights=weights.name,
            image_size=weights.transforms().crop_size[0],
            macs=round(weights.meta["_ops"] * _GIGA),
            parameters=weights.meta["num_params"],
        )
        for weights in models.get_model_weights(name)
    ]
    by_size: dict[int, Published] = {}
    for figure in figures:
        by_size.setdefault(figure.image_size, figure)
    return tuple(by_size.values())
