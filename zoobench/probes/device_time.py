"""Time that the device itself works during a call, without the gaps in which it waits for the host."""

from __future__ import annotations

import time
from collections.abc import Iterable

from zoobench.cases import Budget
from zoobench.devices import Result
from zoobench.probes.probe import Probe, Progress
from zoobench.records import Measurement, Unavailable
from zoobench.subject import Subject

DEVICE_TIME = "device_time"


def measure_device_time(subject: Subject, budget: Budget, progress: Progress) -> Iterable[Result]:
    """Some more calls, as a graph of the device's or under its profiler. None where one is longer than the budget."""
    if progress.call_s > budget.max_s:
        reason = f"a call takes {progress.call_s:.1f} s, more than the budget of {budget.max_s:g} s"
        yield Unavailable(metric=DEVICE_TIME, reason=reason)
        return
    began = time.perf_counter()
    result = subject.device.measure_device_time(subject.call, is_capturable=subject.model_call.is_capturable)
    if isinstance(result, Measurement):
        progress.in_calls_s += time.perf_counter() - began
    yield result


PROBE = Probe(name=DEVICE_TIME, metrics=(DEVICE_TIME,), measure=measure_device_time)
