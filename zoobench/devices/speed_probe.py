"""The speed probe: a fixed computation on the host's processors, timed again and again. It shows other load.

On a virtual machine a neighbour's load shows in nothing that the guest can count: a processor that is another's
second hardware thread runs slower by half, without steal and without a context switch. It shows in the pace of work
that never changes. The work is of the kind that the host does in a call: it computes, or it launches.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

_SIDE = 256
"""Of the square matrices whose product is computed: 0.2 ms on two cores, long enough for every thread to work on, and
small enough (768 KiB) to leave most of a net's data in the caches."""

_LAUNCHES = 500
"""Some 0.1 ms. On a virtual machine, three readings in four are within 1 % of the tenth that is quickest; of a hundred
launches, within 2.6 %."""

_LEAST_INTERVAL_S = 0.01
"""A reading younger than this is used again: calls of a tenth of a millisecond shall not wait for each."""

_TIMES = 2
"""The better of so many is the reading: a thread that woke up late once has not slowed the machine down."""


class MatrixProduct:
    """Of two matrices, on the threads in use. Nothing is allocated before the first."""

    def __init__(self) -> None:
        self.matrices: tuple[torch.Tensor, ...] = ()

    def __call__(self) -> None:
        if not self.matrices:
            self.matrices = tuple(torch.ones(_SIDE, _SIDE) for _ in range(3))
        one, other, product = self.matrices
        with torch.inference_mode():
            torch.mm(one, other, out=product)


class Launches:
    """Operators that compute next to nothing: what they take is the way to the kernel, through Python and torch."""

    def __init__(self) -> None:
        self.number = torch.zeros(())

    def __call__(self) -> None:
        with torch.inference_mode():
            for _ in range(_LAUNCHES):
                self.number.zero_()


class Reference:
    """Times a computation, which is made once for nothing before each reading: it brings data and threads in."""

    def __init__(self, compute: Callable[[], None], clock: Callable[[], float] = time.perf_counter) -> None:
        self._compute = compute
        self._clock = clock
        self._last: tuple[float, float] | None = None

    def read_s(self) -> float:
        """Seconds that it takes now."""
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
