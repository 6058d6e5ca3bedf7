"""Axes of the page's charts: their scales, where their ticks stand, and how these read."""

from __future__ import annotations

import math
from typing import Any, Final

from zoobench import metrics

TICKS: Final = {
    metrics.SECONDS: (
        "datum.value >= 1 ? format(datum.value, '.3~r') + ' s' : datum.value >= 1e-3 ? "
        "format(datum.value * 1e3, '.3~r') + ' ms' : format(datum.value * 1e6, '.3~r') + ' µs'"
    ),
    metrics.BYTES: (
        "datum.value >= 1073741824 ? format(datum.value / 1073741824, '.3~r') + ' GiB' : datum.value >= 1048576 ? "
        "format(datum.value / 1048576, '.3~r') + ' MiB' : format(datum.value / 1024, '.3~r') + ' KiB'"
    ),
    metrics.COUNT: (
        "datum.value >= 1e12 ? format(datum.value / 1e12, '.3~r') + ' T' : datum.value >= 1e9 ? "
        "format(datum.value / 1e9, '.3~r') + ' G' : datum.value >= 1e6 ? format(datum.value / 1e6, '.3~r') + ' M' : "
        "format(datum.value / 1e3, '.3~r') + ' k'"
    ),
    metrics.PER_SECOND: "format(datum.value, '.3~r') + ' /s'",
    metrics.RATIO: "format(datum.value * 100, '.3~r') + ' %'",
}
"""By unit, as the texts of the tables (`zoobench.units`), in Vega's expressions: 20 ms, 64 MiB, 4 M, 70 %."""

RATIO_TICK: Final = "format(datum.value, '.3~r') + '×'"
NUMBER_TICK: Final = "format(datum.value, '.3~r')"
WHOLE_TICK: Final = "format(datum.value, 'd')"
CHANGE_TICK: Final = "datum.value === 0 ? '0 %' : format(datum.value * 100, '+.3~r') + ' %'"

_STEPS = (1, 2, 5)
"""In each decade."""
_MOST_FINE_DECADES = 3
_MOST_POWERS = 8


def axis_of(title: str, tick: str, values: list[float]) -> dict[str, Any]:
    """With a grid; of ticks that would crowd each other some are left out."""
    looks = {"title": title, "labelExpr": tick, "values": values, "grid": True}
    return looks | {"labelOverlap": "greedy", "labelSeparation": 8}


def log_scale(low: float, high: float) -> dict[str, Any]:
    """From end to end, whatever the data."""
    return {"type": "log", "domain": [low, high], "nice": False}


def symmetric_scale(reach: float, linear_to: float) -> dict[str, Any]:
    """As far below zero as above; linear about `linear_to` on either side of zero, logarithmic beyond."""
    return {"type": "symlog", "constant": linear_to, "domain": [-reach, reach], "nice": False}


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 of each decade within the ends; its 1 alone where there are many decades."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
    steps = _STEPS if len(decades) <= _MOST_FINE_DECADES else _STEPS[:1]
    ticks = [float(f"{step}e{decade}") for decade in (*decades, decades.stop) for step in steps]
    return [tick for tick in ticks if low <= tick <= high]


def binary_ticks(low: float, high: float) -> list[float]:
    """Powers of two within the ends, few enough to be read."""
    powers = range(math.ceil(math.log2(low)), math.floor(math.log2(high)) + 1)
    return [2.0**power for power in powers[:: 1 + len(powers) // _MOST_POWERS]]


def symmetric_ticks(reach: float, linear_to: float) -> list[float]:
    """Zero, and on either side `linear_to` and its decades."""
    decades = range(math.floor(math.log10(reach / linear_to) + 1e-9) + 1)
    above = [float(f"{linear_to * 10**decade:.6g}") for decade in decades]
    return [*(-tick for tick in reversed(above)), 0.0, *above]
