"""The matrix product that the doctor calls: of known size, and on any device long enough to be timed."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import torch
from torch import Tensor, nn

from zoobench.devices import Device
from zoobench.devices.interval import interval_s
from zoobench.subject import SEED

LASTING_S = 2.0**-10
"""About 1 ms: what a call should take at least, so that the device is at work and not the host at launching."""

_PROBE_CALLS = 5
_LARGEST_SCALE = 16


class Product(msgspec.Struct, frozen=True):
    """N × K by K × M: three sides that differ, so that no other product of two of them passes for theirs."""

    n: int = 768
    m: int = 1280
    k: int = 1024

    @property
    def macs(self) -> int:
        return self.n * self.m * self.k

    def scaled(self, by: int) -> Product:
        """Each side so many times as long."""
        return Product(by * self.n, by * self.m, by * self.k)


PRODUCT = Product()
"""Some 10 ms on two cores."""


def lasting_product(device: Device) -> Product:
    """The product, its sides so many times as long that a call takes `LASTING_S`: its time goes with their cube."""
    call = product_call(device)
    interval_s(device, call, _PROBE_CALLS)  # to warm up
    call_s = max(interval_s(device, call, _PROBE_CALLS), LASTING_S / _LARGEST_SCALE**3)
    return PRODUCT.scaled(max(1, math.ceil((LASTING_S / call_s) ** (1 / 3))))


def product_of(device: torch.device, product: Product = PRODUCT) -> tuple[nn.Linear, Tensor]:
    """The product, as a layer without bias and what it takes."""
    torch.manual_seed(SEED)
    layer = nn.Linear(product.k, product.m, bias=False, device=device)
    return layer, torch.randn(product.n, product.k, device=device)


def product_call(device: Device, product: Product = PRODUCT) -> Callable[[], object]:
    """A call of it on that device."""
    module, images = product_of(device.torch_device, product)
    return lambda: module(images)
