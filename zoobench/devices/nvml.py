"""What NVML says of a GPU and its processes. Source: nvml.h and its reference, docs.nvidia.com/deploy/nvml-api.

NVML may be absent, may know less of one GPU than of another, and may stop answering (a driver reset). None of these is
an error here: what is not known has no name among the conditions, and a reason is kept.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import pynvml

from zoobench.records import Measurement, MetricResult, Unavailable

Handle = Any
"""Of a GPU, as pynvml gives it."""

NvmlReading = Callable[[Handle], float]

_READ_EVERY_S = 0.05
"""Reading costs up to milliseconds; between rounds of a fast model the last reading stands for the next ones."""

_HZ_A_MHZ = 1e6
_MILLIWATTS_A_WATT = 1e3

SLOWING_REASONS = {
    0x004: "software power cap",
    0x008: "hardware slowdown",
    0x020: "software thermal slowdown",
    0x040: "hardware thermal slowdown",
    0x080: "hardware power brake",
    0x200: "board limit",
    0x400: "reliability",
}
"""Bits of nvmlClocksEventReasons that hold clocks below what was asked for. Idle (0x1), application clocks (0x2), sync
boost (0x10) and display clocks (0x100) are states that somebody chose."""


class Nvml:
    """One GPU as NVML sees it, by its UUID: indices of NVML do not follow CUDA_VISIBLE_DEVICES. Opened on first use."""

    def __init__(self, uuid: Callable[[], str], clock: Callable[[], float] = time.perf_counter) -> None:
        self._uuid = uuid
        self._clock = clock
        self._handle: Handle = None
        self._readings = dict(_READINGS)
        self._reasons: dict[str, str] = {}
        self._last: dict[str, float] = {}
        self._read_at_s: float | None = None

    def conditions(self) -> dict[str, float]:
        """Clocks, temperature, power, throttling and other processes now, or up to 50 ms ago.

        A reading that fails is not tried again: its name stays away, so that no covariate has gaps.
        """
        if self._read_at_s is None or self._clock() - self._read_at_s >= _READ_EVERY_S:
            self._last = self._read()
            self._read_at_s = self._clock()
        return dict(self._last)

    def why_incomplete(self) -> str:
        """Which conditions are missing and why; empty where all that were asked for came."""
        names_of: dict[str, list[str]] = {}
        for name, reason in self._reasons.items():
            names_of.setdefault(reason, []).append(name)
        return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in names_of.items())

    def driver_version(self) -> str:
        """As in `570.124.06`; empty where NVML does not report it."""
        try:
            self._open()
            return str(pynvml.nvmlSystemGetDriverVersion())
        except _ERRORS:
            return ""

    def process_memory(self) -> MetricResult:
        """The metric `process_memory`: what this process holds on the GPU, the CUDA context included."""
        try:
            processes = pynvml.nvmlDeviceGetComputeRunningProcesses(self._open())
        except _ERRORS as error:
            return Unavailable(metric="process_memory", reason=f"NVML: {error}")
        used = next((process.usedGpuMemory for process in processes if process.pid == os.getpid()), None)
        if used is None:
            reason = "NVML does not list this process (as in a container) or not its memory"
            return Unavailable(metric="process_memory", reason=reason)
        method = "NVML, memory of this process at the end of the measured calls"
        return Measurement(metric="process_memory", samples=(float(used),), method=method)

    def _read(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for name, reading in tuple(self._readings.items()):
            try:
                found[name] = reading(self._open())
            except _ERRORS as error:
                self._reasons[name] = f"NVML: {error}"
                del self._readings[name]
        return found | _throttled(found)

    def _open(self) -> Handle:
        """NVML counts its users; this one stays until the process ends."""
        if self._handle is None:
            pynvml.nvmlInit()
            self._handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{self._uuid()}".encode())
        return self._handle


class _UnknownError(Exception):
    """NVML answers, but not to this question."""


_ERRORS = (pynvml.NVMLError, pynvml.NVMLLibraryMismatchError, _UnknownError)
"""What a reading raises: the second, of a library older than the package, is no subclass of the first."""


def _throttled(found: dict[str, float]) -> dict[str, float]:
    """1 where a reason that slows is among them."""
    if "throttle_reasons" not in found:
        return {}
    return {"throttled": float(any(int(found["throttle_reasons"]) & bit for bit in SLOWING_REASONS))}


def _sm_clock_hz(handle: Handle) -> float:
    return float(pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM)) * _HZ_A_MHZ


def _memory_clock_hz(handle: Handle) -> float:
    return float(pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_MEM)) * _HZ_A_MHZ


def _temperature_c(handle: Handle) -> float:
    """The older function is known to every driver of today, and is announced to go with CUDA 14."""
    names = ("nvmlDeviceGetTemperature", "nvmlDeviceGetTemperatureV")
    return float(_first_known(names, handle, pynvml.NVML_TEMPERATURE_GPU))


def _power_w(handle: Handle) -> float:
    return float(pynvml.nvmlDeviceGetPowerUsage(handle)) / _MILLIWATTS_A_WATT


def _throttle_reasons(handle: Handle) -> float:
    """The bit mask. Drivers before 535 know it by the second name."""
    names = ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons")
    return float(_first_known(names, handle))


def _other_processes(handle: Handle) -> float:
    """Only where NVML lists this process too: within a container's own numbering, this one cannot be recognised."""
    pids = {process.pid for process in pynvml.nvmlDeviceGetComputeRunningProcesses(handle)}
    if os.getpid() not in pids:
        raise _UnknownError("this process is not in its list (as in a container)")
    return float(len(pids) - 1)


def _first_known(names: tuple[str, ...], *arguments: Any) -> Any:
    """The answer of the first of these functions that both the package and the driver's library have."""
    for name in names[:-1]:
        function = getattr(pynvml, name, None)
        try:
            if function is not None:
                return function(*arguments)
        except pynvml.NVMLError as error:
            if error.value != pynvml.NVML_ERROR_FUNCTION_NOT_FOUND:
                raise
    return getattr(pynvml, names[-1])(*arguments)


_READINGS: dict[str, NvmlReading] = {
    "sm_clock_hz": _sm_clock_hz,
    "memory_clock_hz": _memory_clock_hz,
    "temperature_c": _temperature_c,
    "power_w": _power_w,
    "throttle_reasons": _throttle_reasons,
    "other_processes": _other_processes,
}
"""What is asked, by the name of the covariate: units as in the name, a count or a bit mask without one."""
