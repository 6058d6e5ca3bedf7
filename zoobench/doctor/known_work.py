"""A matrix product of known size: whether its multiply-accumulates are counted, and how many a second are done."""

from __future__ import annotations

import torch

from zoobench.counting import count_forward
from zoobench.devices import Result
from zoobench.doctor.effort import Effort
from zoobench.doctor.example import example_case
from zoobench.doctor.product import PRODUCT, Product, lasting_product, product_call, product_of
from zoobench.doctor.surroundings import as_in_a_case, rounded, rounds_for
from zoobench.isolate import Tell
from zoobench.options import usable_threads
from zoobench.records import Measurement, Unavailable


def examine_known_work(device_name: str, effort: Effort, tell: Tell) -> None:
    """Tell `known_macs_error`, `product_rate` and `thread_efficiency`."""
    tell(measure_count())
    all_threads = usable_threads()
    product, rates = measure_rates(device_name, all_threads, effort.product_s)
    method = f"matrix product of {product.n} × {product.k} by {product.k} × {product.m} in fp32, {all_threads} threads"
    tell(Measurement(metric="product_rate", samples=rates, method=method))
    tell(_thread_efficiency(device_name, all_threads, rates, effort))


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


def _thread_efficiency(device_name: str, threads: int, rates: tuple[float, ...], effort: Effort) -> Result:
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
