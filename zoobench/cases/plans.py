"""Budgets, the plans of suites, and presets: what is measured when nobody says otherwise."""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec

from zoobench.cases.axes import DeviceFacts, Matrix, MemoryFormat, Mode, Precision
from zoobench.cases.catalogue import DEFAULT_SUITE, EVERYTHING
from zoobench.cases.errors import UnknownNameError


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


# Named matrices: what a suite measures when nobody says otherwise.


DEFAULT = "default"
QUICK = "quick"
NAMES = (QUICK, DEFAULT, "full")

COMPARISON = (
    "alexnet",
    "resnet18",
    "squeezenet1_0",
    "squeezenet1_1",
    "mobilenet_v1_100",
    "mobilenet_v2",
    "shufflenet_v1_g3_x1_0",
    "shufflenet_v2_x1_0",
    "xception",
)
"""The four families of the papers' comparison, and the two nets they compare themselves with."""


def preset(name: str, device: DeviceFacts) -> Matrix:
    """The matrix of that name on that device.

    Raises: UnknownNameError.
    """
    makers = {QUICK: _quick, DEFAULT: _default, "full": _full}
    if name not in makers:
        raise UnknownNameError("preset", name, NAMES)
    return makers[name](device)


def is_timing_only(name: str) -> bool:
    """Whether it leaves out suites of fixed plans and cases that are only counted: the quick one does."""
    return name == QUICK


def _quick(_: DeviceFacts) -> Matrix:
    return Matrix(models=COMPARISON, modes=(Mode.INFER,), batch_sizes=(1,), precisions=(Precision.FP32,))


def _default(device: DeviceFacts) -> Matrix:
    return Matrix(
        models=(DEFAULT_SUITE,),
        modes=(Mode.INFER, Mode.TRAIN),
        batch_sizes=(1, 8, 32, 128) if _is_gpu(device) else (1, 8),
        precisions=(Precision.FP32, Precision(device.amp)),
    )


def _full(device: DeviceFacts) -> Matrix:
    return Matrix(
        models=(EVERYTHING,),
        modes=(Mode.INFER, Mode.TRAIN),
        batch_sizes=(1, 8, 32, 128) if _is_gpu(device) else (1, 8),
        precisions=tuple(Precision(name) for name in device.precisions),
        memory_formats=(MemoryFormat.CONTIGUOUS, MemoryFormat.CHANNELS_LAST),
    )


def _is_gpu(device: DeviceFacts) -> bool:
    return device.name.startswith("cuda")
