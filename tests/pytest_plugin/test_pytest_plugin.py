from __future__ import annotations

import errno
import importlib.util
import itertools
import json
import multiprocessing.forkserver  # noqa: F401 - or pytester forgets the server of each run
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
import torch
import torchvision  # noqa: F401 - imported before pytester takes its snapshot of what is imported: torch cannot be twice
from fakes import make_device, register
from processes import interruptible
from synthetic import make_calibration

from zoobench.cases import Case, Mode
from zoobench.measure.executor import InProcess
from zoobench.measure.machine import MachineCeilings, find_ceilings
from zoobench.measure.session import Machine, open_machine
from zoobench.measure.worker import ceilings
from zoobench.measure.worker.probes import all_probes
from zoobench.pytest_plugin import bench
from zoobench.records import FailureKind, store
from zoobench.records.machine import calibration_facts, write_calibration
from zoobench.records.store import StoredRun

USAGE_ERROR = 2
INTERRUPTED = 2
SUITE = """
    from zoobench import Budget, Matrix, Mode

    MATRIX = Matrix(modes=(Mode.INFER,))
    BUDGET = Budget(min_rounds=2, max_rounds=3, min_s=0.0, max_s=5.0, max_warmup_s=0.0)

    def bench_inference(measure_case):
        measure_case()
"""
TRAINING_SUITE = SUITE.replace("INFER", "TRAIN").replace("bench_inference", "bench_training")
LENET5 = (
    "--zoobench-models=lenet5",
    "--zoobench-precisions=fp32",
    "--zoobench-batch-sizes=1",
    "--zoobench-threads=1",
)
HERE = ("--zoobench-isolation=none",)

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one suite, from which pytest is run; the file of the suite."""
    monkeypatch.setenv("COLUMNS", "200")
    pytester.makeini("[pytest]\npython_files = bench_*.py\npython_functions = bench_*\n")
    return pytester.makepyfile(bench_suite=SUITE)


@pytest.fixture
def run(pytester: pytest.Pytester, suite: Path) -> Run:
    """Runs pytest in this process, on lenet5 at batch 1 unless other options are given."""

    def run(*options: str, axes: tuple[str, ...] = LENET5, isolation: tuple[str, ...] = HERE) -> pytest.RunResult:
        arguments = ("-p", "no:cacheprovider", *axes, *isolation, *options)
        return pytester.runpytest_inprocess(*arguments, no_reraise_ctrlc=True)  # exit code 2 is not only Ctrl-C's

    return run


def stored_runs(folder: Path) -> list[StoredRun]:
    results = folder / "results"
    return [store.load_run(results, run_id) for run_id in store.stored_run_ids(results)]


def the_run(folder: Path) -> StoredRun:
    [stored] = stored_runs(folder)
    return stored


def text_of(result: pytest.RunResult) -> str:
    return "\n".join((*result.outlines, *result.errlines))


def assert_refused(result: pytest.RunResult, message: str) -> None:
    """One line that says why, the exit code of a wrong usage, no traceback, nothing measured."""
    told = [line for line in (*result.outlines, *result.errlines) if "zoobench:" in line]
    assert result.ret == USAGE_ERROR, text_of(result)
    assert len(told) == 1, text_of(result)
    assert re.search(message, told[0]), told[0]
    assert "Traceback" not in text_of(result)
    assert "INTERNALERROR" not in text_of(result)
    assert " passed" not in text_of(result)


@pytest.fixture(autouse=True)
def survey(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[list[Case]]:
    """Measures no ceilings, which would take two seconds a run; the cases that they were asked for."""
    asked: list[list[Case]] = []

    def know_nothing(machine: Machine, cases: Iterable[Case], folder: Path) -> MachineCeilings:
        asked.append(list(cases))
        return MachineCeilings(machine, ())

    monkeypatch.setattr(bench, "find_ceilings", know_nothing)
    return asked


# A run from end to end


def test_a_suite_is_measured_recorded_and_handed_to_pytest_benchmark(run: Run, pytester: pytest.Pytester) -> None:
    result = run("--benchmark-only", "--benchmark-json=out.json", isolation=())

    result.assert_outcomes(passed=1)
    stored = the_run(pytester.path)
    [record] = stored.records
    assert record.case.id == "zoobench:lenet5/infer/b1/32/fp32/cpu/contiguous/eager/t1/retained"
    assert record.failure is None
    assert not record.is_planned
    assert stored.run.label == "default"
    assert stored.run.command[0] == "pytest"
    assert stored.run.environment.software["torch"].startswith(torch.__version__.partition("+")[0])
    latency = record.measurement("latency")
    assert latency is not None
    [benchmark] = json.loads((pytester.path / "out.json").read_text(encoding="utf-8"))["benchmarks"]
    assert benchmark["stats"]["data"] == list(latency.samples)
    assert benchmark["extra_info"]["case"] == record.case.id
    result.stdout.fnmatch_lines(["*1/1*lenet5 infer b1 fp32*took*", f"results: *{stored.run.run_id}*% of the time*"])
    result.stdout.fnmatch_lines([f"report:  python -m zoobench report {stored.run.run_id}"])


def test_a_case_in_several_processes_is_one_benchmark(run: Run, pytester: pytest.Pytester) -> None:
    result = run("--benchmark-only", "--benchmark-json=out.json", "--zoobench-processes=2", isolation=())

    result.assert_outcomes(passed=1)
    [record] = the_run(pytester.path).records
    latency = record.measurement("latency")
    assert latency is not None
    assert (record.budget.processes, len(latency.process_sizes)) == (2, 2)
    [benchmark] = json.loads((pytester.path / "out.json").read_text(encoding="utf-8"))["benchmarks"]
    assert benchmark["stats"]["data"] == list(latency.samples)


def test_a_run_carries_the_calibration_that_lies_beside_it(run: Run, pytester: pytest.Pytester) -> None:
    here = open_machine(InProcess(), device="auto").environment
    made = make_calibration(facts=calibration_facts(here))
    write_calibration(made, pytester.path / "results")

    result = run("--benchmark-only")

    assert the_run(pytester.path).run.environment.calibration == made
    assert "note:" not in text_of(result)


def test_a_calibration_of_another_machine_is_a_line_and_the_run_goes_on(run: Run, pytester: pytest.Pytester) -> None:
    here = open_machine(InProcess(), device="auto").environment
    made = make_calibration(facts=calibration_facts(here) | {"processor": "Another CPU"})
    write_calibration(made, pytester.path / "results")

    result = run("--benchmark-only")

    result.assert_outcomes(passed=1)
    assert the_run(pytester.path).run.environment.calibration is None
    result.stdout.fnmatch_lines(["note:    no calibration: *doctor.json was made with processor 'Another CPU', here *"])


def test_a_run_knows_the_ceilings_of_its_cases(
    run: Run, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "find_ceilings", find_ceilings)
    monkeypatch.setattr(ceilings, "PRODUCT_SIDES", (16,))
    monkeypatch.setattr(ceilings, "COPY_BYTES", (2**16,))

    run("--benchmark-only").assert_outcomes(passed=1)

    found = the_run(pytester.path).run.environment.ceilings
    assert [(c.device, c.kind, c.threads, c.precision) for c in found] == [
        ("cpu", "matrix-product", 1, "fp32"),
        ("cpu", "copy", 1, ""),
    ]
    assert (pytester.path / "results" / "ceilings.json").exists()


def test_ceilings_are_asked_for_the_selected_cases_alone(run: Run, survey: list[list[Case]]) -> None:
    axes = ("--zoobench-models=lenet5", "--zoobench-precisions=fp32", "--zoobench-batch-sizes=1,2")

    run("-k", "b2", axes=axes)

    assert [[case.batch for case in cases] for cases in survey] == [[2]]


def test_what_is_said_of_ceilings_is_told_and_the_run_goes_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "find_ceilings", lambda machine, *_: MachineCeilings(machine, ("no ceiling is known",)))

    result = run("--benchmark-only")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["note:    no ceiling is known"])


def test_its_table_shows_our_numbers(run: Run, pytester: pytest.Pytester) -> None:
    result = run("--benchmark-only", "--benchmark-columns=min,rounds")

    latency = the_run(pytester.path).records[0].measurement("latency")
    assert latency is not None
    [row] = [line for line in result.outlines if line.startswith("bench_inference[lenet5")]
    assert row.split()[-1] == str(len(latency.samples))


def test_saved_runs_are_compared_and_drawn_by_pytest_benchmark(run: Run, pytester: pytest.Pytester) -> None:
    first = run("--benchmark-only", "--benchmark-autosave")
    second = run("--benchmark-only", "--benchmark-compare", "--benchmark-compare-fail=min:100000%")

    assert (first.ret, second.ret) == (0, 0), text_of(second)
    assert len(list(pytester.path.glob(".benchmarks/*/0001_*.json"))) == 1
    second.stderr.fnmatch_lines(["Comparing against benchmarks from: *0001_*"])
    names = [line for line in second.outlines if line.startswith("bench_inference[lenet5")]
    assert len(names) == 2, "now and before"


@pytest.mark.skipif(importlib.util.find_spec("pygal") is None, reason="pytest-benchmark draws histograms with pygal")
def test_histograms_are_drawn_by_pytest_benchmark(run: Run, pytester: pytest.Pytester) -> None:
    result = run("--benchmark-only", "--benchmark-histogram=drawn")

    assert result.ret == 0, text_of(result)
    assert list(pytester.path.glob("drawn*.svg"))


def test_disabled_benchmarks_run_each_case_once_and_write_no_run(
    run: Run, pytester: pytest.Pytester, survey: list[list[Case]]
) -> None:
    result = run("--benchmark-disable", "-v")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*1/1*lenet5 infer b1 fp32*"])
    assert not (pytester.path / "results").exists()
    assert survey == []


def test_axes_are_those_asked_for_and_modes_those_of_the_suite(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(bench_training=TRAINING_SUITE)
    axes = ("--zoobench-models=lenet5,squeezenet1_1", "--zoobench-batch-sizes=1,2", "--zoobench-precisions=fp32")

    result = run("--benchmark-disable", "--collect-only", "-q", axes=axes)

    names = [line.partition("[")[2].rstrip("]") for line in result.outlines if "[" in line]
    expected = [
        f"{model}-{mode}-b{batch}-fp32"
        for mode in ("infer", "train")
        for model in ("lenet5", "squeezenet1_1")
        for batch in (1, 2)
    ]
    assert sorted(names) == sorted(expected)


def test_collecting_begins_no_run(run: Run, pytester: pytest.Pytester) -> None:
    result = run("--collect-only", "-q")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["*bench_inference[[]lenet5-infer-b1-fp32[]]"])
    assert not (pytester.path / "results").exists()


def test_a_suite_that_only_counts_has_one_case_a_model(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        bench_counted="from zoobench import COUNT_ONLY, Matrix\n\nMATRIX, BUDGET = Matrix(), COUNT_ONLY\n\n\n"
        "def bench_counted(measure_case):\n    measure_case()\n"
    )
    axes = (
        "--zoobench-models=lenet5",
        "--zoobench-precisions=fp32",
        "--zoobench-batch-sizes=1,2",
        "--zoobench-modes=infer",
    )

    result = run("--collect-only", "-q", axes=axes)

    counted = [line for line in result.outlines if "bench_counted[" in line]
    assert [line.partition("::")[2] for line in counted] == ["bench_counted[lenet5-infer-b1-fp32]"]
    assert sum("bench_inference[" in line for line in result.outlines) == 2


def test_a_selection_is_what_is_counted_and_measured(run: Run, pytester: pytest.Pytester) -> None:
    axes = ("--zoobench-models=lenet5", "--zoobench-precisions=fp32", "--zoobench-batch-sizes=1,2,3,4")

    result = run("-k", "b2 or b4", axes=axes)

    result.assert_outcomes(passed=2, deselected=2)
    assert [record.case.batch for record in the_run(pytester.path).records] == [2, 4]
    result.stdout.fnmatch_lines(["*1/2*b2*", "*2/2*b4*"])


def test_other_tests_beside_a_suite_stay_as_they_are(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(bench_other="def bench_nothing():\n    pass\n")

    run("-q").assert_outcomes(passed=2)
    only = run("-q", "--benchmark-only")

    only.assert_outcomes(passed=1, skipped=1)


def test_a_plain_pytest_run_loads_no_torch_and_begins_no_run(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_nothing():\n    import sys\n    assert 'torch' not in sys.modules\n")

    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")

    result.assert_outcomes(passed=1)
    assert not (pytester.path / "results").exists()


def test_options_of_the_project_hold_unless_the_command_line_says_otherwise(
    run: Run, pytester: pytest.Pytester
) -> None:
    pytester.makepyprojecttoml('[tool.zoobench]\nmodels = ["lenet5"]\nbatch-sizes = [1, 2]\nprecisions = "fp32"\n')

    asked = run("--collect-only", "-q", axes=())
    overruled = run("--collect-only", "-q", axes=("--zoobench-batch-sizes=4",))

    assert [line.partition("[")[2] for line in asked.outlines if "[" in line] == [
        "lenet5-infer-b1-fp32]",
        "lenet5-infer-b2-fp32]",
    ]
    assert [line.partition("[")[2] for line in overruled.outlines if "[" in line] == ["lenet5-infer-b4-fp32]"]


def test_a_device_of_a_package_is_measured_in_a_worker(
    run: Run, pytester: pytest.Pytester, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("installed")
    register(folder, make_device)
    pytester.syspathinsert(folder)

    result = run("--zoobench-device=fake", "--zoobench-max-seconds=60", isolation=())

    result.assert_outcomes(passed=1)
    [record] = the_run(pytester.path).records
    assert record.case.device == "fake"
    device_time = record.measurement("device_time")
    assert device_time is not None
    assert record.measurement("host_latency") is not None


# Failures of cases


def test_a_factory_that_raises_fails_its_case_and_no_other(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(broken_factory="def make():\n    raise ValueError('no width [7]')\n")
    pytester.syspathinsert()
    axes = ("--zoobench-models=lenet5,broken_factory:make", *LENET5[1:])

    result = run(axes=axes, isolation=())

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=1, failed=1)
    good, bad = the_run(pytester.path).records
    assert good.failure is None
    assert bad.failure is not None
    assert bad.failure.kind is FailureKind.BUILD
    result.stdout.fnmatch_lines(["*2/2*build: factory broken_factory:make raised ValueError: no width [[]7[]]*"])
    assert "Traceback" not in text_of(result)


def test_a_worker_that_dies_fails_its_case_and_no_other(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(dying_factory="import os, signal\ndef make():\n    os.kill(os.getpid(), signal.SIGSEGV)\n")
    pytester.syspathinsert()
    axes = ("--zoobench-models=lenet5,dying_factory:make", *LENET5[1:])

    result = run(axes=axes, isolation=())

    result.assert_outcomes(passed=1, failed=1)
    assert [record.failure and record.failure.kind for record in the_run(pytester.path).records] == [
        None,
        FailureKind.CRASH,
    ]
    result.stdout.fnmatch_lines(["*crash: the worker was killed by SIGSEGV*"])


def test_a_case_that_does_not_end_is_ended_at_the_time_limit(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(endless_factory="import signal\ndef make():\n    signal.pause()\n")
    pytester.syspathinsert()

    result = run("--zoobench-models=endless_factory:make", "--zoobench-time-limit=0.5", isolation=())

    result.assert_outcomes(failed=1)
    [record] = the_run(pytester.path).records
    assert record.failure is not None
    assert (record.failure.kind, record.failure.where) == (FailureKind.TIMEOUT, "build")


def test_a_case_beyond_the_budget_is_skipped_with_the_reason(run: Run, pytester: pytest.Pytester) -> None:
    axes = ("--zoobench-models=lenet5", "--zoobench-precisions=fp32", "--zoobench-batch-sizes=1,100000000")

    result = run(axes=axes)

    result.assert_outcomes(passed=1, skipped=1)
    assert result.ret == 0
    _, refused = the_run(pytester.path).records
    assert refused.failure is not None
    assert refused.failure.kind is FailureKind.OVER_BUDGET
    result.stdout.fnmatch_lines(["*over-budget: not begun: a call is forecast to take*"])


# Mistakes of the user


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--zoobench-models=resnet81", "unknown model 'resnet81': did you mean resnet"),
        ("--zoobench-models=,", "models is empty: name at least one"),
        ("--zoobench-families=SqueezNet", "unknown family 'SqueezNet': did you mean squeezenet"),
        ("--zoobench-preset=quik", r"unknown preset 'quik': did you mean quick\?"),
        ("--zoobench-batch-sizes=0", "batch size 0 is too small: it must be at least 1"),
        ("--zoobench-batch-sizes=abc", "batch size 'abc' is not a whole number"),
        ("--zoobench-precisions=fp8", "unknown precision 'fp8'"),
        ("--zoobench-precisions=tf32", "has no precision tf32: it has fp32"),
        ("--zoobench-device=tpu", "unknown device 'tpu': known are cpu, cuda"),
        ("--zoobench-device=cuda:one", "what follows the colon is an index"),
        ("--zoobench-image-size=8", "image size 8 is too small for lenet5: it must be 32 to 35"),
        ("--zoobench-modes=predict", "unknown mode 'predict'"),
        ("--zoobench-isolation=thread", "unknown isolation 'thread'"),
        ("--zoobench-max-seconds=0", "max-seconds 0 is out of range"),
        ("--zoobench-time-limit=soon", "time-limit 'soon' is not a number of seconds"),
        ("--zoobench-threads=0", "threads 0 is too small"),
        ("--zoobench-resume=20200101T000000.000Z", "unknown run '20200101T000000.000Z'"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_measured(
    run: Run, pytester: pytest.Pytester, option: str, message: str
) -> None:
    assert_refused(run(option), message)
    assert not (pytester.path / "results").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA GPU")
def test_a_device_that_the_machine_lacks_is_refused(run: Run) -> None:
    assert_refused(run("--zoobench-device=cuda"), "device 'cuda' is not available here: torch finds no CUDA GPU")


def test_one_mistake_in_two_suites_is_told_once(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(bench_training=TRAINING_SUITE)

    assert_refused(run("--zoobench-image-size=8", "--zoobench-modes=infer,train"), "image size 8 is too small")


def test_a_results_folder_that_is_a_file_is_refused(run: Run, pytester: pytest.Pytester) -> None:
    (pytester.path / "results").write_text("a file", encoding="utf-8")

    assert_refused(run(), "cannot write results to results: it is not a folder")


@pytest.mark.parametrize(("written", "file"), [(0, "run.json"), (1, "cases.jsonl")])
def test_a_full_disk_ends_the_run_with_what_it_says(
    run: Run, monkeypatch: pytest.MonkeyPatch, written: int, file: str
) -> None:
    sync, synced = os.fsync, itertools.count()

    def refuse(descriptor: int) -> None:
        if next(synced) >= written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)

    assert_refused(run(), rf"cannot write results/.*/{file}: No space left on device")


def test_a_project_file_with_an_unknown_option_is_refused(run: Run, pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml('[tool.zoobench]\nbatchsizes = "1"\n')

    assert_refused(run(), r"unknown option 'batchsizes': did you mean batch-sizes")


def test_side_by_side_is_refused_with_the_reason(run: Run, pytester: pytest.Pytester) -> None:
    result = run("-n1")

    assert result.ret == pytest.ExitCode.TESTS_FAILED, text_of(result)
    reason = "zoobench: cases that run side by side disturb each other's times: run without pytest-xdist (-n0)"
    assert result.outlines.count(reason) == 1, text_of(result)
    assert "Traceback" not in text_of(result)
    assert "INTERNALERROR" not in text_of(result)
    assert not (pytester.path / "results").exists()


def test_xdist_that_runs_nothing_side_by_side_is_let_be(run: Run) -> None:
    run("-n0").assert_outcomes(passed=1)


# Processes that end early: real ones

HANGING = """
    import signal
    from pathlib import Path
    from torch import nn

    class Hanging(nn.Module):
        def forward(self, images):
            Path({fifo!r}).write_text("here")
            signal.pause()

    def make():
        return Hanging()
"""
HARMLESS = """
    from torch import nn

    def make():
        return nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 2))
"""


@pytest.fixture
def begun(pytester: pytest.Pytester, suite: Path) -> Iterator[subprocess.Popen[str]]:
    """A run in a process of its own that has finished lenet5 and hangs within the second case."""
    fifo = pytester.path / "hanging.fifo"
    os.mkfifo(fifo)
    pytester.makepyfile(second_model=HANGING.format(fifo=str(fifo)))
    axes = ("--zoobench-models=lenet5,second_model:make", *LENET5[1:], "--zoobench-image-size=32")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *axes]
    with interruptible(command) as process:
        assert fifo.read_text(encoding="utf-8") == "here"
        yield process
        process.kill()


def test_ctrl_c_keeps_what_is_finished_and_prints_the_table(
    begun: subprocess.Popen[str], pytester: pytest.Pytester
) -> None:
    begun.send_signal(signal.SIGINT)
    output, _ = begun.communicate(timeout=60)

    assert begun.returncode == INTERRUPTED
    stored = the_run(pytester.path)
    assert [record.case.model.name for record in stored.records] == ["lenet5"]
    assert "KeyboardInterrupt" in output
    assert re.search(r"^bench_inference\[lenet5.*\d", output, re.MULTILINE), output
    assert f"report:  python -m zoobench report {stored.run.run_id}" in output


def test_a_run_that_was_killed_is_resumed_with_what_it_lacks(
    begun: subprocess.Popen[str], pytester: pytest.Pytester, run: Run
) -> None:
    begun.kill()
    begun.wait()
    killed = the_run(pytester.path)
    pytester.makepyfile(second_model=HARMLESS)
    pytester.syspathinsert()

    result = run(
        f"--zoobench-resume={killed.run.run_id}",
        axes=("--zoobench-models=lenet5,second_model:make", *LENET5[1:], "--zoobench-image-size=32"),
        isolation=(),
    )

    assert [record.case.model.name for record in killed.records] == ["lenet5"]
    result.assert_outcomes(passed=1, skipped=1)
    resumed = the_run(pytester.path)
    assert resumed.records[0] == killed.records[0], "not measured again"
    assert [record.case.model.name for record in resumed.records] == ["lenet5", "second_model:make"]
    assert all(record.failure is None for record in resumed.records)


def test_two_runs_at_once_into_one_folder_both_survive(pytester: pytest.Pytester, suite: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *LENET5, *HERE]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    processes = [subprocess.Popen(command, text=True, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    outputs = [process.communicate(timeout=120)[0] for process in processes]

    assert [process.returncode for process in processes] == [0, 0], outputs
    first, second = stored_runs(pytester.path)
    assert first.run.run_id != second.run.run_id
    for stored in (first, second):
        [record] = stored.records
        assert record.failure is None
        assert record.case.mode is Mode.INFER
        assert stored.notes == ()


# Suites of several plans

PLANS = """
    from zoobench import COUNT_ONLY, Budget, Matrix, Mode, Plan

    TIMED = Budget(min_rounds=2, max_rounds=3, min_s=0.0, max_s=5.0, max_warmup_s=0.0)
    PLANS = (
        Plan(Matrix(models=("lenet5",), modes=(Mode.INFER, Mode.TRAIN), threads=1), TIMED),
        Plan(Matrix(models=("squeezenet1_1",), image_size=64, image_width=96, threads=1), COUNT_ONLY),
    )

    def bench_plans(measure_case):
        measure_case()
"""


def test_each_plan_has_its_own_budget(run: Run, suite: Path, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(bench_suite=PLANS)

    result = run("--benchmark-only", axes=())

    result.assert_outcomes(passed=3)
    timed, stepped, counted = the_run(pytester.path).records
    assert (timed.case.mode, stepped.case.mode) == (Mode.INFER, Mode.TRAIN)
    assert timed.measurement("latency") is not None
    assert counted.case.resolution == (64, 96)
    assert counted.budget.max_rounds == 0
    assert counted.failure is None
    assert counted.measurement("macs") is not None
    assert counted.in_calls_s == 0.0
    assert all(record.is_planned for record in (timed, stepped, counted))
    told = {result.metric for result in (*counted.measurements, *counted.unavailable)}
    assert told == {metric for probe in all_probes() if not probe.makes_calls for metric in probe.metrics}
    assert "not used" not in text_of(result)


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (("--zoobench-modes=train",), ["lenet5/train/b1/32"]),
        (("--zoobench-models=squeezenet*",), ["squeezenet1_1/infer/b1/64x96"]),
        (("--zoobench-families=lenet", "--zoobench-modes=infer"), ["lenet5/infer/b1/32"]),
        (("--zoobench-image-size=64x96",), ["squeezenet1_1/infer/b1/64x96"]),
    ],
)
def test_options_narrow_plans_and_never_widen_them(
    run: Run, suite: Path, pytester: pytest.Pytester, options: tuple[str, ...], ids: list[str]
) -> None:
    pytester.makepyfile(bench_suite=PLANS)

    run(*options, axes=()).assert_outcomes(passed=len(ids))

    found = [record.case.id.partition(":")[2] for record in the_run(pytester.path).records]
    assert [case_id.partition("/fp32")[0] for case_id in found] == ids


def test_a_smoke_test_of_plans_calls_only_what_is_timed(run: Run, suite: Path, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(bench_suite=PLANS)

    result = run("--benchmark-disable", axes=())

    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["*lenet5 train b1 fp32 * ms*", "*squeezenet1_1 infer b1 fp32 64x96 *counted*"])


def test_a_case_that_an_ordinary_suite_has_too_is_no_planned_one(
    run: Run, suite: Path, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(bench_suite=PLANS, bench_training=TRAINING_SUITE)

    run("--benchmark-only", axes=("--zoobench-models=lenet5", "--zoobench-threads=1", "--zoobench-batch-sizes=1"))

    planned = {record.case.mode: record.is_planned for record in the_run(pytester.path).records}
    assert planned == {Mode.INFER: True, Mode.TRAIN: False}
