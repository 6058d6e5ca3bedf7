"""A fixed computation on the host's processors, timed again and again: its pace tells what else the machine does.

On a virtual machine a neighbour's load shows in nothing that the guest can count: a processor that is another's
second hardware thread runs slower by half, without steal and without a context switch. It shows in the pace of work
that never changes.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

_SIDE = 256
"""Of the square matrices whose product is the computation: 0.2 ms on two cores, long enough for every thread to work
on, and small enough (768 KiB) to leave most of a net's data in the caches."""

_LEAST_INTERVAL_S = 0.01
"""A reading younger than this is told again: calls of a tenth of a millisecond shall not wait for each."""

_TIMES = 2
"""The better of so many is the reading: a thread that woke up late once has not slowed the machine down."""


class ReferenceProduct:
    """Times the product of two matrices on the threads in use. Nothing is allocated before the first reading."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._last: tuple[float, float] | None = None
        self._matrices: tuple[torch.Tensor, ...] = ()

    def read_s(self) -> float:
        """Seconds that it takes now."""
        now = self._clock()
        if self._last is not None and now - self._last[0] < _LEAST_INTERVAL_S:
            return self._last[1]
        if not self._matrices:
            self._matrices = tuple(torch.ones(_SIDE, _SIDE) for _ in range(3))
        self._multiply()  # brings matrices and threads in
        reading_s = min(self._timed_s() for _ in range(_TIMES))
        self._last = (self._clock(), reading_s)
        return reading_s

    def _timed_s(self) -> float:
        began = self._clock()
        self._multiply()
        return self._clock() - began

    def _multiply(self) -> None:
        one, other, product = self._matrices
        with torch.inference_mode():
            torch.mm(one, other, out=product)
