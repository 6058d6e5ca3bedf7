"""Tasks for `zoobench.measure.executor`: what a worker may do to itself. Each is called with a `Tell` last."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Any, NoReturn

from zoobench.measure.executor import Tell
from zoobench.measure.messages import InCalls, Step


def tell_all(parts: tuple[Any, ...], tell: Tell) -> None:
    for part in parts:
        tell(part)


def tell_twice(first: int, second: int, tell: Tell) -> None:
    tell(InCalls(float(first)))
    tell(InCalls(float(second)))


def tell_process(tell: Tell) -> None:
    tell((os.getpid(), sorted(sys.modules)))


def raise_error(tell: Tell) -> None:
    tell(Step("latency"))
    raise ArithmeticError("the model cannot count")


def exit_at_once(code: int, tell: Tell) -> None:
    tell(Step("latency"))
    tell(InCalls(1.5))
    os._exit(code)


def say_and_exit(text: str, tell: Tell) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
    os._exit(1)


def kill_itself(number: int, tell: Tell) -> None:
    tell(Step("memory"))
    tell(InCalls(1.5))
    os.kill(os.getpid(), number)
    signal.pause()


def read_address_zero(tell: Tell) -> None:
    tell(Step("latency"))
    ctypes.string_at(0)


def hang(tell: Tell) -> NoReturn:
    tell(Step("latency"))
    tell(os.getpid())
    while True:
        signal.pause()


def hang_in_c(tell: Tell) -> None:
    """As native code does that never gives the interpreter's lock back."""
    tell(os.getpid())
    ctypes.PyDLL(None).pause()


def never_stop_telling(tell: Tell) -> NoReturn:
    while True:
        tell(Step("latency"))


def be_interrupted(tell: Tell) -> None:
    os.kill(os.getpid(), signal.SIGINT)
    tell(InCalls(1.0))


def print_much(tell: Tell) -> None:
    for _ in range(1000):
        print("loud " * 200)  # noqa: T201 - what a model does
        os.write(2, b"loud too\n")
    tell(InCalls(1.0))


def tell_much(size_bytes: int, tell: Tell) -> None:
    tell(b"x" * size_bytes)
    tell(InCalls(1.0))


def close_every_file(tell: Tell) -> NoReturn:
    """What code does that turns itself into a daemon."""
    os.closerange(3, 1000)
    while True:
        signal.pause()


def leave_a_child_and_die(tell: Tell) -> None:
    """The child holds the worker's end of the pipe open."""
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    tell(child)
    os._exit(3)


def leave_a_child_and_end(tell: Tell) -> None:
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    tell(child)


def ignore_everything(tell: Tell) -> NoReturn:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    tell(os.getpid())
    while True:
        signal.pause()
