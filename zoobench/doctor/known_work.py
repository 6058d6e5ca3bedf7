"""A matrix product of known size: whether its multiply-accumulates are counted, and how many a second are done."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from zoobench.counting import count_forward
from zoobench.devices import Device, Result
from zoobench.doctor.effort import Effort
from zoobench.doctor.example import example_case
from zoobench.doctor.surroundings import as_in_a_case, rounded, rounds_for
from zoobench.isolate import Tell
from zoobench.options import usable_threads
from zoobench.records import Measurement, Unavailable
from zoobench.subject import SEED

N, M, K = 768, 1280, 1024
"""Three sides that differ, so that no other product of two of them passes for theirs; some 10 ms on two cores."""

KNOWN_MACS = N * M * K


def examine_known_work(device_name: str, effort: Effort, tell: Tell) -> None:
    """Tell `known_macs_error`, `product_rate` and `thread_efficiency`."""
    tell(measure_count())
    all_threads = usable_threads()
    rates = measure_rates(device_name, all_threads, effort.product_s)
    method = f"matrix product of {N} × {K} by {K} × {M} in fp32"
    tell(Measurement(metric="product_rate", samples=rates, method=f"{method}, {all_threads} threads"))
    tell(_thread_efficiency(device_name, all_threads, rates, effort))


def measure_count() -> Measurement:
    """What `zoobench.counting` counts over what there is, less 1."""
    module, images = product_of(torch.device("meta"))
    counted = count_forward(module, images).macs
    return Measurement(
        metric="known_macs_error", samples=(counted / KNOWN_MACS - 1,), method=f"zoobench.counting, {KNOWN_MACS} known"
    )


def measure_rates(device_name: str, threads: int, seconds: float) -> tuple[float, ...]:
    """Multiply-accumulates a second of each round."""
    with as_in_a_case(example_case(device_name, threads=threads)) as device:
        return tuple(KNOWN_MACS / r.device_s for r in rounds_for(seconds, product_call(device), device))


def product_of(device: torch.device) -> tuple[nn.Linear, Tensor]:
    """The product, as a layer without bias and what it takes."""
    torch.manual_seed(SEED)
    return nn.Linear(K, M, bias=False, device=device), torch.randn(N, K, device=device)


def product_call(device: Device) -> Callable[[], object]:
    """A call of it on that device."""
    module, images = product_of(device.torch_device)
    return lambda: module(images)


def thread_efficiencies(rates: tuple[float, ...], rate_of_one: float, threads: int) -> tuple[float, ...]:
    """Rate a thread, over that of a thread alone."""
    return tuple(rounded(rate / threads / rate_of_one) for rate in rates)


def _thread_efficiency(device_name: str, threads: int, rates: tuple[float, ...], effort: Effort) -> Result:
    metric = "thread_efficiency"
    if device_name != "cpu":
        return Unavailable(metric=metric, reason="the threads of the host do not compute on another device")
    if threads == 1:
        return Unavailable(metric=metric, reason="this process may use one thread only")
    alone = sorted(measure_rates(device_name, 1, effort.product_s))
    rate_of_one = alone[len(alone) // 2]
    return Measurement(
        metric=metric,
        samples=thread_efficiencies(rates, rate_of_one, threads),
        method=f"as product_rate, {threads} threads against the median of one",
    )
