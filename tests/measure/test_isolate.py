from __future__ import annotations

import multiprocessing
import os
import re
import select
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest
import worker_tasks
from processes import interruptible

from zoobench.measure.executor import ForkedWorkers, InProcess, Task, was_killed
from zoobench.measure.messages import InCalls, Step
from zoobench.records import Failure, FailureKind

SECONDS = 60.0
"""A limit that no task here should reach."""

GONE_WITHIN_S = 20.0

Told = list[Any]
Outcome = tuple[Failure | None, Told]


@pytest.fixture(scope="module")
def workers() -> ForkedWorkers:
    """The server behind it is started once and serves the whole test session."""
    return ForkedWorkers()


@pytest.fixture
def run(workers: ForkedWorkers) -> Callable[..., Outcome]:
    def run(name: str, *arguments: Any, limit_s: float = SECONDS) -> Outcome:
        told: Told = []
        failure = workers.run(Task(getattr(worker_tasks, name), arguments), told.append, limit_s)
        return failure, told

    return run


Run = Callable[..., Outcome]


def test_a_task_that_ends_tells_its_parts_in_order(run: Run) -> None:
    parts = (Step("build"), InCalls(0.5), Step("latency"), InCalls(1.5))

    assert run("tell_all", parts) == (None, list(parts))


def test_arguments_come_before_the_tell(run: Run) -> None:
    assert run("tell_twice", 1, 2) == (None, [InCalls(1.0), InCalls(2.0)])


def test_each_task_has_a_process_of_its_own_with_torch_imported_already(run: Run) -> None:
    (_, [(first, modules)]), (_, [(second, _)]) = run("tell_process"), run("tell_process")

    assert len({first, second, os.getpid()}) == 3
    assert {"torch", "torchvision", "zoobench.measure.worker.run_case"} <= set(modules)


def test_an_error_in_the_task_is_a_crash_that_says_which(run: Run) -> None:
    failure, told = run("raise_error")

    assert failure == Failure(
        kind=FailureKind.CRASH,
        message="the worker exited with code 1 before it was done (ArithmeticError: the model cannot count)",
        where="latency",
    )
    assert told == [Step("latency")]


def test_an_exit_names_its_code_and_where_and_keeps_what_was_told(run: Run) -> None:
    failure, told = run("exit_at_once", 3)

    message = "the worker exited with code 3 before it was done"
    assert failure == Failure(kind=FailureKind.CRASH, message=message, where="latency")
    assert told == [Step("latency"), InCalls(1.5)]


def test_even_an_exit_with_code_0_is_no_end(run: Run) -> None:
    failure, _ = run("exit_at_once", 0)

    assert failure is not None
    assert failure.message == "the worker exited with code 0 before it was done"


@pytest.mark.parametrize(
    ("number", "ending"),
    [
        (signal.SIGKILL, "was killed by SIGKILL, which the kernel also does when memory runs out"),
        (signal.SIGTERM, "was killed by SIGTERM"),
        (signal.SIGRTMIN + 3, f"was killed by signal {signal.SIGRTMIN + 3}"),
    ],
    ids=["SIGKILL", "SIGTERM", "a signal without a name"],
)
def test_a_signal_is_named(run: Run, number: int, ending: str) -> None:
    failure, told = run("kill_itself", int(number))

    assert failure == Failure(kind=FailureKind.CRASH, message=f"the worker {ending}", where="memory")
    assert told == [Step("memory"), InCalls(1.5)]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_kill_is_told_from_other_signals(run: Run, number: int) -> None:
    failure, _ = run("kill_itself", number)

    assert failure is not None
    assert was_killed(failure) is (number == signal.SIGKILL)
    assert not was_killed(Failure(kind=FailureKind.TIMEOUT, message=failure.message, where="memory"))


def test_a_segmentation_fault_is_named_with_what_python_says_of_it(run: Run) -> None:
    failure, _ = run("read_address_zero")

    message = "the worker was killed by SIGSEGV (Fatal Python error: Segmentation fault)"
    assert failure == Failure(kind=FailureKind.CRASH, message=message, where="latency")


@pytest.mark.parametrize("name", ["hang", "hang_in_c", "ignore_everything", "close_every_file"])
def test_a_task_that_does_not_end_is_ended_at_its_limit(run: Run, name: str) -> None:
    failure, told = run(name, limit_s=0.5)

    assert failure is not None
    assert failure.kind is FailureKind.TIMEOUT
    assert failure.message == "no end within the time limit of 0.5 s: --zoobench-time-limit raises it"
    assert all(is_gone(part) for part in told if isinstance(part, int))


def test_where_a_task_hangs_is_the_step_that_it_told_last(run: Run) -> None:
    failure, _ = run("hang", limit_s=0.5)

    assert failure is not None
    assert failure.where == "latency"


def test_a_stopped_task_is_ended_at_its_limit(run: Run) -> None:
    failure, told = run("kill_itself", int(signal.SIGSTOP), limit_s=0.5)

    assert failure is not None
    assert failure.kind is FailureKind.TIMEOUT
    assert told == [Step("memory"), InCalls(1.5)]


def test_the_limit_holds_for_a_task_that_tells_faster_than_it_is_listened_to(workers: ForkedWorkers) -> None:
    told: Told = []

    def tell_slowly(part: Any) -> None:
        sum(range(50_000))
        told.append(part)
        assert len(told) < 20_000, "it is listened to for ever"

    failure = workers.run(Task(worker_tasks.never_stop_telling, ()), tell_slowly, 0.2)

    assert failure is not None
    assert failure.kind is FailureKind.TIMEOUT
    assert told


def test_ctrl_c_is_the_parents_to_decide(run: Run) -> None:
    """The terminal sends it to the whole group."""
    assert run("be_interrupted") == (None, [InCalls(1.0)])


def test_what_a_task_prints_goes_nowhere(run: Run, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("print_much") == (None, [InCalls(1.0)])
    assert capfd.readouterr() == ("", "")


def test_of_much_output_the_end_of_the_last_line_that_is_not_empty_is_quoted(run: Run) -> None:
    failure, _ = run("say_and_exit", "first\n" + "loud\n" * 100_000 + "  " + "x" * 300 + "\n\n")

    assert failure is not None
    assert failure.message == f"the worker exited with code 1 before it was done ({'x' * 200})"


def test_output_that_is_no_text_does_no_harm(run: Run) -> None:
    failure, _ = run("say_and_exit", "\udcff\udcfe".encode("utf-8", "surrogatepass").decode("latin-1"))

    assert failure is not None
    assert failure.kind is FailureKind.CRASH


def test_a_huge_message_arrives_whole(run: Run) -> None:
    size_bytes = 32 * 2**20

    failure, told = run("tell_much", size_bytes)

    assert failure is None
    assert told == [b"x" * size_bytes, InCalls(1.0)]


def test_a_child_that_a_dead_worker_left_behind_does_not_hide_its_death(run: Run) -> None:
    failure, [child] = run("leave_a_child_and_die")
    os.kill(child, signal.SIGKILL)

    assert failure is not None
    assert failure.message == "the worker exited with code 3 before it was done"


def test_an_error_in_the_listener_ends_the_worker(workers: ForkedWorkers) -> None:
    pids = []

    def emit(part: Any) -> None:
        if isinstance(part, int):
            pids.append(part)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        workers.run(Task(worker_tasks.hang, ()), emit, SECONDS)
    assert is_gone(pids[0])


def test_in_process_runs_here_and_lets_errors_through() -> None:
    told: Told = []

    assert InProcess().run(Task(worker_tasks.tell_process, ()), told.append, SECONDS) is None
    assert told[0][0] == os.getpid()
    with pytest.raises(ArithmeticError):
        InProcess().run(Task(worker_tasks.raise_error, ()), told.append, SECONDS)


# What follows needs a parent of its own; its server imports next to nothing.

PARENT = """
    import sys
    sys.path.insert(0, {tests!r})
    import worker_tasks
    from zoobench.measure import executor
    executor.PRELOADED = {preloaded!r}
    if __name__ == "__main__":
        def tell(part):
            print(part, flush=True)
        print(executor.ForkedWorkers().run(executor.Task(worker_tasks.{task}, ()), tell, 1000.0), flush=True)
"""


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a process that runs one task in a worker and prints what it tells."""
    started: list[subprocess.Popen[str]] = []

    def start(task: str, preloaded: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        script = tmp_path / "parent.py"
        values = {"tests": str(Path(__file__).parents[1]), "preloaded": preloaded, "task": task}
        script.write_text(textwrap.dedent(PARENT.format(**values)), encoding="utf-8")
        command = [sys.executable, str(script)]
        started.append(interruptible(command))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("task", ["hang", "hang_in_c", "ignore_everything"])
def test_a_parent_that_is_killed_leaves_no_worker_behind(
    parent: Callable[..., subprocess.Popen[str]], task: str
) -> None:
    process = parent(task)
    assert process.stdout is not None
    worker = next(int(line) for line in process.stdout if line.strip().isdigit())
    server = parent_of(worker)

    process.kill()

    assert is_gone(worker)
    assert is_gone(server)


def test_a_parent_that_is_interrupted_ends_its_worker(parent: Callable[..., subprocess.Popen[str]]) -> None:
    process = parent("ignore_everything")
    assert process.stdout is not None
    worker = next(int(line) for line in process.stdout if line.strip().isdigit())

    process.send_signal(signal.SIGINT)

    assert is_gone(worker)
    assert "KeyboardInterrupt" in process.communicate(timeout=SECONDS)[0]


def test_a_server_that_cannot_start_is_a_failure_with_its_reason(
    parent: Callable[..., subprocess.Popen[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with a torch whose libraries are broken: it raises no ImportError."""
    (tmp_path / "broken_library.py").write_text("raise OSError('libcudart.so is broken')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    output = parent("hang", preloaded=("broken_library",)).communicate(timeout=SECONDS)[0]

    assert re.search(r"Failure\(kind=<FailureKind.CRASH.*no worker could be started.*where='start'", output)


def is_gone(pid: int) -> bool:
    """Whether the process ends within the patience of this test."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with os.fdopen(process):
        return bool(select.select([process], [], [], GONE_WITHIN_S)[0])


def parent_of(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return int(fields[1])


@pytest.fixture
def heeds_ctrl_c() -> Iterator[None]:
    """As `interruptible`, of this process."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeds_ctrl_c")
def test_ctrl_c_between_the_two_halves_of_a_start_waits_for_the_second(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that gets only the first dies, and prints a traceback onto the user's terminal."""
    run("tell_process")
    send = forkserver.reduction.sendfds

    def interrupt_and_send(*arguments: Any) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        send(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(forkserver.reduction, "sendfds", interrupt_and_send)
        with pytest.raises(KeyboardInterrupt):
            run("tell_process")
    assert multiprocessing.active_children() == []
    failure, _ = run("tell_process")
    assert failure is None
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
