"""Both sides' workers, alive at the same time; who asks them sees to it that they take turns."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from zoobench.compare.evidence import SideName
from zoobench.experiment.checkout import Checkout
from zoobench.experiment.errors import RequestFailedError, SideError
from zoobench.experiment.messages import Release, Released, Request
from zoobench.experiment.side_process import START_LIMIT_S, AnyReply, SideProcess, Start

_STARTS = 2
"""A worker that dies before it answers at all is tried again once."""

LETTERS = {"A": SideName.BASE, "B": SideName.HEAD}


class Opponents:
    """A fresh worker of each side. Within the context both have answered once; afterwards both are gone."""

    def __init__(self, start: Start, checkouts: Mapping[SideName, Checkout], hash_seed: int) -> None:
        self._make = start
        self._checkouts = checkouts
        self._hash_seed = hash_seed
        self._stack = contextlib.ExitStack()
        self._processes: dict[SideName, SideProcess] = {}
        self.start_s = 0.0

    def __enter__(self) -> Self:
        """Raises: SideError if a worker of a side does not even start."""
        for left in reversed(range(_STARTS)):
            try:
                self._start()
            except RequestFailedError as error:
                if not left or not error.is_dead:
                    raise SideError(error.side, error.failure.message) from error
            else:
                break
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def __getitem__(self, side: SideName) -> SideProcess:
        return self._processes[side]

    def ask_both(
        self, requests: Mapping[SideName, Request], kind: type[AnyReply], limit_s: float
    ) -> dict[SideName, AnyReply | RequestFailedError]:
        """The replies of sides that work at the same time: for what is not timed."""
        unsent = {side: _refused(self[side].send, request) for side, request in requests.items()}
        return {side: _replied(self[side], kind, limit_s) if error is None else error for side, error in unsent.items()}

    def _start(self) -> None:
        """Both import what they need at the same time."""
        began_s = time.monotonic()
        with contextlib.ExitStack() as undo:
            for side, checkout in self._checkouts.items():
                self._processes[side] = undo.enter_context(self._make(checkout, self._hash_seed))
            for process in self._processes.values():
                process.send(Release())
            for process in self._processes.values():
                process.reply(Released, START_LIMIT_S)
            self._stack = undo.pop_all()
        self.start_s = time.monotonic() - began_s


def _refused(send: Callable[[Request], None], request: Request) -> RequestFailedError | None:
    try:
        send(request)
    except RequestFailedError as error:
        return error
    return None


def _replied(process: SideProcess, kind: type[AnyReply], limit_s: float) -> AnyReply | RequestFailedError:
    try:
        return process.reply(kind, limit_s)
    except RequestFailedError as error:
        return error
