"""Workers that are stopped, stopped for ever, or killed in the middle of a block; and systems without /proc."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from faulty_models import PLACE, SIDE
from synthetic import make_case

from zoobench import runner
from zoobench.cases import Budget, ModelRef
from zoobench.devices import CpuDevice
from zoobench.disturbance import CONTINUED, Cause, causes
from zoobench.environment import collect_environment
from zoobench.findings import judge_latency, text_of
from zoobench.isolate import ForkedWorkers
from zoobench.metrics import MODEL_METRICS
from zoobench.parts import Known
from zoobench.records import CaseRecord, Environment, Failure, FailureKind, Finding, Measurement, Severity, Unavailable
from zoobench.session import Lab, Recorder, Session, open_lab
from zoobench.summaries import summary_of

BUDGET = Budget(min_rounds=60, max_rounds=400, min_s=0.0, max_s=30.0, max_warmup_s=0.02, precision_target=0.0)
PAUSE_S = 1.0
SECONDS = 60


class Stopper:
    """Stops the worker that says who it is, in the middle of a call, and continues it later if it is to."""

    def __init__(self, fifo: Path, *, pause_s: float | None) -> None:
        self._fifo, self._pause_s = fifo, pause_s
        self._thread = threading.Thread(target=self._stop, daemon=True)
        self._thread.start()

    def _stop(self) -> None:
        pid = int(self._fifo.read_text(encoding="ascii"))
        os.kill(pid, signal.SIGSTOP)
        if self._pause_s is not None:
            time.sleep(self._pause_s)
            os.kill(pid, signal.SIGCONT)

    def join(self) -> None:
        self._thread.join(SECONDS)
        assert not self._thread.is_alive(), "no worker said that it was in a call"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The fifo; a worker knows its name as its server does, from the environment at the start of the server."""
    fifo = tmp_path_factory.mktemp("place") / "place.fifo"
    os.mkfifo(fifo)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PLACE, str(fifo))
        yield fifo


@pytest.fixture
def session(place: Path) -> Session:
    return Session(LAB(), Recorder())


_labs: list[Lab] = []


def LAB() -> Lab:
    if not _labs:
        _labs.append(open_lab(ForkedWorkers(), device="cpu"))
    return _labs[0]
