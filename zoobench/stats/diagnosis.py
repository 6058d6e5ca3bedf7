"""Why a net is as slow as it is: a call's time, divided by what bounds it.

A layer that comes near to one of its two ceilings (`zoobench.stats.roofline`) is bound by that one. One far below both
is either too small, so that starting it is what takes time, or is computed by a kernel that makes little of the
machine. Beside the layers' work stand

- an operator's fixed cost: dispatch, its result's memory, waking threads. It follows from the record, since the
  quickest layers do hardly more;
- time between operators, in which the interpreter runs;
- launching: the device waits for the host (CUDA: the part of the latency in which no kernel runs);
- allocating: the system's kernel hands out memory, a page fault at a time.

The parts add up to the call, and the largest one is the diagnosis.
"""

from __future__ import annotations

import enum
import statistics
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from zoobench.cases import format_count, format_percent, format_seconds
from zoobench.records import CaseRecord, Ceiling, Layer
from zoobench.records.metrics import LATENCY
from zoobench.stats.findings import PAGE_FAULT_S, PAGE_FAULTS
from zoobench.stats.roofline import Roof, RooflinePoint, points_of, roof_of
from zoobench.stats.summaries import summary_of

DEVICE_TIME = "device_time"
PROFILER_OVERHEAD = "profiler_overhead"
"""Profiled over unprofiled time of a call."""

QUICKEST_RATIO = 0.1
"""The fixed cost is the time below which this share of the layers lies. A smaller one would be a draw of the profiler's
clock; with a larger one, in a net without small layers, a layer's work would count as fixed."""

NEAR_RATIO = 0.25
"""A layer that reaches this share of its nearer ceiling is bound by it. Ceilings are the best that a device does:
edges, blocking and small shapes keep convolutions between a half and all of it, depthwise ones about a third. A kernel
without vector instructions, or on one of many threads, is four times away and more (max pooling in contiguous format
on a CPU: 5 to 7 % of a copy's bandwidth)."""

SHORT_S = 100e-6
"""A layer far below its ceilings that takes less than this is small: starting an operator on several threads,
reordering its weights for the kernel included, takes tens of microseconds on a CPU."""

SECOND_RATIO = 0.5
"""A second part at least this large beside the first is named too: then no one thing bounds the net."""

_MOST_KINDS = 2
_LEAST_NAMED_RATIO = 0.01


class Bound(enum.StrEnum):
    """What a call's time mostly belongs to."""

    COMPUTE = "compute-bound"
    BANDWIDTH = "bandwidth-bound"
    OVERHEAD = "overhead-bound"
    KERNEL = "kernel-bound"
    """Layers that are far below both ceilings, and not because they are small."""

    LAUNCH = "launch-bound"
    ALLOCATOR = "allocator-bound"


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """What bounds a call, and the figures behind it.

    `time_s` is what was divided, and `parts` are the shares of it: they add up to 1. `reached_ratio` is the least time
    of all layers over it, each layer's at most what it took; `compute_reached_ratio` and `bandwidth_reached_ratio` are
    the same of the layers on either side of the ridge, over their own time (None where there are none). `kinds` has the
    kinds of layer with the most time in the part of the bound, with their shares of the call; `fixed_s` is an
    operator's fixed cost, and `between_ratio` the part of the overhead that is outside all layers.
    """

    bound: Bound
    latency_s: float
    time_s: float
    parts: dict[Bound, float]
    reached_ratio: float
    compute_reached_ratio: float | None
    bandwidth_reached_ratio: float | None
    layers: int
    small_layers: int
    fixed_s: float
    between_ratio: float
    page_faults: float
    kinds: dict[str, float]

    @property
    def ratio(self) -> float:
        """The part of the call that belongs to its bound."""
        return self.parts[self.bound]

    def __str__(self) -> str:
        """One line: the bound and the figures behind it, then the second largest part if it is not much smaller."""
        second = max(_NAMES.keys() - {self.bound}, key=lambda each: self.parts[each])
        is_near = self.parts[second] >= SECOND_RATIO * self.ratio
        more = f"; next {_NAMES[second]}, {_percent(self.parts[second])}" if is_near else ""
        return f"{self.bound.value}: {_REASONS[self.bound](self)}{more}"


def diagnose(
    points: Sequence[RooflinePoint],
    roof: Roof,
    latency_s: float,
    *,
    profiled_s: float | None = None,
    device_time_s: float | None = None,
    page_faults: float = 0.0,
) -> Diagnosis:
    """The diagnosis of a call of `latency_s` whose layers are `points`.

    `profiled_s` is what a call took under the profiler that timed the layers. No call is quicker for being profiled:
    where it was, the machine was, and that call is divided. Where the sum of the layers exceeds the call, it is.
    `device_time_s` is that of the device's kernels alone, on a device that runs beside the host.
    Raises: ValueError without points.
    """
    if not points:
        raise ValueError("no layer was timed, so nothing can be diagnosed")
    fixed_s = fixed_cost_s(points)
    in_layers_s = sum(point.time_s for point in points)
    call_s = latency_s if profiled_s is None else min(latency_s, profiled_s)
    busy_s = max(in_layers_s, call_s if device_time_s is None else min(device_time_s, call_s))
    time_s = max(busy_s, call_s)
    work = list(_divide(points, roof, fixed_s))
    parts_s = _sums(work) | {Bound.LAUNCH: time_s - busy_s}
    parts_s[Bound.OVERHEAD] += busy_s - in_layers_s
    ratios = _with_allocator({bound: part_s / time_s for bound, part_s in parts_s.items()}, page_faults, time_s)
    bound = max(ratios, key=lambda each: ratios[each])
    return Diagnosis(
        bound=bound,
        latency_s=latency_s,
        time_s=time_s,
        parts=ratios,
        reached_ratio=sum(_least_s(point, roof) for point in points) / time_s,
        compute_reached_ratio=_reached([point for point in points if roof.is_compute_sided(point)], roof),
        bandwidth_reached_ratio=_reached([point for point in points if not roof.is_compute_sided(point)], roof),
        layers=len(points),
        small_layers=sum(_bound_of(point, roof) is Bound.OVERHEAD for point in points),
        fixed_s=fixed_s,
        between_ratio=(busy_s - in_layers_s) / time_s * (1.0 - ratios[Bound.ALLOCATOR]),
        page_faults=page_faults,
        kinds=_kinds(work, bound, time_s),
    )


def diagnose_case(record: CaseRecord, layers: Iterable[Layer], ceilings: Iterable[Ceiling]) -> Diagnosis | None:
    """The diagnosis of a case; None unless its latency, its layers' times and its ceilings were measured.

    `layers` are those of its model at its size of images.
    """
    roof, latency = roof_of(ceilings, record.case), record.measurement(LATENCY)
    points = points_of(record, layers)
    if roof is None or latency is None or not points:
        return None
    faults = latency.covariates.get(PAGE_FAULTS)
    latency_s = summary_of(latency).median
    overhead = record.measurement(PROFILER_OVERHEAD)
    return diagnose(
        points,
        roof,
        latency_s,
        profiled_s=None if overhead is None else min(overhead.samples) * latency_s,
        device_time_s=_median_of(record, DEVICE_TIME),
        page_faults=0.0 if faults is None else statistics.median(faults) / latency.calls_per_sample,
    )


def _median_of(record: CaseRecord, metric: str) -> float | None:
    measurement = record.measurement(metric)
    return None if measurement is None else summary_of(measurement).median


def fixed_cost_s(points: Sequence[RooflinePoint]) -> float:
    """Seconds that the quickest layers take, of those that move anything (a view costs less); at most `SHORT_S`."""
    times = sorted(point.time_s for point in points if point.moved_bytes > 0)
    return min(times[int(QUICKEST_RATIO * len(times))], SHORT_S) if times else 0.0


class _Part(msgspec.Struct, frozen=True):
    """Some of a layer's time, and what it belongs to."""

    kind: str
    bound: Bound
    time_s: float


def _divide(points: Iterable[RooflinePoint], roof: Roof, fixed_s: float) -> Iterator[_Part]:
    """Each layer's time above its least one, up to an operator's fixed cost (all of it in a small layer), and the rest.

    A layer has one operator at least; that some have several is not seen.
    """
    for point in points:
        bound, excess_s = _bound_of(point, roof), point.time_s - _least_s(point, roof)
        overhead_s = excess_s if bound is Bound.OVERHEAD else min(excess_s, fixed_s)
        yield _Part(point.kind, Bound.OVERHEAD, overhead_s)
        yield _Part(point.kind, _side(point, roof) if bound is Bound.OVERHEAD else bound, point.time_s - overhead_s)


def _bound_of(point: RooflinePoint, roof: Roof) -> Bound:
    if roof.reached(point) >= NEAR_RATIO:
        return _side(point, roof)
    return Bound.OVERHEAD if point.time_s < SHORT_S else Bound.KERNEL


def _side(point: RooflinePoint, roof: Roof) -> Bound:
    return Bound.COMPUTE if roof.is_compute_sided(point) else Bound.BANDWIDTH


def _sums(work: Iterable[_Part]) -> dict[Bound, float]:
    sums = dict.fromkeys(Bound, 0.0)
    for part in work:
        sums[part.bound] += part.time_s
    return sums


def _least_s(point: RooflinePoint, roof: Roof) -> float:
    """What a cache holds moves faster than the ceiling of copies: it took no less than it took."""
    return min(roof.least_s(point), point.time_s)


def _with_allocator(ratios: dict[Bound, float], page_faults: float, time_s: float) -> dict[Bound, float]:
    """Faults happen inside the other parts, in proportion to their time, as far as is known."""
    allocating = min(page_faults * PAGE_FAULT_S / time_s, 1.0)
    rest = {bound: ratio * (1.0 - allocating) for bound, ratio in ratios.items()}
    return {**rest, Bound.ALLOCATOR: allocating}


def _reached(points: Sequence[RooflinePoint], roof: Roof) -> float | None:
    time_s = sum(point.time_s for point in points)
    return sum(_least_s(point, roof) for point in points) / time_s if time_s else None


def _kinds(work: Iterable[_Part], bound: Bound, time_s: float) -> dict[str, float]:
    """The kinds of layer with the most time in that part, and their shares of the call."""
    shares: dict[str, float] = {}
    for part in work:
        if part.bound is bound and part.kind:
            shares[part.kind] = shares.get(part.kind, 0.0) + part.time_s / time_s
    most = sorted(shares.items(), key=lambda item: -item[1])[:_MOST_KINDS]
    return {kind: share for kind, share in most if share >= _LEAST_NAMED_RATIO}


def _compute_reason(found: Diagnosis) -> str:
    return (
        f"{_percent(found.ratio)} of a call is computing{_listed(found.kinds)}, at "
        f"{_percent(found.compute_reached_ratio)} of the rate of a large matrix product"
    )


def _bandwidth_reason(found: Diagnosis) -> str:
    return (
        f"{_percent(found.ratio)} of a call is in layers that wait for memory{_listed(found.kinds)}, at "
        f"{_percent(found.bandwidth_reached_ratio)} of the bandwidth of a large copy"
    )


def _kernel_reason(found: Diagnosis) -> str:
    return (
        f"{_percent(found.ratio)} of a call is in layers{_listed(found.kinds)} whose kernels reach less than "
        f"{_percent(NEAR_RATIO)} of either ceiling"
    )


def _overhead_reason(found: Diagnosis) -> str:
    return (
        f"{_percent(found.ratio)} of a call is no work: {_percent(found.between_ratio)} between its "
        f"{found.layers} layers, the rest in starting them; {found.small_layers} are too small to come near a ceiling"
        f"{_listed(found.kinds)}"
    )


def _launch_reason(found: Diagnosis) -> str:
    return f"for {_percent(found.ratio)} of a call the device has nothing to do and waits for the host"


def _allocator_reason(found: Diagnosis) -> str:
    return (
        f"about {_percent(found.ratio)} of a call goes into {format_count(found.page_faults)} page faults, "
        f"at {format_seconds(PAGE_FAULT_S)} each"
    )


_REASONS = {
    Bound.COMPUTE: _compute_reason,
    Bound.BANDWIDTH: _bandwidth_reason,
    Bound.KERNEL: _kernel_reason,
    Bound.OVERHEAD: _overhead_reason,
    Bound.LAUNCH: _launch_reason,
    Bound.ALLOCATOR: _allocator_reason,
}

_NAMES = {
    Bound.COMPUTE: "computing",
    Bound.BANDWIDTH: "waiting for memory",
    Bound.KERNEL: "slow kernels",
    Bound.OVERHEAD: "starting operators",
    Bound.LAUNCH: "waiting for the host",
    Bound.ALLOCATOR: "page faults",
}
"""The parts, in words."""


def _percent(ratio: float | None) -> str:
    return format_percent(ratio, digits=0)


def _listed(kinds: dict[str, float]) -> str:
    return f" ({', '.join(f'{kind} {_percent(share)}' for kind, share in kinds.items())})" if kinds else ""
