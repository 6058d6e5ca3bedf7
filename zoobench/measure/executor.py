"""A process for each case: what happens in it cannot harm the run, and its memory begins anew.

The workers are forked from a server that has torch imported already, so one starts in a fraction of a second. The
process that runs the benchmark never imports torch at all.
"""

from __future__ import annotations

import contextlib
import faulthandler
import fcntl
import multiprocessing
import os
import select
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import msgspec

from zoobench.measure.messages import Emit, Step, WorkerMessage
from zoobench.records import Failure, FailureKind

# How a process that works for another begins and ends: it dies with its parent, and its last words say why it died.


KILLED = "was killed by SIGKILL"

_LAST_WORDS = 200
_LAST_OUTPUT_BYTES = 2**16


def ignore_interrupts() -> None:
    """Ctrl-C reaches the whole group of processes; the parent decides what becomes of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def die_when_closed(pipe: int) -> None:
    """Let the kernel kill this process when the other end of the pipe closes, whatever this process is doing then.

    The parent alone holds that end, so that it closes however the parent ends. It is signalled on Linux (fcntl(2),
    O_ASYNC and F_SETSIG); elsewhere nothing happens.
    """
    if sys.platform != "linux":
        return
    fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(pipe, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(pipe, fcntl.F_SETFL, os.O_ASYNC)
    if select.select([pipe], [], [], 0)[0]:  # it closed before that could be signalled
        os._exit(1)


def redirect_output(file: int) -> None:
    """What a model prints, and what C code says as it dies, goes to this file."""
    for stream in (1, 2):
        os.dup2(file, stream)
    faulthandler.enable(file=2)


def describe_end(exit_code: int | None, output: Path) -> str:
    """What ended a process too early, with its last words: `exited with code 1 before it was done (…)`.

    A negative code is a signal's number; `output` is the file to which its output went.
    """
    words = last_words(output)
    return f"{_ending(exit_code)} ({words})" if words else _ending(exit_code)


def last_words(output: Path) -> str:
    """The line that says most: what Python or the C library wrote as the error, else the last one."""
    if not output.exists():
        return ""
    with output.open("rb") as file:
        file.seek(max(0, output.stat().st_size - _LAST_OUTPUT_BYTES))
        text = file.read().decode(errors="replace")
    lines = [line.strip() for line in text.splitlines()]
    telling = [line for line in lines if line.startswith("Fatal Python error")] or [line for line in lines if line]
    return telling[-1][:_LAST_WORDS] if telling else ""


def _ending(exit_code: int | None) -> str:
    if exit_code is None or exit_code >= 0:
        return f"exited with code {exit_code} before it was done"
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        name = f"signal {-exit_code}"
    if name == "SIGKILL":
        return f"{KILLED}, which the kernel also does when memory runs out"
    return f"was killed by {name}"


class Task(msgspec.Struct, frozen=True):
    """A call of a function with these arguments and, last, an `Emit` to which it sends its results.

    The function is importable by its name in the worker: one of `zoobench.measure.tasks`.
    """

    function: Callable[..., None]
    arguments: tuple[Any, ...]

    def run(self, emit: Emit) -> None:
        """Call it here."""
        self.function(*self.arguments, emit)


PRELOADED = (
    "torch",
    "torchvision",
    "zoobench.measure.tasks",
    "zoobench.measure.worker.run_case",
    "zoobench.measure.worker.environment",
    "pytest",
)
"""Imported once, in the server. pytest is here because a child imports the parent's main module."""

START_LIMIT_S = 300.0
"""For the server's imports and the first fork; afterwards a start takes a fraction of a second."""

START = "start"
"""The step before a worker's first."""


class Executor(Protocol):
    """Where tasks run."""

    def run(self, task: Task, emit: Emit, time_limit_s: float) -> Failure | None:
        """Run one task and pass on its messages. Returns how it failed, if it did not get to its end."""
        ...


class InProcess:
    """For debugging: everything happens here, nothing is contained and no time limit holds."""

    def run(self, task: Task, emit: Emit, time_limit_s: float) -> Failure | None:  # noqa: ARG002
        task.run(emit)
        return None


class ForkedWorkers:
    """Every task in a fresh process, ended at its time limit."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(list(PRELOADED))

    def run(self, task: Task, emit: Emit, time_limit_s: float) -> Failure | None:
        with tempfile.TemporaryDirectory(prefix="zoobench-") as folder:
            output = Path(folder) / "output.txt"
            receiver, sender = self._context.Pipe(duplex=False)
            process = self._context.Process(target=_work, args=(task, sender, str(output)), daemon=True)
            with receiver, _ended(process):
                try:
                    self._start(process)
                except (EOFError, OSError) as error:  # the server died while it imported or forked
                    return Failure(kind=FailureKind.CRASH, message=f"no worker could be started: {error}", where=START)
                finally:
                    sender.close()
                return _Conversation(process, receiver, output, emit).follow(time_limit_s)

    def _start(self, process: ForkServerProcess) -> None:
        """A server that got half of a request dies, and prints its error on the user's terminal.

        The first start is another matter: it lasts until the server has imported torch, and Ctrl-C may end it.
        """
        with interrupts_after() if self._has_started else contextlib.nullcontext():
            process.start()
        self._has_started = True

    _has_started = False


@contextlib.contextmanager
def interrupts_after() -> Iterator[None]:
    """Let Ctrl-C wait until the end of what is short and must not be left half done; the main thread alone can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[tuple[int, FrameType | None]] = []
    before = signal.signal(signal.SIGINT, lambda *arguments: came.append(arguments))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if came and callable(before):
            before(*came[0])


@contextlib.contextmanager
def _ended(process: ForkServerProcess) -> Iterator[None]:
    try:
        yield
    finally:
        if process.pid is not None:
            process.kill()
            process.join()


class _Started:
    """The worker's first word."""


class _Done:
    """The worker's last word."""


class _Conversation:
    """Listens to one worker until it is done, dead or out of time."""

    def __init__(self, process: ForkServerProcess, receiver: Connection, output: Path, emit: Emit) -> None:
        self._process = process
        self._receiver = receiver
        self._output = output
        self._emit = emit
        self._where = START
        self._ends: list[Connection | int] = [receiver, process.sentinel]

    def follow(self, time_limit_s: float) -> Failure | None:
        """Pass on the messages of the worker. Returns how it failed, if it ended before it was done."""
        deadline = time.monotonic() + START_LIMIT_S
        while (left_s := deadline - time.monotonic()) > 0 and (ready := wait(self._ends, left_s)):
            if self._receiver not in ready:
                return self._early_end()
            try:
                message = self._receiver.recv()
            except (EOFError, OSError):  # it says no more, perhaps in the middle of a word: its end is waited for
                self._ends = [self._process.sentinel]
                continue
            if isinstance(message, _Done):
                return None
            if isinstance(message, _Started):
                deadline = time.monotonic() + time_limit_s
            else:
                self._pass_on(message)
        return _timeout(time_limit_s, self._where)

    def _pass_on(self, message: WorkerMessage) -> None:
        if isinstance(message, Step):
            self._where = message.name
        self._emit(message)

    def _early_end(self) -> Failure:
        self._process.join()
        message = f"the worker {describe_end(self._process.exitcode, self._output)}"
        return Failure(kind=FailureKind.CRASH, message=message, where=self._where)


def _work(task: Task, sender: Connection, output: str) -> None:
    """The life of a worker."""
    ignore_interrupts()
    _die_with_the_parent()
    redirect_output(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    sender.send(_Started())
    task.run(sender.send)
    sender.send(_Done())


def _die_with_the_parent() -> None:
    """The server cannot see to it: a worker itself holds the pipe that keeps the server alive."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        die_when_closed(parent.sentinel)


def was_killed(failure: Failure) -> bool:
    """Whether SIGKILL ended the worker, as the kernel does to one of the largest processes when memory runs out."""
    return failure.kind is FailureKind.CRASH and KILLED in failure.message


def _timeout(time_limit_s: float, where: str) -> Failure:
    message = f"no end within the time limit of {time_limit_s:g} s: --zoobench-time-limit raises it"
    return Failure(kind=FailureKind.TIMEOUT, message=message, where=where)
