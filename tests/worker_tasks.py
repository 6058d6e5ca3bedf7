"""Tasks for `zoobench.measure.executor`: what a worker may do to itself. Each is called with a `Tell` last."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Any, NoReturn

from zoobench.measure.messages import Emit, InCalls, Step


def tell_all(parts: tuple[Any, ...], emit: Emit) -> None:
    for part in parts:
        emit(part)


def tell_twice(first: int, second: int, emit: Emit) -> None:
    emit(InCalls(float(first)))
    emit(InCalls(float(second)))


def tell_process(emit: Emit) -> None:
    emit((os.getpid(), sorted(sys.modules)))


def raise_error(emit: Emit) -> None:
    emit(Step("latency"))
    raise ArithmeticError("the model cannot count")


def exit_at_once(code: int, emit: Emit) -> None:
    emit(Step("latency"))
    emit(InCalls(1.5))
    os._exit(code)


def say_and_exit(text: str, emit: Emit) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
    os._exit(1)


def kill_itself(number: int, emit: Emit) -> None:
    emit(Step("memory"))
    emit(InCalls(1.5))
    os.kill(os.getpid(), number)
    signal.pause()


def read_address_zero(emit: Emit) -> None:
    emit(Step("latency"))
    ctypes.string_at(0)


def hang(emit: Emit) -> NoReturn:
    emit(Step("latency"))
    emit(os.getpid())
    while True:
        signal.pause()


def hang_in_c(emit: Emit) -> None:
    """As native code does that never gives the interpreter's lock back."""
    emit(os.getpid())
    ctypes.PyDLL(None).pause()


def never_stop_telling(emit: Emit) -> NoReturn:
    while True:
        emit(Step("latency"))


def be_interrupted(emit: Emit) -> None:
    os.kill(os.getpid(), signal.SIGINT)
    emit(InCalls(1.0))


def print_much(emit: Emit) -> None:
    for _ in range(1000):
        print("loud " * 200)  # noqa: T201 - what a model does
        os.write(2, b"loud too\n")
    emit(InCalls(1.0))


def tell_much(size_bytes: int, emit: Emit) -> None:
    emit(b"x" * size_bytes)
    emit(InCalls(1.0))


def close_every_file(emit: Emit) -> NoReturn:
    """What code does that turns itself into a daemon."""
    os.closerange(3, 1000)
    while True:
        signal.pause()


def leave_a_child_and_die(emit: Emit) -> None:
    """The child holds the worker's end of the pipe open."""
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    emit(child)
    os._exit(3)


def leave_a_child_and_end(emit: Emit) -> None:
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    emit(child)


def ignore_everything(emit: Emit) -> NoReturn:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    emit(os.getpid())
    while True:
        signal.pause()
