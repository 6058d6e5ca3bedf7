"""Time that the device itself works during a call, without the gaps in which it waits for the host."""

from __future__ import annotations

from collections.abc import Iterable

from zoobench.cases import Budget
from zoobench.devices import Result
from zoobench.probes.probe import Probe, Progress, count_time
from zoobench.subject import Subject


def measure_device_time(subject: Subject, budget: Budget, progress: Progress) -> Iterable[Result]:  # noqa: ARG001
    """One more call, under the device's profiler."""
    yield subject.device.measure_device_time(count_time(subject, progress))


PROBE = Probe(name="device_time", metrics=("device_time",), measure=measure_device_time)
