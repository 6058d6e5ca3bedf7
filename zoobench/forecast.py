"""What a case will cost, from the cases of the same model that are measured already.

A case whose single call is forecast to take longer than its whole budget is not begun: on a processor without bf16
instructions one training step of a large net takes minutes.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from zoobench.cases import Budget, Case, Mode
from zoobench.records import CaseRecord, Failure, FailureKind
from zoobench.units import format_seconds

STEP_PER_FORWARD_RATIO = 3.0
"""A training step is a forward pass and a backward pass of about twice its multiply-accumulates."""

_COST = {Mode.INFER: 1.0, Mode.TRAIN: STEP_PER_FORWARD_RATIO}


def forecast_call_s(case: Case, finished: Iterable[CaseRecord]) -> float | None:
    """Seconds of one call: in proportion to the batch and the mode of the nearest finished case, None without one."""
    alike = [record for record in finished if _differs_only_in_work(record.case, case) and _latency_s(record)]
    if not alike:
        return None
    nearest = _nearest(case, alike)
    return (_latency_s(nearest) or 0.0) * _work(case) / _work(nearest.case)


def refuse(case: Case, budget: Budget, finished: Iterable[CaseRecord]) -> Failure | None:
    """The reason not to begin the case, if there is one."""
    call_s = forecast_call_s(case, finished)
    if call_s is None or call_s <= budget.max_s or not budget.max_rounds:
        return None
    message = (
        f"not begun: a call is forecast to take {format_seconds(call_s)}, "
        f"the budget is {format_seconds(budget.max_s)}; --zoobench-max-seconds raises it"
    )
    return Failure(kind=FailureKind.OVER_BUDGET, message=message, where="forecast")


def _nearest(case: Case, alike: Iterable[CaseRecord]) -> CaseRecord:
    """The largest that is no larger than the case; the smallest if all are larger."""
    by_work = sorted(alike, key=lambda record: _work(record.case))
    return next((record for record in reversed(by_work) if _work(record.case) <= _work(case)), by_work[0])


def _differs_only_in_work(finished: Case, case: Case) -> bool:
    return msgspec.structs.replace(finished, mode=case.mode, batch=case.batch) == case


def _work(case: Case) -> float:
    return case.batch * _COST[case.mode]


def _latency_s(record: CaseRecord) -> float | None:
    """The shortest: what a disturbance adds is not the case's cost, and must not keep another from being tried."""
    latency = record.measurement("latency")
    return None if latency is None else min(latency.samples)
