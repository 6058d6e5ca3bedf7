"""Fake devices that can be kept busy for a known time, and what may be wrong with them."""

from __future__ import annotations

from fakes import FakeAsyncDevice, FakeClock

from zoobench.devices import Mark


class BusyDevice(FakeAsyncDevice):
    """Work that is asked to last so long takes `truth` times that."""

    def __init__(self, clock: FakeClock | None = None, *, truth: float = 1.0) -> None:
        super().__init__(clock)
        self._truth = truth

    def keep_busy(self, seconds: float) -> float:
        self.launch(seconds * self._truth)
        return seconds


class ForgetfulDevice(BusyDevice):
    """Its marks are readings of the host's clock, and its wait does not wait: as a timer that forgets to."""

    def wait(self) -> None:
        pass

    def mark(self) -> Mark:
        return Mark(self.clock())

    def elapsed_s(self, start: Mark, end: Mark) -> float:
        return float(end) - float(start)  # type: ignore[arg-type]


class DeafDevice(FakeAsyncDevice):
    """One with a timeline of its own, and no work of known duration."""
