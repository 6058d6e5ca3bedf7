"""MobileNet v2 at the widths of the papers' tables.

M. Sandler et al., "MobileNetV2: Inverted residuals and linear bottlenecks", arXiv:1801.04381, 2018, table 4 (width
1.4); N. Ma et al., "ShuffleNet V2", arXiv:1807.11164, 2018, table 8 (1.4, 0.75, 0.6, 0.4 and 0.15, "our impl.").

The net is torchvision's, and so is the rule for widths, which is that of the authors' code: channels are rounded to a
multiple of 8, never by more than a tenth downwards, and the last convolution keeps its 1280 below width 1. ShuffleNet
V2's implementation is not public, and no rule tried gives all its figures. In millions of multiply-accumulates:

| width | pixels | here | printed |
|---|---|---|---|
| 1.4 | 224 | 582.2 | 585 (MobileNetV2, table 4), 587 |
| 0.75 | 192 | 153.9 | 145 |
| 0.6 | 224 | 151.0 | 141 |
| 0.4 | 160 | 41.8 | 43 |
| 0.15 | 224 | 30.6 | 39 |

At width 1.4 there are 6,108,776 parameters, 6,060,840 without batch normalisation, as the authors' page says (6.06
million); table 4 prints 6.9 million, which no convention gives.
"""

from __future__ import annotations

from torchvision.models import MobileNetV2


def mobilenet_v2(num_classes: int = 1000, *, width_multiplier: float) -> MobileNetV2:
    """MobileNet v2 with random weights."""
    return MobileNetV2(num_classes, width_mult=width_multiplier)
