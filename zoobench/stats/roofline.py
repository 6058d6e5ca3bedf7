"""The roofline model: the least time that work takes, by what the device can compute and what it can move.

Williams, Waterman and Patterson, Roofline: an insightful visual performance model for multicore architectures,
Communications of the ACM 52(4), 2009. Work is counted in multiply-accumulates (MACs), not in floating-point operations.

Bytes are the compulsory traffic of tensors: each operator reads what it takes once and writes what it gives once. What
a cache keeps from one operator to the next is not seen, so small tensors may move faster than a copy of large ones
and a share above 1 is no error.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

from zoobench.cases import Case, Mode, Precision
from zoobench.records import COPY, MATRIX_PRODUCT, Breakdown, CaseRecord, Ceiling, Layer

OPERATOR_TIME = "operator_time"
BY_LAYER = "layer"

_FP32_BYTES = 4
_HALF_BYTES = 2


_HOST = "cpu"


class RooflinePoint(msgspec.Struct, frozen=True, kw_only=True):
    """The work of a layer, or of a whole net, in one call, and the seconds that it took.

    `kind` is a `LayerKind`, or empty.
    """

    path: str
    kind: str
    macs: float
    moved_bytes: float
    time_s: float

    @property
    def intensity(self) -> float:
        """MACs a byte moved; infinite for work that moves nothing, 0 for what only moves."""
        if self.moved_bytes > 0:
            return self.macs / self.moved_bytes
        return math.inf if self.macs > 0 else 0.0

    @property
    def macs_per_s(self) -> float:
        """The rate of computing that was achieved."""
        return self.macs / self.time_s

    @property
    def bytes_per_s(self) -> float:
        """The rate of moving that was achieved."""
        return self.moved_bytes / self.time_s


class Roof(msgspec.Struct, frozen=True, kw_only=True):
    """Two ceilings of a device: of its matrix products and of its copies."""

    macs_per_s: float
    bytes_per_s: float

    @property
    def ridge(self) -> float:
        """The intensity, in MACs a byte, from which on computing is the nearer ceiling."""
        return self.macs_per_s / self.bytes_per_s

    def attainable(self, intensity: float) -> float:
        """MACs a second at most, of work of that intensity (the paper's formula 1)."""
        return min(self.macs_per_s, intensity * self.bytes_per_s)

    def compute_s(self, point: RooflinePoint) -> float:
        """Least seconds to compute it."""
        return point.macs / self.macs_per_s

    def move_s(self, point: RooflinePoint) -> float:
        """Least seconds to move its bytes."""
        return point.moved_bytes / self.bytes_per_s

    def least_s(self, point: RooflinePoint) -> float:
        """Least seconds in which it can be done, computing and moving at the same time."""
        return max(self.compute_s(point), self.move_s(point))

    def is_compute_sided(self, point: RooflinePoint) -> bool:
        """Whether computing is the nearer ceiling; work without MACs never is."""
        return point.macs > 0 and self.compute_s(point) >= self.move_s(point)

    def reached(self, point: RooflinePoint) -> float:
        """Share of the nearer ceiling that it reached: the achieved over the attainable rate.

        The same ratio serves work without MACs, whose only rate is of bytes.
        """
        return self.least_s(point) / point.time_s


def roof_of(ceilings: Iterable[Ceiling], case: Case) -> Roof | None:
    """The roof over a case: its device, precision and, on the host, threads. None unless both ceilings are known."""
    over = [ceiling for ceiling in ceilings if ceiling.device == case.device and _has_threads(ceiling, case)]
    multiplied = {ceiling.precision: ceiling.rate for ceiling in over if ceiling.kind == MATRIX_PRODUCT}
    copied = [ceiling.rate for ceiling in over if ceiling.kind == COPY]
    computed = multiplied.get(case.precision) or multiplied.get(case.precision.traits.product)
    return Roof(macs_per_s=computed, bytes_per_s=copied[0]) if computed and copied and copied[0] else None


def points_of(record: CaseRecord, layers: Iterable[Layer]) -> tuple[RooflinePoint, ...]:
    """A point for each layer whose time is recorded, in the order of the layers; none for a training step.

    `layers` are those of the record's model at its size of images, whichever of its cases holds them. Time of modules
    that are not among them stands last, as work of nothing.
    """
    times = layer_times(record)
    if record.case.mode is not Mode.INFER or not times:
        return ()
    known = {layer.path: _point(layer, record.case, times[layer.path]) for layer in layers if times.get(layer.path)}
    unknown = (
        RooflinePoint(path=path, kind="", macs=0.0, moved_bytes=0.0, time_s=time_s)
        for path, time_s in times.items()
        if time_s > 0 and path not in known
    )
    return (*known.values(), *unknown)


def layer_times(record: CaseRecord) -> dict[str, float]:
    """Seconds a call of each module's own operators, as profiled, by the module's path; empty if not measured."""
    return next((_values(each) for each in record.breakdowns if _is_by_layer(each)), {})


def whole(points: Sequence[RooflinePoint], time_s: float) -> RooflinePoint:
    """All of these as one point that took `time_s`: a net, called."""
    return RooflinePoint(
        path="",
        kind="",
        macs=sum(point.macs for point in points),
        moved_bytes=sum(point.moved_bytes for point in points),
        time_s=time_s,
    )


def moved_bytes(layer: Layer, batch: int, precision: Precision) -> float:
    """Bytes that one call of the layer reads and writes: activations for each image, weights once.

    A layer's parameters are taken to be read once a call; buffers, which are small, are counted with the activations.
    """
    of_image = layer.bytes_read + layer.bytes_written
    weights = min(_FP32_BYTES * layer.parameters, layer.bytes_read)
    activation_ratio = (_HALF_BYTES if precision.traits.is_half else _FP32_BYTES) / _FP32_BYTES
    weight_ratio = (_HALF_BYTES if precision.traits.weights != "float32" else _FP32_BYTES) / _FP32_BYTES
    return batch * (of_image - weights) * activation_ratio + weights * weight_ratio


def _point(layer: Layer, case: Case, time_s: float) -> RooflinePoint:
    return RooflinePoint(
        path=layer.path,
        kind=layer.kind,
        macs=float(case.batch * layer.macs),
        moved_bytes=moved_bytes(layer, case.batch, case.precision),
        time_s=time_s,
    )


def _has_threads(ceiling: Ceiling, case: Case) -> bool:
    """The host's threads are the ceiling's own on a CPU alone."""
    return case.device != _HOST or ceiling.threads == case.threads


def _is_by_layer(breakdown: Breakdown) -> bool:
    return (breakdown.metric, breakdown.by) == (OPERATOR_TIME, BY_LAYER)


def _values(breakdown: Breakdown) -> dict[str, float]:
    return breakdown.values
