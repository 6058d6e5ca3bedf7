"""Checks that go wrong, for `zoobench.measure.doctor`."""

from __future__ import annotations

import os
import signal

from synthetic import measurement

from zoobench.measure.messages import Effort, Emit


def be_killed(_device: str, _effort: Effort, emit: Emit) -> None:
    """Half of the check is told by then."""
    emit(measurement("pace", 1.0, 1.0))
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()


def fail(_device: str, _effort: Effort, _emit: Emit) -> None:
    raise ArithmeticError("the clock stood still")


def say_nothing(_device: str, _effort: Effort, _emit: Emit) -> None:
    pass


def hang(_device: str, _effort: Effort, _emit: Emit) -> None:
    signal.pause()
