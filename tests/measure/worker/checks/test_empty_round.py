from __future__ import annotations

from fakes import FakeAsyncDevice

from zoobench.devices import CpuDevice, Mark
from zoobench.measure.worker.checks.timer import EMPTY_ROUNDS, measure_overhead


def test_a_device_that_does_nothing_reads_nothing() -> None:
    device = FakeAsyncDevice()

    assert measure_overhead(device, device.clock).samples == (0.0,) * EMPTY_ROUNDS


def test_what_a_mark_costs_the_device_is_read() -> None:
    class Costly(FakeAsyncDevice):
        def mark(self) -> Mark:
            self.launch(2.0**-20)
            return super().mark()

    device = Costly()

    assert set(measure_overhead(device, device.clock).samples) == {round(2.0**-20, 9)}


def test_this_machine_takes_some_time_for_nothing() -> None:
    samples = measure_overhead(CpuDevice()).samples

    assert len(samples) == EMPTY_ROUNDS
    assert 0 < min(samples) < 1e-3
