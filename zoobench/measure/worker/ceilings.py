"""The highest rates that a device reaches: of matrix products in one precision, and of copying.

They are what a roofline is made of (Williams, Waterman and Patterson, Communications of the ACM 52(4), 2009), measured
under the settings of a case that is held against them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator

import msgspec
import torch
from torch import Tensor

from zoobench.cases import Case, Precision
from zoobench.devices import Device, get_device
from zoobench.devices.device import failure_of
from zoobench.measure.messages import Emit
from zoobench.measure.worker.workload import weights_dtype
from zoobench.records import COPY, Ceiling
from zoobench.records.machine import CeilingKey

PRODUCT_SIDES = (512, 1024, 2048, 4096, 8192)
"""Of square matrices. Smaller ones time how threads start and kernels launch; a GPU is busy only with large ones."""

COPY_BYTES = (2**28,)
"""Source and destination together are far beyond the last-level cache of all but the largest servers."""

LIMIT_S = 1.0
"""For a ceiling, in device time: what is emulated, and slow, is seen at the small sizes alone."""

_MOST_REPEATS = 7
_SIZE_LIMIT_S = 0.4
"""For one size, so that there is time for others."""

_SEED = 0


class CeilingWork(msgspec.Struct, frozen=True, kw_only=True):
    """A call that does a known amount: multiply-accumulates, or bytes read and written."""

    name: str
    amount: float
    prepare: Callable[[], Callable[[], object]]


class _Best(msgspec.Struct, frozen=True, kw_only=True):
    """Of the sizes that were tried, the one with the highest rate: its rates, one a repetition."""

    name: str
    rates: tuple[float, ...]

    @property
    def rate(self) -> float:
        return max(self.rates)


def measure_ceilings(wanted: tuple[tuple[CeilingKey, Case], ...], emit: Emit) -> None:
    """Send each `Ceiling`, measured under the settings of the case beside it; a `Failure` where one cannot be."""
    for key, case in wanted:
        device = get_device(case.device)
        try:
            with device.settings(case), torch.inference_mode():
                emit(measure_ceiling(device, key))
        except (RuntimeError, MemoryError) as error:  # what torch raises for want of memory or of a kernel
            emit(failure_of(error, " ".join(filter(None, (key.kind, key.precision)))))


def measure_ceiling(device: Device, key: CeilingKey, sizes: Iterable[int] = ()) -> Ceiling:
    """The best rate over the sizes, which grow until the time is spent. The device's settings are in place already."""
    if key.kind == COPY:
        works = _copies(device, sizes or COPY_BYTES)
    else:
        works = _products(device, weights_dtype(Precision(key.precision)), sizes or PRODUCT_SIDES)
    best = best_of(works, device)
    return Ceiling(
        device=key.device,
        kind=key.kind,
        threads=key.threads,
        precision=key.precision,
        rate=best.rate,
        samples=best.rates,
        method=f"{best.name}, the best of the sizes that {LIMIT_S:g} s allow, quickest of {len(best.rates)} calls",
    )


def best_of(works: Iterable[CeilingWork], device: Device, limit_s: float = LIMIT_S) -> _Best:
    """Try works in order of their amounts. One that would not fit into what is left of the time ends it.

    The first is always measured. How long the next takes is foreseen from the highest rate of any call so far: a call
    that was disturbed must not end it.
    """
    best: _Best | None = None
    spent_s = highest = 0.0
    for work in works:
        if best is not None and spent_s + 2 * work.amount / highest > limit_s:  # a call to warm up, and one to time
            break
        times_s = _repeated(work.prepare(), device, min(_SIZE_LIMIT_S, limit_s - spent_s))
        spent_s += sum(times_s)
        found = _Best(name=work.name, rates=tuple(work.amount / seconds for seconds in times_s[1:]))
        highest = max(highest, *found.rates)
        best = found if best is None or found.rate > best.rate else best
    if best is None:
        raise ValueError("no work was given")
    return best


def _repeated(call: Callable[[], object], device: Device, limit_s: float) -> list[float]:
    """Seconds of each call, the first of which warms up: two at least, then as many as the time allows."""
    times_s = [_timed(call, device) for _ in range(2)]
    while len(times_s) <= _MOST_REPEATS and sum(times_s) + min(times_s) <= limit_s:
        times_s.append(_timed(call, device))
    return times_s


def _timed(call: Callable[[], object], device: Device) -> float:
    """Seconds on the device's timeline, which is idle before, and waited for before it is read."""
    device.wait()
    start = device.mark()
    call()
    end = device.mark()
    device.wait()
    return device.elapsed_s(start, end)


def _products(device: Device, dtype: torch.dtype, sides: Iterable[int]) -> Iterator[CeilingWork]:
    for side in sides:
        name = f"product of {side} × {side} matrices"
        yield CeilingWork(name=name, amount=float(side**3), prepare=functools.partial(_product, device, dtype, side))


def _product(device: Device, dtype: torch.dtype, side: int) -> Callable[[], object]:
    """A matrix of random columns times random rows, by itself: a GPU draws less power, and so runs faster, on zeros."""
    generator = torch.Generator(device.torch_device).manual_seed(_SEED)
    column, row = torch.randn(2, side, generator=generator, device=device.torch_device)
    matrix = torch.outer(column, row).to(dtype)
    product: Tensor = torch.empty_like(matrix)
    return lambda: torch.mm(matrix, matrix, out=product)


def _copies(device: Device, sizes_bytes: Iterable[int]) -> Iterator[CeilingWork]:
    for size in sizes_bytes:
        name = f"copy of {size // 2**20} MiB, read and written"
        yield CeilingWork(name=name, amount=2.0 * size, prepare=functools.partial(_copy, device, size))


def _copy(device: Device, size_bytes: int) -> Callable[[], object]:
    source = torch.ones(size_bytes // torch.float32.itemsize, device=device.torch_device)
    destination = torch.zeros_like(source)
    return lambda: destination.copy_(source)
