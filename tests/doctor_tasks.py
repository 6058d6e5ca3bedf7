"""Checks that go wrong, for `zoobench.measure.doctor`."""

from __future__ import annotations

import os
import signal

from synthetic import measurement

from zoobench.measure.doctor import Effort
from zoobench.measure.executor import Tell


def be_killed(_device: str, _effort: Effort, tell: Tell) -> None:
    """Half of the check is told by then."""
    tell(measurement("pace", 1.0, 1.0))
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()


def fail(_device: str, _effort: Effort, _tell: Tell) -> None:
    raise ArithmeticError("the clock stood still")


def say_nothing(_device: str, _effort: Effort, _tell: Tell) -> None:
    pass


def hang(_device: str, _effort: Effort, _tell: Tell) -> None:
    signal.pause()
