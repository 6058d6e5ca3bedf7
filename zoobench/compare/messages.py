"""What an experiment asks of a side's worker, and what the worker answers. A worker has at most one case at a time."""

from __future__ import annotations

import os
import select
import struct
import time
from collections.abc import Callable

import msgspec

from zoobench.cases import Case, Matrix
from zoobench.records import Environment, Failure
from zoobench.records.comparison import Block
from zoobench.records.metrics import MODEL_METRICS

# Messages through a pair of pipes: each is its length in four bytes, and then so many bytes of msgpack.


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


EXACT_METRICS = (*MODEL_METRICS, "predicted_peak", "predicted_workspace", "operator_calls", "graph_breaks")
"""What is counted of a case on both sides (`zoobench.records.metrics`)."""


class Discover(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Import these modules of the side, as far as they can be, and say who you are."""

    modules: tuple[str, ...] = ()
    extra_devices: tuple[str, ...] = ()


class Discovery(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Where the worker is, and the file of every module that it has loaded."""

    environment: Environment
    loaded: dict[str, str]


class ListCases(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Expand the matrix by the side's catalogue."""

    matrix: Matrix


class Listed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The cases; for each model or family that the side does not know, what it says of it."""

    cases: tuple[Case, ...]
    unknown: dict[str, str]


class Prepare(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Build this case, in place of the one before. Layouts are drawn from `seed`.

    A control is built by the harness. `wasted_ratio` of a warm call's time is wasted in every call after warm-up.
    """

    case: Case
    seed: int
    is_control: bool = False
    wasted_ratio: float = 0.0


class Prepared(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The case is built."""


class CountFacts(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Count the exact metrics of the prepared case."""


class CountedFacts(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Exact metrics by key, and why there are no others."""

    exact: dict[str, float]
    unavailable: dict[str, str]


class Compute(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Call the prepared model once in eval mode."""


class Output(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The primary logits of that call, little-endian fp32 in C order."""

    shape: tuple[int, ...]
    values: bytes


class WarmUp(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Make calls of the prepared case until they are no longer getting faster, or for so long."""

    bound_s: float


class Warm(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What a call takes now."""

    call_s: float


class TakeBlock(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Let calls of the prepared case settle, and time so many rounds of so many calls.

    For a new layout, its tensors are moved before.
    """

    rounds: int
    calls_a_round: int = 1
    has_new_layout: bool = True


class TakenBlock(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The block."""

    block: Block


class Release(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Drop the prepared case and put its settings back."""


class Released(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """No case is prepared."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The request failed, and the worker lives. `is_missing` if the side has no such model."""

    failure: Failure
    is_missing: bool = False


WorkerRequest = Discover | ListCases | Prepare | CountFacts | Compute | WarmUp | TakeBlock | Release
Reply = Discovery | Listed | Prepared | CountedFacts | Output | Warm | TakenBlock | Released | Refusal


class WorkerReply(msgspec.Struct, frozen=True, kw_only=True):
    """A reply, and from when to when the worker worked on it, by a clock that all processes share."""

    reply: Reply
    began_s: float
    ended_s: float
