from __future__ import annotations

from fakes import FakeAsyncDevice

from zoobench.devices import CpuDevice
from zoobench.devices.speed_probe import Launches
from zoobench.measure.worker.checks import steadiness
from zoobench.measure.worker.checks.steadiness import measure_launching
from zoobench.records import Measurement, Unavailable
from zoobench.stats import calibration


def test_launches_are_made_and_timed_on_the_host(monkeypatch) -> None:
    made: list[int] = []

    class Counted(Launches):
        def __call__(self) -> None:
            made.append(1)
            super().__call__()

    monkeypatch.setattr(steadiness, "Launches", Counted)

    measured = measure_launching(FakeAsyncDevice(), 0.05)

    assert isinstance(measured, Measurement)
    assert measured.metric == "launch_pace"
    assert len(made) >= len(measured.samples) * measured.calls_per_sample
    assert 1e-6 < min(measured.samples) < 0.1, "five hundred operators"
    assert calibration.slowest_tenth(measured) >= 0


def test_on_a_cpu_nothing_is_launched() -> None:
    result = measure_launching(CpuDevice(), 0.05)

    assert result == Unavailable(metric="launch_pace", reason="on a CPU the host is the device: see the pace")
