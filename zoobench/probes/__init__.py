"""One file a family of metrics. A probe takes a subject and a budget and gives measurements, or why there are none.

Packages add probes by the entry-point group `zoobench.probes`: each a `Probe`.
"""

from __future__ import annotations

import importlib.metadata

from zoobench.probes import audit, device_time, interval, latency, memory, operator_time, prediction, size
from zoobench.probes.probe import Probe

__all__ = ["Probe", "all_probes"]

ENTRY_POINTS = "zoobench.probes"


def all_probes() -> tuple[Probe, ...]:
    """Every probe in the order in which they run: what is timed comes before what disturbs (profilers).

    A CUDA graph comes before them too: CUPTI, once torn down, can crash on one (torch/profiler/profiler.py).
    """
    added = tuple(point.load() for point in importlib.metadata.entry_points(group=ENTRY_POINTS))
    own = (size, latency, interval, memory, device_time, operator_time, prediction, audit)
    return (*(module.PROBE for module in own), *added)
