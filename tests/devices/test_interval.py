from __future__ import annotations

import pytest
from fakes import FakeAsyncDevice, FakeClock
from hypothesis import given
from hypothesis import strategies as st

from zoobench.devices.device import calls_of, interval_s


def test_launching_is_hidden_behind_the_call_before() -> None:
    """With a wait after each call, the time to launch would be added."""
    clock = FakeClock()
    device = FakeAsyncDevice(clock)

    seconds = interval_s(device, lambda: device.launch(0.25, launch_s=0.125), 8)

    assert seconds == pytest.approx(0.25 + 0.125 / 8)
    assert device.waits == 2


def test_a_device_that_starves_takes_as_long_as_the_host_needs_to_launch() -> None:
    device = FakeAsyncDevice()

    assert interval_s(device, lambda: device.launch(0.125, launch_s=0.5), 4) == pytest.approx(0.5 + 0.125 / 4)


def test_noticing_the_end_is_the_hosts_business() -> None:
    class SlowToNotice(FakeAsyncDevice):
        def wait(self) -> None:
            super().wait()
            self.clock.advance(1.0)

    device = SlowToNotice()

    assert interval_s(device, lambda: device.launch(0.25), 4) == 0.25


def test_what_was_launched_before_is_not_in_it() -> None:
    device = FakeAsyncDevice()
    device.launch(100.0)

    assert interval_s(device, lambda: device.launch(0.25), 2) == 0.25


@given(st.floats(0, 1e3), st.floats(1e-3, 1e3), st.integers(1, 5), st.integers(5, 500))
def test_a_sample_is_no_longer_than_wanted_unless_it_must_be(call_s: float, sample_s: float, least: int, most: int):
    calls = calls_of(call_s, sample_s, least=least, most=most)

    assert least <= calls <= most
    assert calls == least or calls * call_s <= sample_s * (1 + 1e-9)
    assert calls == most or (calls + 1) * call_s > sample_s * (1 - 1e-9)
