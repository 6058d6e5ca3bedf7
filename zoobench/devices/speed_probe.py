"""The speed probe: a fixed computation on the host's processors, timed repeatedly to detect interference.

On a virtual machine, no counter of the guest shows a neighbour's load: a processor that shares its core with another
hardware thread runs slower by half, without steal time and without a context switch. The time of constant work shows
it. The work is what the host does in a call: computing, or launching kernels.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

_SIDE = 256
"""Side of the square matrices that are multiplied: 0.2 ms on two cores, long enough to use every thread, and small
enough (768 KiB) to leave most of a model's data in the caches."""

_LAUNCHES = 500
"""About 0.1 ms. On a virtual machine, three readings in four are within 1 % of the fastest tenth; with a hundred
launches, within 2.6 %."""

_LEAST_INTERVAL_S = 0.01
"""A reading younger than this is reused, so that calls of a tenth of a millisecond are not delayed each time."""

_TIMES = 2
"""The reading is the minimum of this many: one late thread does not mean that the machine is slow."""


class MatrixProduct:
    """Product of two matrices, on the threads in use. Matrices are allocated at the first call."""

    def __init__(self) -> None:
        self.matrices: tuple[torch.Tensor, ...] = ()

    def __call__(self) -> None:
        if not self.matrices:
            self.matrices = tuple(torch.ones(_SIDE, _SIDE) for _ in range(3))
        one, other, product = self.matrices
        with torch.inference_mode():
            torch.mm(one, other, out=product)


class Launches:
    """Operators that compute almost nothing: their time is that of launching them through Python and torch."""

    def __init__(self) -> None:
        self.number = torch.zeros(())

    def __call__(self) -> None:
        with torch.inference_mode():
            for _ in range(_LAUNCHES):
                self.number.zero_()


class SpeedProbe:
    """Times a computation; an untimed run before each reading warms up caches and threads."""

    def __init__(self, compute: Callable[[], None], clock: Callable[[], float] = time.perf_counter) -> None:
        self._compute = compute
        self._clock = clock
        self._last: tuple[float, float] | None = None

    def read_s(self) -> float:
        """Seconds that the computation takes now."""
        now = self._clock()
        if self._last is not None and now - self._last[0] < _LEAST_INTERVAL_S:
            return self._last[1]
        self._compute()
        reading_s = min(self._timed_s() for _ in range(_TIMES))
        self._last = (self._clock(), reading_s)
        return reading_s

    def _timed_s(self) -> float:
        began = self._clock()
        self._compute()
        return self._clock() - began
