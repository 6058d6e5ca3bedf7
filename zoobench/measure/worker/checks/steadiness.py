"""The same work again and again: whether the processor keeps its pace, and whether others take its time."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import psutil

from zoobench.devices import Device, get_device
from zoobench.devices.speed_probe import Launches
from zoobench.measure.messages import Effort, Emit, example_case
from zoobench.measure.worker.checks import as_in_a_case, covariates_of, rounded, rounds_for
from zoobench.measure.worker.checks.known_work import lasting_product, product_call
from zoobench.measure.worker.rounds import HOST_CLOCK, Clock
from zoobench.records import Measurement, MetricResult, Unavailable

# The same operators launched again and again: a call that waits for the host follows the host's pace.
#
# Small nets at small batches are such calls on a GPU. What slows the host down for a while shows in them alone.


METRIC = "launch_pace"


def examine_launching(device_name: str, effort: Effort, emit: Emit) -> None:
    """Send `launch_pace`."""
    with as_in_a_case(example_case(device_name)) as device:
        emit(measure_launching(device, effort.pace_s))


def measure_launching(device: Device, seconds: float) -> MetricResult:
    """The time of `Launches` in each piece of work; they are made on the host, and timed there."""
    if not device.has_own_timeline():
        return Unavailable(metric=METRIC, reason="on a CPU the host is the device: see the pace")
    method = "operators that compute next to nothing, in pieces one after the other"
    pace = measure_pace(Launches(), get_device("cpu"), seconds)
    return msgspec.structs.replace(pace, metric=METRIC, method=method)


PIECE_S = 0.01
"""What a piece of work should take at least: long beside a clock's step, short beside a spell of other load."""


def examine_steadiness(device_name: str, effort: Effort, emit: Emit) -> None:
    """Send `pace`, and the `steal` meanwhile."""
    with as_in_a_case(example_case(device_name)) as device:
        before = read_steal()
        emit(measure_pace(product_call(device, lasting_product(device)), device, effort.pace_s))
        emit(steal_between(before, read_steal()))


def measure_pace(call: Callable[[], object], device: Device, seconds: float, clock: Clock = HOST_CLOCK) -> Measurement:
    """The time of one call in each piece of work; a piece is as many calls as take `PIECE_S`."""
    call_s = min(r.device_s for r in rounds_for(0.0, call, device, clock))
    calls = max(1, round(PIECE_S / call_s)) if call_s > 0 else 1

    def piece() -> None:
        for _ in range(calls):
            call()

    rounds = rounds_for(seconds, piece, device, clock)
    return Measurement(
        metric="pace",
        samples=tuple(rounded(r.device_s / calls) for r in rounds),
        method="the same matrix product, in pieces one after the other",
        calls_per_sample=calls,
        covariates=covariates_of(rounds),
    )


class ProcessorTime(tuple[float, float]):
    """Seconds of all processors so far: stolen, and in all."""

    __slots__ = ()


def read_steal() -> ProcessorTime | str:
    """Time of all processors so far, or why it is not known."""
    try:
        times = psutil.cpu_times()
    except OSError as error:
        return f"processor times cannot be read: {error.strerror or error}"
    if not hasattr(times, "steal"):
        return "this system does not tell what a hypervisor takes"
    guest_s = times.guest + times.guest_nice  # counted in user and nice too (proc(5))
    return ProcessorTime((times.steal, sum(times) - guest_s))


def steal_between(before: ProcessorTime | str, after: ProcessorTime | str) -> MetricResult:
    """Share of the time between two readings that was stolen."""
    if isinstance(before, str) or isinstance(after, str):
        reason = before if isinstance(before, str) else str(after)
        return Unavailable(metric="steal", reason=reason)
    stolen_s, passed_s = (late - early for early, late in zip(before, after, strict=True))
    if passed_s <= 0:
        return Unavailable(metric="steal", reason="the kernel counted no processor time meanwhile")
    method = "/proc/stat over the repeated work"
    return Measurement(metric="steal", samples=(max(0.0, stolen_s) / passed_s,), method=method)
