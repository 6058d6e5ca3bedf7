"""fvcore in a process of its own: what it patches, allocates or crashes on stays there.

The process is started by the first question and answers one after the other, since its imports take seconds. It is no
child of `multiprocessing`: a case's worker is a daemon, which may have none.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Final, Self

import msgspec
import torch

from zoobench import catalogue
from zoobench.cases import ImageSize, ModelRef
from zoobench.counting.opinion import Opinion
from zoobench.counting.opinion_fvcore import fvcore_opinion
from zoobench.zoo.build import build_model

TIME_LIMIT_S: Final = 300.0
"""For one answer, the imports before the first included; the largest vision transformer takes 25 s."""

_REASON_LENGTH = 200


class Question(msgspec.Struct, frozen=True):
    """One image's forward pass of a model."""

    model: ModelRef
    picture: ImageSize


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """fvcore's opinion, or one line on why there is none."""

    opinion: Opinion | None = None
    reason: str = ""


class FvcoreProcess:
    """Whom to ask. After a crash or a question that took too long, the next one starts another process."""

    def __init__(self, time_limit_s: float = TIME_LIMIT_S) -> None:
        self._time_limit_s = time_limit_s
        self._process: subprocess.Popen[bytes] | None = None
        self._line: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, question: Question) -> Answer:
        """What fvcore says, within the time limit; never raises for what the model or fvcore does."""
        line = self._line or self._start()
        try:
            line.send_bytes(msgspec.json.encode(question))
            if line.poll(self._time_limit_s):
                return msgspec.json.decode(line.recv_bytes(), type=Answer)
            reason = f"fvcore gave no answer within {self._time_limit_s:g} s"
        except (EOFError, OSError):
            reason = f"fvcore's process {_ending(self._ended())}"
        self.close()
        return Answer(reason=reason)

    def close(self) -> None:
        """End the process, if there is one."""
        if self._line is not None:
            self._line.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._line = self._process = None

    def _start(self) -> Connection:
        ours, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "zoobench.probes.fvcore_process", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        self._line = ours
        return ours

    def _ended(self) -> int:
        return 0 if self._process is None else self._process.wait()


def answer(question: Question) -> Answer:
    """Build the model and count it here, in this process."""
    entry = catalogue.entry_of(question.model)
    try:
        catalogue.check_image_size(entry, question.picture)
        images = torch.zeros(1, entry.channels, *question.picture)
        return Answer(opinion=fvcore_opinion(build_model(question.model), images))
    except Exception as error:  # noqa: BLE001 - whatever a model and fvcore raise is the answer
        text = " ".join(str(error).split())
        return Answer(reason=f"fvcore raised {type(error).__name__}: {text}"[:_REASON_LENGTH])


def main() -> None:
    """Answer until nobody asks any more. The line's file descriptor is the only argument."""
    with Connection(int(sys.argv[1])) as line:
        while True:
            try:
                question = msgspec.json.decode(line.recv_bytes(), type=Question)
            except EOFError:
                return
            line.send_bytes(msgspec.json.encode(answer(question)))


def _ending(exit_code: int) -> str:
    if exit_code >= 0:
        return f"exited with code {exit_code}"
    return f"was killed by {signal.Signals(-exit_code).name}"


if __name__ == "__main__":
    main()
