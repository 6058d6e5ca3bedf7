"""Workers that are stopped, stopped for ever, or killed in the middle of a block; and systems without /proc."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from faulty_models import SIDE
from synthetic import make_case

from zoobench.cases import Budget, Case, ModelRef
from zoobench.devices import cpu
from zoobench.measure.executor import ForkedWorkers
from zoobench.measure.messages import KnownFacts
from zoobench.measure.session import Machine, Recorder, Session, open_machine, start_run
from zoobench.measure.worker import rounds, run_case, side_effects
from zoobench.measure.worker.environment import collect_environment
from zoobench.records import CaseRecord, FailureKind, Measurement, Severity, Unavailable, store
from zoobench.records.metrics import MODEL_METRICS
from zoobench.stats.findings import judge_latency, text_of
from zoobench.stats.interference import CONTINUED, Cause, causes
from zoobench.stats.summaries import summary_of

BUDGET = Budget(min_rounds=60, max_rounds=400, min_s=0.0, max_s=30.0, max_warmup_s=0.0)
"""One warm-up call, so that a late call is one of the rounds."""
PAUSE_S = 1.0
SECONDS = 60.0
NAMES_OF_PROC = {"run_delay_s", "steal_s"}


def case_of(name: str) -> Case:
    return make_case(model=ModelRef("import", name), image_size=SIDE, threads=1)


@pytest.fixture(scope="module")
def machine() -> Machine:
    return open_machine(ForkedWorkers(), device="cpu")


@pytest.fixture
def session(machine: Machine) -> Session:
    return Session(machine, Recorder())


def assert_normal(record: CaseRecord) -> None:
    latency = record.measurement("latency")
    assert record.failure is None
    assert latency is not None
    assert len(latency.samples) >= BUDGET.min_rounds
    assert sum(latency.covariates[CONTINUED]) == 0


@pytest.fixture
def stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Case]:
    """The case of a model whose worker is stopped in the middle of a call, and continued if it is to be."""
    fifo = tmp_path / "place.fifo"
    os.mkfifo(fifo)
    source = f"from faulty_models import Stoppable\ndef make():\n    return Stoppable({str(fifo)!r})\n"
    (tmp_path / f"stoppable_{tmp_path.name}.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    def stop(pause_s: float | None) -> None:
        pid = int(fifo.read_text(encoding="ascii"))
        os.kill(pid, signal.SIGSTOP)
        if pause_s is not None:
            time.sleep(pause_s)
            os.kill(pid, signal.SIGCONT)

    def begin(pause_s: float | None) -> Case:
        threading.Thread(target=stop, args=(pause_s,), daemon=True).start()
        return case_of(f"stoppable_{tmp_path.name}:make")

    return begin


def test_a_worker_that_is_paused_in_a_block(session: Session, stopped: Callable[..., Case]) -> None:
    record = session.measure(stopped(PAUSE_S), BUDGET)

    assert record.failure is None
    latency = record.measurement("latency")
    assert latency is not None
    [paused] = [index for index, value in enumerate(latency.covariates[CONTINUED]) if value]
    assert latency.samples[paused] >= PAUSE_S, "it is shown as it was"
    assert max(latency.samples) == latency.samples[paused]
    assert causes(latency.samples, latency.covariates)[paused] is Cause.PAUSED
    summary = summary_of(latency)
    assert summary.high is not None
    assert summary.high < PAUSE_S / 2
    assert {"disturbed", "shared"} & {finding.code for finding in record.findings}, "shared if the machine is busy too"
    assert not {"idle", "noisy"} & {finding.code for finding in judged_for_the_pause_alone(latency)}
    assert_normal(session.measure(case_of("faulty_models:Net"), BUDGET))


def judged_for_the_pause_alone(latency: Measurement) -> list[Any]:
    """The findings of the same rounds on a machine where nothing else is going on."""
    quiet = msgspec.structs.replace(latency, covariates={CONTINUED: latency.covariates[CONTINUED]})
    patient = Budget(precision_target=1.0)
    found = list(judge_latency(case_of("faulty_models:Net"), patient, quiet))
    assert [finding.severity for finding in found] == [Severity.NOTE]
    assert text_of(found[0]).endswith(
        "of the rounds were disturbed, mostly since the process was stopped and continued: the median is of the others"
    )
    return found


def test_a_worker_that_is_stopped_for_longer_than_the_time_limit(
    session: Session, stopped: Callable[..., Case]
) -> None:
    budget = msgspec.structs.replace(BUDGET, time_limit_s=3.0)

    record = session.measure(stopped(None), budget)

    assert record.failure is not None
    assert (record.failure.kind, record.failure.where) == (FailureKind.TIMEOUT, "latency")
    assert record.failure.message == "no end within the time limit of 3 s: --zoobench-time-limit raises it"
    assert {measured.metric for measured in record.measurements} == set(MODEL_METRICS), "what was measured before stays"
    assert_normal(session.measure(case_of("faulty_models:Net"), BUDGET))


def test_a_worker_that_is_killed_in_a_block(machine: Machine, tmp_path: Path) -> None:
    writer = start_run(tmp_path, machine, label="faults", command=("pytest",))
    session = Session(machine, Recorder(writer))

    record = session.measure(case_of("faulty_models:Dying"), BUDGET)

    assert record.failure is not None
    assert (record.failure.kind, record.failure.where) == (FailureKind.CRASH, "latency")
    assert record.failure.message.startswith("the worker was killed by SIGKILL, which the kernel also does when memory")
    assert {measured.metric for measured in record.measurements} == set(MODEL_METRICS), "what was measured before stays"
    assert_normal(session.measure(case_of("faulty_models:Net"), BUDGET))
    writer.close()
    stored = store.load_run(tmp_path, store.stored_run_ids(tmp_path)[0])
    assert [found.failure is None for found in stored.records] == [False, True]


# Systems without /proc


@pytest.fixture
def without_proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where it is not mounted, for all that we read of it."""
    absent = tmp_path / "proc"
    monkeypatch.setattr(rounds, "_TASKS", absent / "self" / "task")
    monkeypatch.setattr(rounds, "_SYSTEM", absent / "stat")
    monkeypatch.setattr(side_effects, "_TASKS", absent / "self" / "task")
    monkeypatch.setattr(cpu, "_STATUS", absent / "self" / "status")
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(absent))


@pytest.mark.usefixtures("without_proc")
def test_a_system_without_proc_measures_what_it_can() -> None:
    told: list[Any] = []

    run_case.measure(case_of("faulty_models:Net"), BUDGET, KnownFacts(), told.append)

    results = {part.metric: part for part in told if isinstance(part, (Measurement, Unavailable))}
    latency = results["latency"]
    assert isinstance(latency, Measurement)
    assert not NAMES_OF_PROC & latency.covariates.keys()
    assert {"cpu_s", "page_faults", CONTINUED} <= latency.covariates.keys()
    assert results["process_memory"] == Unavailable(
        metric="process_memory", reason="this system does not report a process's peak memory"
    )
    assert not {"idle", "threads"} & {getattr(part, "code", None) for part in told}


@pytest.mark.usefixtures("without_proc")
def test_a_system_without_proc_is_described_as_far_as_it_tells() -> None:
    told: list[Any] = []

    collect_environment(".", (), told.append)

    [environment] = told
    assert environment.host["memory_bytes"] == ""
    assert environment.host["usable_threads"] != ""


REAL = """
    import sys
    sys.path[:0] = {path!r}
    from zoobench import Budget, measure_case
    if __name__ == "__main__":
        record = measure_case("faulty_models:Net", image_size={side}, threads=1, budget=Budget(max_s=0.2))
        latency = record.measurement("latency")
        print(record.failure, *sorted(latency.covariates), *(un.metric for un in record.unavailable))
"""


def can_hide_proc() -> bool:
    """Whether an ordinary user may have a file system of its own here."""
    if shutil.which("unshare") is None:
        return False
    hidden = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/proc"]
    return subprocess.run(hidden, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_hide_proc(), reason="needs Linux's user namespaces")
def test_a_real_system_without_proc(tmp_path: Path) -> None:
    script = tmp_path / "measure.py"
    script.write_text(textwrap.dedent(REAL.format(path=sys.path, side=SIDE)), encoding="utf-8")
    hidden = f"mount -t tmpfs none /proc && exec {sys.executable} {script}"

    done = subprocess.run(["unshare", "-rm", "sh", "-c", hidden], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    failure, *names = done.stdout.split()
    assert failure == "None"
    assert "cpu_s" in names
    assert not NAMES_OF_PROC & set(names)
    assert "process_memory" in names
