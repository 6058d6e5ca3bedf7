"""Tasks that sample in a fresh process, run by `zoobench.measure.executor`. Each is called with a `Tell` last."""

from __future__ import annotations

import os
import time

from zoobench.cases import Budget
from zoobench.devices import CpuDevice
from zoobench.measure.messages import Emit
from zoobench.measure.worker.rounds import CallPhase
from zoobench.measure.worker.timing_loop import sample
from zoobench.records import Measurement

NOTICED_S = 0.2
"""Between two looks at the clock: so long is a pause."""

_CALL_S = 0.005
_BUDGET = Budget(precision_target=0.0, min_rounds=64, max_rounds=64, max_warmup_s=0.0, max_s=60.0)
"""One warm-up call and eight blocks of eight rounds."""


def paused_round(number: int, emit: Emit) -> None:
    """In the round of that number, tell who this is and go on as soon as it was paused; then tell the latency."""
    calls = 0

    def call() -> None:
        nonlocal calls
        if calls == number:  # the first, 0, is warm-up's
            last = time.perf_counter()  # it may be stopped before it has told all
            emit(os.getpid())
            _spin_until_paused(last)
        calls += 1
        _spin(_CALL_S)

    sampled = sample([CallPhase("latency", call)], CpuDevice(), _BUDGET)
    emit(
        Measurement(
            metric="latency",
            samples=tuple(r.device_s for r in sampled.rounds),
            method="with a pause",
            covariates=sampled.covariates,
            block_sizes=sampled.block_sizes,
        )
    )


def _spin(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


def _spin_until_paused(last: float) -> None:
    while (now := time.perf_counter()) - last < NOTICED_S:
        last = now
