"""SqueezeNet 1.0 as its authors' code has it, and with bypasses.

F. Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size",
arXiv:1602.07360, 2016, section 6, figure 2 and table 3. The net itself is torchvision's.

**conv10 padded.** The authors' deploy.prototxt pads the 1x1 convolution conv10 by one pixel, so that its maps are 15x15
at 227 pixels where table 1 has 13x13: 861,339,936 multiply-accumulates. Twice that is the 1.72 GFLOPs of their page and
the 1700 million that MobileNet's table 9 prints as multiply-adds.

**Bypasses.** Simple: the input of fire modules 3, 5, 7 and 9, which have as many channels in as out, is added to their
output, after its rectification, as the authors' SqueezeNet-Residual has it; no parameter is added (1,248,424). Complex:
the other four have one too, through a 1x1 convolution, here with a bias, as all their convolutions have (1,589,672
parameters). conv10 is as in table 1, not padded. Table 3 prints 4.8, 4.8 and 7.7 MB for none, simple and complex. The
first two are 4.76 MiB in float32. The third is not found: 6.06 MiB, or 6.36 million bytes, is a fifth short. Two
convolutions in each bypass would take 7.72 million bytes, but the text has one.
"""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.models import SqueezeNet, squeezenet1_0
from torchvision.models.squeezenet import Fire


class Bypass(nn.Module):
    """A fire module to whose output its input is added, through a 1x1 convolution if their channels differ."""

    def __init__(self, fire: Fire) -> None:
        super().__init__()
        channels_in, channels_out = _channels(fire)
        self.fire = fire
        self.shortcut = nn.Identity() if channels_in == channels_out else nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, channels_in, H, W) to (N, channels_out, H, W)."""
        joined: Tensor = self.shortcut(maps) + self.fire(maps)
        return joined


def squeezenet1_0_conv10_pad1(num_classes: int = 1000) -> SqueezeNet:
    """SqueezeNet 1.0 with conv10 padded by a pixel, with random weights."""
    net = squeezenet1_0(num_classes=num_classes)
    net.classifier[1] = nn.Conv2d(net.classifier[1].in_channels, num_classes, 1, padding=1)
    return net


def squeezenet1_0_bypass(num_classes: int = 1000, *, is_complex: bool) -> SqueezeNet:
    """SqueezeNet 1.0 with simple bypasses, or with these and complex ones, with random weights."""
    net = squeezenet1_0(num_classes=num_classes)
    for place, layer in enumerate(net.features):
        if isinstance(layer, Fire):
            channels_in, channels_out = _channels(layer)
            if is_complex or channels_in == channels_out:
                net.features[place] = Bypass(layer)
    return net


def _channels(fire: Fire) -> tuple[int, int]:
    """In and out."""
    return fire.squeeze.in_channels, fire.expand1x1.out_channels + fire.expand3x3.out_channels
