"""Messages through a pair of pipes: each is its length in four bytes, and then so many bytes of msgpack."""

from __future__ import annotations

import os
import select
import struct
import time
from collections.abc import Callable

_LENGTH = struct.Struct(">I")
_TICK_S = 0.5
"""So often is asked whether the other end still lives, in case a child of its holds the pipe open."""


class ClosedError(Exception):
    """The other end is gone; nothing, or half a message, came."""


class LateError(Exception):
    """No whole message came in time."""


def send(pipe: int, message: bytes) -> None:
    """Write a message.

    Raises: ClosedError if nobody can read it.
    """
    left = _LENGTH.pack(len(message)) + message
    try:
        while left:
            left = left[os.write(pipe, left) :]
    except BrokenPipeError as error:
        raise ClosedError from error


def receive(pipe: int) -> bytes:
    """Read a message, whenever it comes.

    Raises: ClosedError.
    """
    (size,) = _LENGTH.unpack(_read(pipe, _LENGTH.size, lambda: None))
    return _read(pipe, size, lambda: None)


def receive_within(pipe: int, limit_s: float, is_alive: Callable[[], bool]) -> bytes:
    """Read a message that must be whole within the limit.

    Raises: ClosedError, LateError.
    """
    deadline = time.monotonic() + limit_s

    def wait() -> None:
        while (left_s := deadline - time.monotonic()) > 0:
            if select.select([pipe], [], [], min(left_s, _TICK_S))[0]:
                return
            if not is_alive() and not select.select([pipe], [], [], 0)[0]:
                raise ClosedError
        raise LateError

    (size,) = _LENGTH.unpack(_read(pipe, _LENGTH.size, wait))
    return _read(pipe, size, wait)


def _read(pipe: int, size: int, wait: Callable[[], None]) -> bytes:
    read = bytearray()
    while len(read) < size:
        wait()
        part = os.read(pipe, size - len(read))
        if not part:
            raise ClosedError
        read += part
    return bytes(read)
