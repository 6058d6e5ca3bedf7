"""How a process that works for another begins and ends: it dies with its parent, and its last words say why it died."""

from __future__ import annotations

import faulthandler
import fcntl
import os
import select
import signal
import sys
from pathlib import Path

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
