"""Calls back to back: what one takes when the device need not wait for the host to notice the last one's end."""

from __future__ import annotations

from zoobench.devices.device import Call, Device


def interval_s(device: Device, call: Call, calls: int) -> float:
    """Seconds a call on the device's own timeline, over so many calls with one wait before and one after them all.

    The call must not wait for the device, or the gaps it is meant to leave out come back.
    """
    device.wait()
    start = device.mark()
    for _ in range(calls):
        call()
    end = device.mark()
    device.wait()
    return device.elapsed_s(start, end) / calls


def calls_of(call_s: float, sample_s: float, *, least: int, most: int) -> int:
    """How many calls of that length make a sample of about `sample_s`, between `least` and `most`."""
    return most if call_s * most <= sample_s else max(least, int(sample_s / call_s))
