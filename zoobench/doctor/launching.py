"""The same operators launched again and again: a call that waits for the host follows the host's pace.

Small nets at small batches are such calls on a GPU. What slows the host down for a while shows in them alone.
"""

from __future__ import annotations

import msgspec

from zoobench.devices import Device, Result, get_device
from zoobench.devices.reference import Launches
from zoobench.doctor.effort import Effort
from zoobench.doctor.example import example_case
from zoobench.doctor.steadiness import measure_pace
from zoobench.doctor.surroundings import as_in_a_case
from zoobench.isolate import Tell
from zoobench.records import Unavailable

METRIC = "launch_pace"


def examine_launching(device_name: str, effort: Effort, tell: Tell) -> None:
    """Tell `launch_pace`."""
    with as_in_a_case(example_case(device_name)) as device:
        tell(measure_launching(device, effort.pace_s))


def measure_launching(device: Device, seconds: float) -> Result:
    """The time of `Launches` in each piece of work; they are made on the host, and timed there."""
    if not device.has_own_timeline():
        return Unavailable(metric=METRIC, reason="on a CPU the host is the device: see the pace")
    method = "operators that compute next to nothing, in pieces one after the other"
    pace = measure_pace(Launches(), get_device("cpu"), seconds)
    return msgspec.structs.replace(pace, metric=METRIC, method=method)
