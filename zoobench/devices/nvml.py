"""Read a GPU's conditions and processes from NVML. Source: nvml.h and docs.nvidia.com/deploy/nvml-api.

NVML may be absent, may not support every reading of a GPU, and may stop working (a driver reset). None of these is an
error here: an unavailable reading is left out of the conditions, and its reason is kept.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import pynvml

from zoobench.records import Measurement, MetricResult, Unavailable

Handle = Any
"""A GPU's handle in pynvml."""

NvmlReading = Callable[[Handle], float]

_READ_EVERY_S = 0.05
"""Reading takes up to milliseconds; between rounds of a fast model the last reading is reused."""

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
"""Bits of nvmlClocksEventReasons that keep clocks below those requested. Idle (0x1), application clocks (0x2), sync
boost (0x10) and display clocks (0x100) are chosen states."""


class Nvml:
    """One GPU in NVML, by its UUID: NVML's indices do not follow CUDA_VISIBLE_DEVICES. Opened on first use."""

    def __init__(self, uuid: Callable[[], str], clock: Callable[[], float] = time.perf_counter) -> None:
        self._uuid = uuid
        self._clock = clock
        self._handle: Handle = None
        self._readings = dict(_READINGS)
        self._reasons: dict[str, str] = {}
        self._last: dict[str, float] = {}
        self._read_at_s: float | None = None

    def conditions(self) -> dict[str, float]:
        """Return clocks, temperature, power, throttling and other processes, read now or up to 50 ms ago.

        A reading that fails is left out from then on, so that no covariate has gaps.
        """
        if self._read_at_s is None or self._clock() - self._read_at_s >= _READ_EVERY_S:
            self._last = self._read()
            self._read_at_s = self._clock()
        return dict(self._last)

    def why_incomplete(self) -> str:
        """Missing conditions, with reasons; empty if none is missing."""
        names_of: dict[str, list[str]] = {}
        for name, reason in self._reasons.items():
            names_of.setdefault(reason, []).append(name)
        return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in names_of.items())

    def driver_version(self) -> str:
        """Version such as `570.124.06`; empty if NVML does not report it."""
        try:
            self._open()
            return str(pynvml.nvmlSystemGetDriverVersion())
        except _ERRORS:
            return ""

    def process_memory(self) -> MetricResult:
        """Measure the metric `process_memory`: memory of this process on the GPU, including the CUDA context."""
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
        """Return the handle; NVML stays initialised until the process ends."""
        if self._handle is None:
            pynvml.nvmlInit()
            self._handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{self._uuid()}".encode())
        return self._handle


class _UnknownError(Exception):
    """NVML works, but does not provide this reading."""


_ERRORS = (pynvml.NVMLError, pynvml.NVMLLibraryMismatchError, _UnknownError)
"""Errors of a reading: the second, for a library older than the package, is not a subclass of the first."""


def _throttled(found: dict[str, float]) -> dict[str, float]:
    """`throttled`: 1 if the reasons include one that slows."""
    if "throttle_reasons" not in found:
        return {}
    return {"throttled": float(any(int(found["throttle_reasons"]) & bit for bit in SLOWING_REASONS))}


def _sm_clock_hz(handle: Handle) -> float:
    return float(pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM)) * _HZ_A_MHZ


def _memory_clock_hz(handle: Handle) -> float:
    return float(pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_MEM)) * _HZ_A_MHZ


def _temperature_c(handle: Handle) -> float:
    """Temperature, by the older function, which current drivers have and CUDA 14 is announced to remove."""
    names = ("nvmlDeviceGetTemperature", "nvmlDeviceGetTemperatureV")
    return float(_first_known(names, handle, pynvml.NVML_TEMPERATURE_GPU))


def _power_w(handle: Handle) -> float:
    return float(pynvml.nvmlDeviceGetPowerUsage(handle)) / _MILLIWATTS_A_WATT


def _throttle_reasons(handle: Handle) -> float:
    """The bit mask. Drivers before 535 have only the second name."""
    names = ("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons")
    return float(_first_known(names, handle))


def _other_processes(handle: Handle) -> float:
    """Number of other processes, if NVML lists this one: a container's process numbers are different."""
    pids = {process.pid for process in pynvml.nvmlDeviceGetComputeRunningProcesses(handle)}
    if os.getpid() not in pids:
        raise _UnknownError("this process is not in its list (as in a container)")
    return float(len(pids) - 1)


def _first_known(names: tuple[str, ...], *arguments: Any) -> Any:
    """Call the first of these functions that both the package and the driver's library have."""
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
"""Readings by the name of the covariate: units as in the name; counts and bit masks have none."""
