"""Fabricated runs of nets whose layers were timed on a machine with known ceilings; measured by nobody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
from synthetic import make_case, make_record, make_run, measurement

from zoobench.records import Breakdown, CaseRecord, Ceiling, Layer, LayerKind
from zoobench.records.store import StoredRun

CEILINGS = tuple(
    Ceiling(device="cpu", kind=kind, threads=2, rate=rate, samples=(rate,), method="fabricated", precision=precision)
    for kind, rate, precision in (
        ("matrix-product", 5e10, "fp32"),
        ("matrix-product", 1e11, "bf16"),
        ("copy", 1.6e10, ""),
    )
)


class Part(NamedTuple):
    """A layer of one image: work, and the milliseconds that it takes in a batch of one."""

    kind: LayerKind
    mmacs: float
    megabytes: float
    ms: float


NETS = {
    "resnet18": (
        Part(LayerKind.CONVOLUTION, 1800.0, 60.0, 45.0),
        Part(LayerKind.NORMALISATION, 0.0, 20.0, 1.5),
        Part(LayerKind.ACTIVATION, 0.0, 20.0, 1.5),
        Part(LayerKind.POOLING, 0.0, 4.0, 3.0),
        Part(LayerKind.FULLY_CONNECTED, 0.5, 2.0, 0.2),
    ),
    "mobilenet_v2": (
        Part(LayerKind.POINTWISE, 270.0, 50.0, 7.0),
        Part(LayerKind.DEPTHWISE, 20.0, 40.0, 6.0),
        Part(LayerKind.NORMALISATION, 0.0, 54.0, 5.0),
        Part(LayerKind.ADD, 0.0, 6.0, 0.6),
    ),
    "squeezenet1_1": (Part(LayerKind.CONVOLUTION, 349.0, 20.0, 9.0), Part(LayerKind.POOLING, 0.0, 12.0, 40.0)),
    "alexnet": (
        Part(LayerKind.CONVOLUTION, 655.0, 14.0, 15.0),
        Part(LayerKind.FULLY_CONNECTED, 58.6, 235.0, 16.0),
        Part(LayerKind.ACTIVATION, 0.0, 5.0, 0.2),
    ),
}
"""Bound by computing, by bandwidth, by a slow kernel, and by bandwidth again; about 51, 19, 49 and 31 ms."""


def layers_of(name: str) -> tuple[Layer, ...]:
    """A layer a part, of one image in fp32; nothing of them is weights."""
    return tuple(
        Layer(
            path=f"features.{place}", type="Module", kind=part.kind.value, macs=round(1e6 * part.mmacs), activations=1,
            parameters=0, weights=0, input_shape=(1,), output_shape=(1,), bytes_read=round(5e5 * part.megabytes),
            bytes_written=round(5e5 * part.megabytes),
        )
        for place, part in enumerate(NETS[name])
    )  # fmt: skip


def profiled(name: str, *, factor: float = 1.0, has_layers: bool = True, **axes: object) -> CaseRecord:
    """A case whose layers take their parts' time for each image, times a factor, and the call 2 % more."""
    case = make_case(name, **axes)
    times = {f"features.{i}": 1e-3 * factor * case.batch * part.ms for i, part in enumerate(NETS[name])}
    latency_s = 1.02 * sum(times.values())
    samples = [latency_s * (1 + 0.001 * step) for step in range(-4, 5)]
    facts = [measurement("macs", float(round(1e6 * sum(part.mmacs for part in NETS[name]))))]
    return make_record(
        case,
        [measurement("latency", *samples), *(facts if has_layers else [])],
        breakdowns=(Breakdown(metric="operator_time", by="layer", values=times, method="fabricated"),),
        layers=layers_of(name) if has_layers else (),
    )


def run_of(records: Iterable[CaseRecord], ceilings: tuple[Ceiling, ...] = CEILINGS, **head: str) -> StoredRun:
    """A run on the machine with those ceilings."""
    stored = make_run(records, **head)
    environment = msgspec.structs.replace(stored.run.environment, ceilings=ceilings)
    return msgspec.structs.replace(stored, run=msgspec.structs.replace(stored.run, environment=environment))


def bounded_run(names: Iterable[str] = tuple(NETS), batches: Iterable[int] = (1, 8), **head: str) -> StoredRun:
    """Every net at every batch; the layers stand in the first case of each, as in real runs."""
    first, *rest = batches
    records = [profiled(name, batch=first) for name in names]
    records += [profiled(name, batch=batch, has_layers=False) for name in names for batch in rest]
    return run_of(records, **head)
