from __future__ import annotations

import os
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import pynvml
import pytest
from fakes import FakeClock

from zoobench.devices.nvml import SLOWING_REASONS, Nvml
from zoobench.records import Measurement, Unavailable

OWN = SimpleNamespace(pid=os.getpid(), usedGpuMemory=3 * 2**20)
OTHER = SimpleNamespace(pid=os.getpid() + 1, usedGpuMemory=1)

VALUES: dict[str, Any] = {
    "nvmlInit": None,
    "nvmlDeviceGetHandleByUUID": "handle",
    "nvmlDeviceGetClockInfo": {pynvml.NVML_CLOCK_SM: 1410, pynvml.NVML_CLOCK_MEM: 1215},
    "nvmlDeviceGetTemperature": 61,
    "nvmlDeviceGetPowerUsage": 312_500,
    "nvmlDeviceGetCurrentClocksEventReasons": 0,
    "nvmlDeviceGetComputeRunningProcesses": [OWN, OTHER],
}

CONDITIONS = {
    "sm_clock_hz": 1.41e9,
    "memory_clock_hz": 1.215e9,
    "temperature_c": 61.0,
    "power_w": 312.5,
    "throttle_reasons": 0.0,
    "throttled": 0.0,
    "other_processes": 1.0,
}


class FakeNvml(ModuleType):
    """pynvml's own constants and errors, with values from a table; an error among them is raised."""

    def __init__(self, **values: Any) -> None:
        super().__init__("pynvml")
        self.values = VALUES | values
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name not in self.values:
            return getattr(pynvml, name)
        return lambda *arguments: self._answer(name, arguments)

    def _answer(self, name: str, arguments: tuple[Any, ...]) -> Any:
        self.calls.append(name)
        value = self.values[name]
        if isinstance(value, Exception):
            raise value
        return value[arguments[1]] if isinstance(value, dict) else value


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakeNvml]:
    def put(**values: Any) -> FakeNvml:
        fake = FakeNvml(**values)
        monkeypatch.setattr("zoobench.devices.nvml.pynvml", fake)
        return fake

    return put


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def nvml(clock: FakeClock) -> Nvml:
    return Nvml(lambda: "0f1e", clock)


def error(value: int) -> Exception:
    made: Exception = pynvml.NVMLError(value)
    return made


def test_conditions_are_in_base_units(nvml: Nvml, install: Any) -> None:
    install()

    assert nvml.conditions() == CONDITIONS
    assert nvml.why_incomplete() == ""


@pytest.mark.parametrize("reasons", [*SLOWING_REASONS, 0x4 | 0x1, 0x40 | 0x8])
def test_reasons_that_slow_are_throttling(nvml: Nvml, install: Any, reasons: int) -> None:
    install(nvmlDeviceGetCurrentClocksEventReasons=reasons)

    found = nvml.conditions()

    assert (found["throttle_reasons"], found["throttled"]) == (float(reasons), 1.0)


@pytest.mark.parametrize(
    "reasons",
    [
        pynvml.nvmlClocksEventReasonGpuIdle,
        pynvml.nvmlClocksEventReasonApplicationsClocksSetting,
        pynvml.nvmlClocksEventReasonSyncBoost,
        pynvml.nvmlClocksEventReasonDisplayClockSetting,
    ],
)
def test_states_that_somebody_chose_are_not(nvml: Nvml, install: Any, reasons: int) -> None:
    install(nvmlDeviceGetCurrentClocksEventReasons=reasons)

    assert nvml.conditions()["throttled"] == 0.0


def test_every_bit_of_nvml_is_classified() -> None:
    chosen = 0x1 | 0x2 | 0x10 | 0x100
    assert sum(SLOWING_REASONS) | chosen == pynvml.nvmlClocksThrottleReasonAll


def test_nvml_is_read_at_most_every_50_ms(nvml: Nvml, install: Any, clock: FakeClock) -> None:
    fake = install()
    nvml.conditions()
    readings = len(fake.calls)
    fake.values["nvmlDeviceGetTemperature"] = 75

    clock.advance(0.049)
    assert nvml.conditions()["temperature_c"] == 61.0
    assert len(fake.calls) == readings
    clock.advance(0.002)
    assert nvml.conditions()["temperature_c"] == 75.0


def test_what_is_given_out_is_a_copy(nvml: Nvml, install: Any) -> None:
    install()
    nvml.conditions().clear()

    assert nvml.conditions() == CONDITIONS


def test_without_a_driver_there_are_no_conditions_and_a_reason(nvml: Nvml, install: Any, clock: FakeClock) -> None:
    fake = install(nvmlInit=error(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND))

    assert nvml.conditions() == {}
    assert nvml.why_incomplete().endswith("other_processes: NVML: NVML Shared Library Not Found")
    attempts = len(fake.calls)
    clock.advance(1.0)
    assert nvml.conditions() == {}
    assert len(fake.calls) == attempts, "a failed reading is not repeated"


def test_what_one_gpu_does_not_support_is_left_out(nvml: Nvml, install: Any) -> None:
    install(nvmlDeviceGetPowerUsage=error(pynvml.NVML_ERROR_NOT_SUPPORTED))

    assert set(nvml.conditions()) == set(CONDITIONS) - {"power_w"}
    assert nvml.why_incomplete() == "power_w: NVML: Not Supported"


def test_a_reading_that_fails_once_stays_away(nvml: Nvml, install: Any, clock: FakeClock) -> None:
    """So that no covariate has gaps."""
    fake = install()
    nvml.conditions()
    fake.values["nvmlDeviceGetTemperature"] = error(pynvml.NVML_ERROR_UNKNOWN)
    clock.advance(1.0)
    assert "temperature_c" not in nvml.conditions()

    fake.values["nvmlDeviceGetTemperature"] = 61
    clock.advance(1.0)

    assert set(nvml.conditions()) == set(CONDITIONS) - {"temperature_c"}


def test_a_driver_that_is_reset_midway_ends_all_of_them(nvml: Nvml, install: Any, clock: FakeClock) -> None:
    fake = install()
    nvml.conditions()
    for name in fake.values:
        fake.values[name] = error(pynvml.NVML_ERROR_GPU_IS_LOST)
    clock.advance(1.0)

    assert nvml.conditions() == {}
    assert nvml.why_incomplete().endswith("NVML: GPU is lost")


def test_a_library_older_than_the_package_is_no_error(nvml: Nvml, install: Any) -> None:
    """This error of pynvml is not an NVMLError."""
    install(nvmlDeviceGetComputeRunningProcesses=pynvml.NVMLLibraryMismatchError("use a versioned function"))

    assert "other_processes" not in nvml.conditions()
    assert isinstance(nvml.process_memory(), Unavailable)


def test_the_name_that_the_driver_has_is_used(nvml: Nvml, install: Any) -> None:
    install(
        nvmlDeviceGetCurrentClocksEventReasons=error(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND),
        nvmlDeviceGetCurrentClocksThrottleReasons=0x4,
    )

    assert nvml.conditions()["throttle_reasons"] == 4.0


def test_another_error_is_not_taken_for_an_older_driver(nvml: Nvml, install: Any) -> None:
    install(
        nvmlDeviceGetCurrentClocksEventReasons=error(pynvml.NVML_ERROR_NO_PERMISSION),
        nvmlDeviceGetCurrentClocksThrottleReasons=0x4,
    )

    assert {"throttle_reasons", "throttled"}.isdisjoint(nvml.conditions())


def test_where_nvml_does_not_list_this_process_others_cannot_be_counted(nvml: Nvml, install: Any) -> None:
    install(nvmlDeviceGetComputeRunningProcesses=[OTHER])

    assert "other_processes" not in nvml.conditions()
    assert "this process is not in its list" in nvml.why_incomplete()


def test_the_driver_version_is_reported_or_empty(nvml: Nvml, install: Any) -> None:
    install(nvmlSystemGetDriverVersion="570.124.06")
    assert nvml.driver_version() == "570.124.06"

    install(nvmlSystemGetDriverVersion=error(pynvml.NVML_ERROR_UNKNOWN))
    assert nvml.driver_version() == ""


def test_process_memory_is_this_processs(nvml: Nvml, install: Any) -> None:
    fake = install(nvmlDeviceGetComputeRunningProcesses=[OTHER, OWN])

    answer = nvml.process_memory()

    assert isinstance(answer, Measurement)
    assert answer.samples == (3.0 * 2**20,)
    assert fake.calls == ["nvmlInit", "nvmlDeviceGetHandleByUUID", "nvmlDeviceGetComputeRunningProcesses"]


def test_a_process_that_nvml_does_not_list_has_no_memory_rather_than_none(nvml: Nvml, install: Any) -> None:
    install(nvmlDeviceGetComputeRunningProcesses=[OTHER])

    answer = nvml.process_memory()

    assert isinstance(answer, Unavailable)
    assert "does not list this process" in answer.reason


def test_nvmls_own_reason_is_passed_on(nvml: Nvml, install: Any) -> None:
    install(nvmlInit=error(pynvml.NVML_ERROR_DRIVER_NOT_LOADED))

    assert nvml.process_memory() == Unavailable(metric="process_memory", reason="NVML: Driver Not Loaded")
