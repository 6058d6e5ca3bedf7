"""How long a case may be measured, and suites' plans: a matrix with the budget of its cases."""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec

from zoobench.cases.axes import Matrix


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """How long a case may take and how precise it should become.

    Sampling stops when the interval of the median is within ± `precision_target` (a ratio of the median) with and
    without the last block of rounds, after at least `min_rounds` and `min_s`, or at `max_rounds` or before a block that
    would end past `max_s`, whichever is first; one round is always taken, unless `max_rounds` is 0: then the model is
    built and counted, and never called. Seconds count from the end of the first call, in which kernels are chosen,
    loaded and compiled. `time_limit_s` bounds the whole case, building included: past it the worker is killed.
    `processes` fresh ones measure the case one after the other and have the budget together (see `share`).
    """

    precision_target: float = 0.02
    min_rounds: int = 6
    max_rounds: int = 2000
    min_s: float = 2.0
    max_s: float = 8.0
    max_warmup_s: float = 2.0
    time_limit_s: float = 300.0
    processes: int = 1

    def share(self) -> Budget:
        """The part of it that the sampling loop of one process has: as much of rounds and seconds as each other one."""
        if self.processes == 1:
            return self
        return msgspec.structs.replace(
            self,
            min_rounds=math.ceil(self.min_rounds / self.processes),
            max_rounds=math.ceil(self.max_rounds / self.processes),
            min_s=self.min_s / self.processes,
            max_s=self.max_s / self.processes,
            max_warmup_s=self.max_warmup_s / self.processes,
            processes=1,
        )


SMOKE_BUDGET = Budget(min_rounds=1, max_rounds=1, min_s=0.0, max_s=60.0, max_warmup_s=0.0)
"""One warm-up call, one that settles in the new layout if it is short, and one round: whether a case runs at all."""

COUNT_ONLY = Budget(max_rounds=0)
"""No call: facts of the model alone."""


class Plan(NamedTuple):
    """A matrix and the budget of each of its cases. A suite of several is fixed: options only narrow it."""

    matrix: Matrix
    budget: Budget
