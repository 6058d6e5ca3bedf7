"""One file a family of metrics. A probe takes a workload and a budget and gives measurements, or why there are none.

Packages add probes by the entry-point group `zoobench.probes`: each a `Probe`.
"""

from __future__ import annotations

import importlib.metadata

from zoobench.measure.worker.probes.counts import AUDIT_PROBE, SIZE_PROBE
from zoobench.measure.worker.probes.latency import PROBE as LATENCY_PROBE
from zoobench.measure.worker.probes.memory import MEMORY_PROBE, PREDICTION_PROBE
from zoobench.measure.worker.probes.operator_time import PROBE as OPERATOR_TIME_PROBE
from zoobench.measure.worker.probes.probe import Probe
from zoobench.measure.worker.probes.throughput import DEVICE_TIME_PROBE, INTERVAL_PROBE

__all__ = ["Probe", "all_probes"]

ENTRY_POINTS = "zoobench.probes"

OWN = (
    SIZE_PROBE,
    LATENCY_PROBE,
    INTERVAL_PROBE,
    MEMORY_PROBE,
    DEVICE_TIME_PROBE,
    OPERATOR_TIME_PROBE,
    PREDICTION_PROBE,
    AUDIT_PROBE,
)


def all_probes() -> tuple[Probe, ...]:
    """Every probe in the order in which they run: what is timed comes before what disturbs (profilers).

    A CUDA graph comes before them too: CUPTI, once torn down, can crash on one (torch/profiler/profiler.py).
    """
    added = tuple(point.load() for point in importlib.metadata.entry_points(group=ENTRY_POINTS))
    return (*OWN, *added)
