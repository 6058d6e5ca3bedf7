"""The nets that torchvision lacks, written from their papers, one file each.

Every net of ours is a plain `nn.Module` whose weights start at PyTorch's default random values.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Final

from torch import nn

from zoobench.zoo.architectures.alexnet_2012 import alexnet_2012
from zoobench.zoo.architectures.lenet5 import lenet5
from zoobench.zoo.architectures.mobilenet_v1 import mobilenet_v1
from zoobench.zoo.architectures.shufflenet_v1 import STAGE_2_WIDTHS, STEM_WIDTHS, shufflenet_v1
from zoobench.zoo.architectures.xception import xception

Constructor = Callable[..., nn.Module]
"""Takes `num_classes: int`, with a default."""

_MOBILENETS: dict[str, Constructor] = {
    f"mobilenet_v1_{percent:03d}": functools.partial(mobilenet_v1, width_multiplier=percent / 100)
    for percent in (100, 75, 50, 25)
}
_SHUFFLENETS: dict[str, Constructor] = {
    f"shufflenet_v1_g{groups}_x{scale}".replace(".", "_"): functools.partial(shufflenet_v1, groups=groups, scale=scale)
    for groups, scale in itertools.product(STAGE_2_WIDTHS, STEM_WIDTHS)
}

CONSTRUCTORS: Final[dict[str, Constructor]] = {
    "lenet5": lenet5,
    "alexnet_2012": alexnet_2012,
    **_MOBILENETS,
    **_SHUFFLENETS,
    "xception": xception,
}
"""Every net of ours by its name in the catalogue."""
