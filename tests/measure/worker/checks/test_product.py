from __future__ import annotations

import pytest
import torch
from fakes import FakeAsyncDevice

from zoobench.measure.worker.checks import known_work as of_doctor
from zoobench.measure.worker.checks.known_work import LASTING_S, PRODUCT, lasting_product, product_of


def test_it_is_the_product_that_it_is_said_to_be() -> None:
    module, images = product_of(torch.device("cpu"))

    assert module(images).shape == (PRODUCT.n, PRODUCT.m)
    assert torch.allclose(module(images), images @ module.weight.T, atol=1e-4)


@pytest.mark.parametrize(("ratio", "scale"), [(2.0, 1), (1.0, 1), (2**-1, 2), (2**-3, 2), (2**-6, 4), (2**-40, 16)])
def test_a_device_that_is_done_at_once_has_a_larger_one(
    monkeypatch: pytest.MonkeyPatch, ratio: float, scale: int
) -> None:
    """Its time goes with the cube of the sides; a time that is nearly nothing is no reason to be at it for ever."""
    device = FakeAsyncDevice()
    monkeypatch.setattr(of_doctor, "product_call", lambda _: lambda: device.launch(ratio * LASTING_S))

    product = lasting_product(device)

    assert product.macs == scale**3 * PRODUCT.macs
    assert (product.n, product.m, product.k) == (scale * 768, scale * 1280, scale * 1024)
