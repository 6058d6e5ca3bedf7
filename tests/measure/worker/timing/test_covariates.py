from __future__ import annotations

import contextlib
import mmap
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import timing_tasks

from zoobench.measure.executor import ForkedWorkers, Task
from zoobench.measure.worker import rounds
from zoobench.measure.worker.rounds import Counters, read_counters, watched_stops
from zoobench.records import Measurement
from zoobench.stats.interference import Cause, causes
from zoobench.stats.summaries import summary_of

EARLIER = Counters(
    page_faults=10.0, involuntary_switches=4.0, cpu_s=1.5, run_delay_s=0.5, steal_s=2.0, continued=None
)  # fmt: skip
ALWAYS = {"page_faults", "involuntary_switches", "cpu_s"}


def test_differences_are_by_name() -> None:
    later = msgspec.structs.replace(EARLIER, page_faults=13.0, cpu_s=2.0, run_delay_s=0.75)

    assert later.since(EARLIER) == {
        "page_faults": 3.0,
        "involuntary_switches": 0.0,
        "cpu_s": 0.5,
        "run_delay_s": 0.25,
        "steal_s": 0.0,
    }


@pytest.mark.parametrize(("before", "after"), [(None, 1.0), (1.0, None), (None, None)])
def test_what_either_does_not_tell_has_no_difference(before: float | None, after: float | None) -> None:
    earlier, later = (msgspec.structs.replace(EARLIER, steal_s=value) for value in (before, after))

    assert "steal_s" not in later.since(earlier)


def test_a_thread_that_ended_took_its_waits_with_it() -> None:
    assert msgspec.structs.replace(EARLIER, run_delay_s=0.25).since(EARLIER)["run_delay_s"] == 0.0


def test_touching_fresh_pages_is_counted() -> None:
    pages = 400
    before = read_counters()
    with mmap.mmap(-1, pages * mmap.PAGESIZE) as memory:
        memory.madvise(mmap.MADV_NOHUGEPAGE)
        for page in range(pages):
            memory[page * mmap.PAGESIZE] = 1
        added = read_counters().since(before)

    assert added["page_faults"] >= pages


def test_processor_time_of_this_process_is_counted() -> None:
    before = read_counters()
    while read_counters().since(before)["cpu_s"] < 0.02:
        sum(range(10_000))

    assert read_counters().since(before)["cpu_s"] >= 0.02


# Another process on the same processor


@contextlib.contextmanager
def on_one_processor(*, with_competitor: bool) -> Iterator[None]:
    """This thread, and a process that never rests if there is one, may only run on the same processor."""
    before = os.sched_getaffinity(0)
    processor = min(before)
    script = f"import os\nos.sched_setaffinity(0, {{{processor}}})\nprint('here', flush=True)\nwhile True: pass"
    command = [sys.executable, "-c", script if with_competitor else "print('here', flush=True)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as competitor:
        try:
            assert competitor.stdout is not None
            assert competitor.stdout.readline() == "here\n"
            os.sched_setaffinity(0, {processor})
            yield
        finally:
            os.sched_setaffinity(0, before)
            competitor.kill()


def work(cpu_s: float) -> None:
    end = time.thread_time() + cpu_s
    while time.thread_time() < end:
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells it")
def test_waiting_for_a_processor_that_another_process_has_is_counted() -> None:
    """Two that never rest get half each: who works for 0.2 s waits for about as long, and never for nothing."""
    with on_one_processor(with_competitor=True):
        before, began = read_counters(), time.perf_counter()
        work(0.2)
        added, elapsed_s = read_counters().since(before), time.perf_counter() - began

    assert added["run_delay_s"] > 0.05
    assert causes([elapsed_s], {name: [value] for name, value in added.items()}) in ((Cause.WAITING,), (Cause.STEAL,))


def test_a_fabricated_system_is_read_to_the_last_digit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """kernel documentation, scheduler/sched-stats: time on the processor, time waited, both in ns, and timeslices."""
    for thread, line in {"1": "5000 2000000000 7\n", "2": "9000 500000000 3\n"}.items():
        (tmp_path / "task" / thread).mkdir(parents=True)
        (tmp_path / "task" / thread / "schedstat").write_text(line, encoding="ascii")
    (tmp_path / "task" / "3").mkdir()  # it ended while the others were read
    steal_ticks = 3 * os.sysconf("SC_CLK_TCK")
    (tmp_path / "stat").write_text(f"cpu  1 2 3 4 5 6 7 {steal_ticks} 9 10\ncpu0 1 2 3\n", encoding="ascii")
    monkeypatch.setattr(rounds, "_TASKS", tmp_path / "task")
    monkeypatch.setattr(rounds, "_SYSTEM", tmp_path / "stat")

    counters = read_counters()

    assert (counters.run_delay_s, counters.steal_s) == (2.5, 3.0)


@pytest.mark.parametrize("content", [None, "", "garbage\n", "cpu one two three four five six seven eight\n"])
def test_a_system_that_does_not_tell_leaves_the_names_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "task" / "1").mkdir(parents=True)
        (tmp_path / "task" / "1" / "schedstat").write_text(content, encoding="ascii")
        (tmp_path / "stat").write_text(content, encoding="ascii")
    monkeypatch.setattr(rounds, "_TASKS", tmp_path / "task")
    monkeypatch.setattr(rounds, "_SYSTEM", tmp_path / "stat")

    assert set(read_counters().since(read_counters())) == ALWAYS


# Stops


def test_a_stop_of_the_process_is_marked_in_its_round_and_stays_out_of_the_interval() -> None:
    number, pause_s = 20, 3 * timing_tasks.NOTICED_S
    told: list[Any] = []

    def pause(part: Any) -> None:
        told.append(part)
        if isinstance(part, int):
            os.kill(part, signal.SIGSTOP)
            time.sleep(pause_s)
            os.kill(part, signal.SIGCONT)

    assert ForkedWorkers().run(Task(timing_tasks.paused_round, (number,)), pause, 120.0) is None

    latency = told[-1]
    assert isinstance(latency, Measurement)
    assert [index for index, value in enumerate(latency.covariates["continued"], start=1) if value] == [number]
    assert latency.samples[number - 1] > timing_tasks.NOTICED_S
    assert causes(latency.samples, latency.covariates)[number - 1] is Cause.PAUSED
    summary = summary_of(latency)
    assert summary.high is not None
    assert summary.high < timing_tasks.NOTICED_S


def test_each_continuation_is_counted_while_watched() -> None:
    with watched_stops():
        before = read_counters()
        signal.raise_signal(signal.SIGCONT)
        signal.raise_signal(signal.SIGCONT)
        added = read_counters().since(before)

    assert added["continued"] == 2.0
    assert read_counters().continued is None, "nobody counts any more"


def test_the_handler_that_was_there_is_put_back_after_an_error() -> None:
    def handler(*_: object) -> None:
        pass

    original = signal.signal(signal.SIGCONT, handler)
    try:
        with pytest.raises(ArithmeticError), watched_stops():
            raise ArithmeticError
        assert signal.getsignal(signal.SIGCONT) is handler
    finally:
        signal.signal(signal.SIGCONT, original)


def test_a_handler_that_python_did_not_set_becomes_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """signal.signal tells None for one, and does not take it back."""
    really_set = signal.signal
    original = signal.getsignal(signal.SIGCONT)
    monkeypatch.setattr(signal, "signal", lambda number, handler: really_set(number, handler) and None)

    with watched_stops():
        pass

    assert signal.getsignal(signal.SIGCONT) is signal.SIG_DFL
    really_set(signal.SIGCONT, original)


def in_a_thread(task: Callable[[], Any]) -> Any:
    told: list[Any] = []
    thread = threading.Thread(target=lambda: told.append(task()))
    thread.start()
    thread.join()
    return told[0]


def test_in_another_thread_than_the_main_one_stops_are_not_watched() -> None:
    before = signal.getsignal(signal.SIGCONT)

    def sample() -> tuple[Any, set[str]]:
        with watched_stops():
            return signal.getsignal(signal.SIGCONT), set(read_counters().since(read_counters()))

    within, names = in_a_thread(sample)

    assert within is before
    assert names >= ALWAYS
    assert "continued" not in names
