"""A side's worker as the experiment sees it: a process that answers requests, or has failed."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self, TypeVar, cast

import msgspec

from zoobench.compare import messages
from zoobench.compare.checkouts import Checkout
from zoobench.compare.messages import Refusal, Release, Released, WorkerReply, WorkerRequest
from zoobench.compare.spec import OnEvent, RequestFailedError, SideError, TimeSpent
from zoobench.measure.executor import describe_end
from zoobench.records import Failure, FailureKind
from zoobench.records.comparison import SideName

START_LIMIT_S = 300.0
"""For the first answer: importing torch from a cold disk takes longest."""

_END_S = 5.0
"""Within which a process that said its last has ended, whatever it writes before that."""

_ANSWERS: msgspec.msgpack.Decoder[WorkerReply] = msgspec.msgpack.Decoder(WorkerReply)

AnyReply = TypeVar("AnyReply")


THREADS = {"OMP_PROC_BIND": "true"}
"""For OpenMP: each thread stays on a processor of its own, unless the user says otherwise (OpenMP 5.2, section 21.2).
Where threads wander, two of a process may share a processor for a while. Log-ratios of seven pairs of fresh processes
of the same net spread by 2.8 and 1.9 % (lenet5, without and with it), by 2.6 and 1.5 % (mobilenet_v2)."""


class SideProcess:
    """One worker of one side. Within the context it lives; afterwards it is gone, however it was left.

    `spent_s` is what it worked on the last request that it answered.
    `hash_seed` is that of Python's dicts and sets (PYTHONHASHSEED): one for both sides, so that what depends on their
    order is the same on both.
    """

    def __init__(self, checkout: Checkout, bootstrap: Path, *, hash_seed: int, emit: OnEvent) -> None:
        self.side: SideName = checkout.name
        self._checkout = checkout
        self._bootstrap = bootstrap
        self._hash_seed = hash_seed
        self._emit = emit
        self._asked = ""
        self.spent_s = 0.0

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="zoobench-")
        self._output = Path(self._folder.name) / "output.txt"
        lifeline, self._lifeline = os.pipe()
        try:
            with self._output.open("wb") as output:
                self._process = self._start(lifeline, output)
        except OSError as error:
            os.close(self._lifeline)
            self._folder.cleanup()
            raise self._failed(FailureKind.CRASH, f"{self._checkout.python} cannot be started: {error}") from error
        finally:
            os.close(lifeline)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            cast("IO[bytes]", pipe).close()
        os.close(self._lifeline)
        self._folder.cleanup()

    @property
    def pid(self) -> int:
        """The worker's process."""
        return self._process.pid

    def ask(self, request: WorkerRequest, kind: type[AnyReply], limit_s: float) -> AnyReply:
        """Send a request and wait for its reply.

        Raises: RequestFailedError.
        """
        self.send(request)
        return self.reply(kind, limit_s)

    def send(self, request: WorkerRequest) -> None:
        """Begin a request whose reply is fetched later, once.

        Raises: RequestFailedError.
        """
        self._asked = type(request).__name__
        try:
            messages.send(cast("IO[bytes]", self._process.stdin).fileno(), msgspec.msgpack.encode(request))
        except messages.ClosedError:
            raise self._died() from None

    def reply(self, kind: type[AnyReply], limit_s: float) -> AnyReply:
        """The reply to the request that was sent last.

        Raises: RequestFailedError; after a time limit the worker is dead as well.
        """
        replies = cast("IO[bytes]", self._process.stdout).fileno()
        try:
            answer = _ANSWERS.decode(messages.receive_within(replies, limit_s, self._is_alive))
        except messages.LateError:
            self._process.kill()
            message = f"no end within the time limit of {limit_s:g} s"
            raise self._failed(FailureKind.TIMEOUT, message) from None
        except messages.ClosedError:
            raise self._died() from None
        self.spent_s = answer.ended_s - answer.began_s
        self._emit(TimeSpent(side=self.side, request=self._asked, began_s=answer.began_s, ended_s=answer.ended_s))
        if isinstance(answer.reply, Refusal):
            raise RequestFailedError(self.side, answer.reply.failure, is_missing=answer.reply.is_missing)
        if not isinstance(answer.reply, kind):
            raise TypeError(f"{self._asked} was answered with {type(answer.reply).__name__}")
        return answer.reply

    def _start(self, lifeline: int, output: IO[bytes]) -> subprocess.Popen[bytes]:
        """By the side's python, in the side's folder; the script's own folder is not where modules come from (-P)."""
        return subprocess.Popen(
            [self._checkout.python, "-P", self._bootstrap, str(lifeline), self._checkout.folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            bufsize=0,
            pass_fds=(lifeline,),
            cwd=self._checkout.folder,
            env=THREADS | os.environ | {"PYTHONHASHSEED": str(self._hash_seed)},
        )

    def _is_alive(self) -> bool:
        return self._process.poll() is None

    def _died(self) -> RequestFailedError:
        try:
            exit_code = self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._failed(FailureKind.CRASH, "the worker closed its channel and lived on")
        return self._failed(FailureKind.CRASH, f"the worker {describe_end(exit_code, self._output)}")

    def _failed(self, kind: FailureKind, message: str) -> RequestFailedError:
        failure = Failure(kind=kind, message=message, where=self._asked or "start")
        return RequestFailedError(self.side, failure, is_dead=True)


Start = Callable[[Checkout, int], SideProcess]
"""Makes a side's worker, not started yet, with that hash seed."""


# Both sides' workers, alive at the same time; who asks them sees to it that they take turns.


_STARTS = 2
"""A worker that dies before it answers at all is tried again once."""

LETTERS = {"A": SideName.BASE, "B": SideName.HEAD}


class WorkerPair:
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
        self, requests: Mapping[SideName, WorkerRequest], kind: type[AnyReply], limit_s: float
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


def _refused(send: Callable[[WorkerRequest], None], request: WorkerRequest) -> RequestFailedError | None:
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
