"""Models that torchvision does not have, written from their papers.

Each is a plain `nn.Module` with random weights, initialised by PyTorch's defaults, or by torchvision's where its
classes are used.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Final

from torch import nn

from zoobench.zoo.architectures.alexnet_2012 import alexnet_2012
from zoobench.zoo.architectures.lenet5 import lenet5
from zoobench.zoo.architectures.mobilenet_v1 import mobilenet_v1, mobilenet_v1_conv, mobilenet_v1_shallow
from zoobench.zoo.architectures.shufflenet_v1 import STAGE_2_WIDTHS, STEM_WIDTHS, shufflenet_v1, shufflenet_v1_shallow
from zoobench.zoo.architectures.variants import (
    googlenet_5x5,
    mobilenet_v2,
    shufflenet_v2_x2_0_se,
    squeezenet1_0_bypass,
    squeezenet1_0_conv10_pad1,
)
from zoobench.zoo.architectures.xception import xception

Constructor = Callable[..., nn.Module]
"""Called with `num_classes: int`, which has a default."""

_MOBILENETS: dict[str, Constructor] = {
    f"mobilenet_v1_{percent:03d}": functools.partial(mobilenet_v1, width_multiplier=percent / 100)
    for percent in (100, 75, 50, 25)
}
_SHUFFLENETS: dict[str, Constructor] = {
    f"shufflenet_v1_g{groups}_x{scale}".replace(".", "_"): functools.partial(shufflenet_v1, groups=groups, scale=scale)
    for groups, scale in itertools.product(STAGE_2_WIDTHS, STEM_WIDTHS)
}
_MOBILENETS_V2: dict[str, Constructor] = {
    f"mobilenet_v2_{percent:03d}": functools.partial(mobilenet_v2, width_multiplier=percent / 100)
    for percent in (140, 75, 60, 40, 15)
}

CONSTRUCTORS: Final[dict[str, Constructor]] = {
    "lenet5": lenet5,
    "alexnet_2012": alexnet_2012,
    **_MOBILENETS,
    **_SHUFFLENETS,
    "xception": xception,
}
"""Models of the source `zoobench`, by their names in the catalogue."""

VARIANTS: Final[dict[str, Constructor]] = {
    "googlenet_5x5": googlenet_5x5,
    "squeezenet1_0_conv10_pad1": squeezenet1_0_conv10_pad1,
    "squeezenet1_0_simple_bypass": functools.partial(squeezenet1_0_bypass, is_complex=False),
    "squeezenet1_0_complex_bypass": functools.partial(squeezenet1_0_bypass, is_complex=True),
    "mobilenet_v1_conv": mobilenet_v1_conv,
    "mobilenet_v1_shallow": mobilenet_v1_shallow,
    **_MOBILENETS_V2,
    "shufflenet_v1_g3_x0_5_shallow": shufflenet_v1_shallow,
    "shufflenet_v1_g3_x2_0_se": functools.partial(shufflenet_v1, groups=3, scale=2.0, is_excited=True),
    "shufflenet_v2_x2_0_se": shufflenet_v2_x2_0_se,
}
"""Models of the source `papers`: rows of the papers' tables that no zoo has, by their names in the catalogue."""
