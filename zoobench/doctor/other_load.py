"""What else the machine is doing while nothing is measured."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from typing import Any

import psutil

from zoobench.devices import Result
from zoobench.doctor.effort import Effort
from zoobench.isolate import Tell
from zoobench.records import Measurement, Unavailable

INTERVALS = 5
_NOT_BUSY = ("idle", "iowait", "steal")
_COUNTED_TWICE = ("guest", "guest_nice")
"""They are in `user` and `nice` as well (proc(5))."""

MOST_NAMES = 3
_LEAST_SHARE = 0.05
"""Of one processor: who uses less is not named."""


def examine_other_load(_device_name: str, effort: Effort, tell: Tell) -> None:
    """Tell `other_load`, `load_average`, and as a fact who is busiest. This process sleeps meanwhile."""
    before = dict(processes())
    tell(measure_other_load(effort.load_s / INTERVALS))
    tell(measure_load_average())
    names = busiest(before, dict(processes()), effort.load_s)
    tell({"busiest_processes": ", ".join(names) or "none"})


def measure_other_load(interval_s: float) -> Result:
    """Share of all processors' time that is neither idle nor stolen, in each of a few intervals."""
    try:
        shares = tuple(_busy_share(interval_s) for _ in range(INTERVALS))
    except OSError as error:
        reason = f"processor times cannot be read: {error.strerror or error}"
        return Unavailable(metric="other_load", reason=reason)
    method = f"psutil, {INTERVALS} intervals of {interval_s:g} s before the other checks"
    return Measurement(metric="other_load", samples=shares, method=method)


def measure_load_average() -> Result:
    """Of the last minute."""
    try:
        load = os.getloadavg()[0]
    except OSError:
        return Unavailable(metric="load_average", reason="the system does not tell its load")
    return Measurement(metric="load_average", samples=(load,), method="getloadavg(3), 1 minute, before the checks")


Process = tuple[str, float]
"""Its name and the processor seconds that it has used."""


def processes() -> Iterator[tuple[int, Process]]:
    """By number, those of which the system tells; none where it tells of none."""
    try:
        for process in psutil.process_iter(["name", "cpu_times"]):
            times: Any = process.info["cpu_times"]
            if times is not None:
                yield process.pid, (process.info["name"], times.user + times.system)
    except (OSError, IndexError):  # psutil takes the first of no processes where /proc is empty
        return


def busiest(before: dict[int, Process], after: dict[int, Process], seconds: float) -> Sequence[str]:
    """The processes that used most between two readings, `seconds` apart: name, number, and processors filled."""
    used_s = {number: total_s - before.get(number, (name, 0.0))[1] for number, (name, total_s) in after.items()}
    most = sorted(used_s, key=lambda number: used_s[number], reverse=True)[:MOST_NAMES]
    return [
        f"{after[number][0]} {number} ({used_s[number] / seconds:.1f})"
        for number in most
        if used_s[number] / seconds >= _LEAST_SHARE
    ]


def _busy_share(interval_s: float) -> float:
    """Of the totals since the start: psutil's percentages are of a second at least, and too low in a shorter time."""
    before = psutil.cpu_times()._asdict()
    time.sleep(interval_s)
    after = psutil.cpu_times()._asdict()
    spent_s = {kind: after[kind] - before[kind] for kind in after if kind not in _COUNTED_TWICE}
    total_s = sum(spent_s.values())
    idle_s = sum(spent_s.get(kind, 0.0) for kind in _NOT_BUSY)
    return max(0.0, 1.0 - idle_s / total_s) if total_s > 0 else 0.0
