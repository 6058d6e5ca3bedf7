"""A matrix product of known size: whether its multiply-accumulates are counted, and how many a second are done."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import torch
from torch import Tensor, nn

from zoobench.cases.options import usable_threads
from zoobench.counting import count_forward
from zoobench.devices import Device
from zoobench.devices.device import interval_s
from zoobench.measure.messages import Effort, Emit, example_case
from zoobench.measure.worker.checks import as_in_a_case, rounded, rounds_for
from zoobench.measure.worker.workload import SEED
from zoobench.records import Measurement, MetricResult, Unavailable

# The matrix product that the doctor calls: of known size, and on any device long enough to be timed.


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


def examine_known_work(device_name: str, effort: Effort, emit: Emit) -> None:
    """Send `known_macs_error`, `product_rate` and `thread_efficiency`."""
    emit(measure_count())
    all_threads = usable_threads()
    product, rates = measure_rates(device_name, all_threads, effort.product_s)
    method = f"matrix product of {product.n} × {product.k} by {product.k} × {product.m} in fp32, {all_threads} threads"
    emit(Measurement(metric="product_rate", samples=rates, method=method))
    emit(_thread_efficiency(device_name, all_threads, rates, effort))


def measure_count() -> Measurement:
    """What `zoobench.counting` counts over what there is, less 1."""
    module, images = product_of(torch.device("meta"))
    counted = count_forward(module, images).macs
    method = f"zoobench.counting, {PRODUCT.macs} known"
    return Measurement(metric="known_macs_error", samples=(counted / PRODUCT.macs - 1,), method=method)


def measure_rates(device_name: str, threads: int, seconds: float) -> tuple[Product, tuple[float, ...]]:
    """A product that lasts on that device, and its multiply-accumulates a second in each round."""
    with as_in_a_case(example_case(device_name, threads=threads)) as device:
        product = lasting_product(device)
        rounds = rounds_for(seconds, product_call(device, product), device)
        return product, tuple(product.macs / r.device_s for r in rounds)


def thread_efficiencies(rates: tuple[float, ...], rate_of_one: float, threads: int) -> tuple[float, ...]:
    """Rate a thread, over that of a thread alone."""
    return tuple(rounded(rate / threads / rate_of_one) for rate in rates)


def _thread_efficiency(device_name: str, threads: int, rates: tuple[float, ...], effort: Effort) -> MetricResult:
    metric = "thread_efficiency"
    if device_name != "cpu":
        return Unavailable(metric=metric, reason="the threads of the host do not compute on another device")
    if threads == 1:
        return Unavailable(metric=metric, reason="this process may use one thread only")
    alone = sorted(measure_rates(device_name, 1, effort.product_s)[1])
    rate_of_one = alone[len(alone) // 2]
    return Measurement(
        metric=metric,
        samples=thread_efficiencies(rates, rate_of_one, threads),
        method=f"as product_rate, {threads} threads against the median of one",
    )
