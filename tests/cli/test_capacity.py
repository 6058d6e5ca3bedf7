from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from processes import interruptible

from zoobench.measure.executor import ForkedWorkers
from zoobench.records import store

ROOT = Path(__file__).parents[2]
QUICK = ("--threads", "1", "--largest-batch", "4")


NO_BYTES = "is not a number of bytes with its unit, as 2GiB or 500MB"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lenet5", "--memory-limit", "2 GB!"], f"memory limit '2 GB!' {NO_BYTES}"),
        (["lenet5", "--memory-limit=-1GiB"], f"memory limit '-1GiB' {NO_BYTES}"),
        (["lenet5", "--memory-limit", "0"], f"memory limit '0' {NO_BYTES}"),
        (["lenet5", "--memory-limit", "0GiB"], "memory limit '0GiB' is too small: it must be at least 1 byte"),
        (["lenet6"], "unknown model 'lenet6': did you mean lenet5, alexnet or googlenet?"),
        (["--families", "lenets"], "unknown family 'lenets': did you mean lenet, alexnet or resnet?"),
        ([], "no model was named: `python -m zoobench list` prints the names"),
        (["lenet5", "--modes", "training"], "unknown mode 'training': did you mean train?"),
        (["lenet5", "--precision", "fp31"], "unknown precision 'fp31': did you mean fp32, fp16 or tf32?"),
        (["lenet5", "--threads", "0"], "threads 0 is too small: it must be at least 1"),
        (["lenet5", "--image-size", "x"], "image size 'x' is not height x width, as 480x640"),
        (["lenet5", "--time-limit", "soon"], "time-limit 'soon' is not a number of seconds"),
    ],
)
def test_a_mistake_is_a_line_before_any_worker_is_started(
    refusal: Callable[..., str], monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.setattr(ForkedWorkers, "run", None)

    assert refusal("capacity", *arguments) == message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--memory-limit", "1000TiB"], "memory limit 1000 TiB is more than the "),
        (["--device", "tpu"], "unknown device 'tpu': known are cpu, cuda"),
        (["--precision", "tf32"], "has no precision tf32: it has fp32"),
        (["--image-size", "64"], "image size 64 is too large for lenet5: it must be 32 to 35"),
    ],
)
def test_what_only_the_machine_can_tell_is_a_line_too(
    refusal: Callable[..., str], tmp_path: Path, arguments: list[str], message: str
) -> None:
    assert message in refusal("capacity", "lenet5", "--results", str(tmp_path), *arguments)
    assert list(tmp_path.iterdir()) == [], "no run was begun"


@pytest.fixture
def searched(program: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Runs the command; its outcome and the run that it made."""

    def run(*arguments: str) -> Any:
        outcome = program("capacity", *arguments, "--results", str(tmp_path))
        (name,) = store.stored_run_ids(tmp_path)
        return outcome, store.load_run(tmp_path, name)

    return run


def test_both_modes_of_a_model_make_a_run(searched: Callable[..., Any]) -> None:
    outcome, stored = searched("lenet5", "--memory-limit", "100MB", *QUICK)

    assert (outcome.code, outcome.err) == (0, "")
    head, infer, train = outcome.out.splitlines()
    assert head == f"{stored.path}: 2 searches, memory limit 95.4 MiB"
    assert infer.startswith("[1/2] lenet5 infer fp32 ")
    assert train.startswith("[2/2] lenet5 train fp32 ")
    assert "batch 4 fits, " in infer
    assert " an image, " in infer
    assert stored.run.label == "capacity"
    assert stored.run.run_id.endswith("-capacity")
    assert stored.run.command[0] == "zoobench"
    assert [(record.case.mode.value, record.case.batch, record.is_planned) for record in stored.records] == [
        ("infer", 4, True),
        ("train", 4, True),
    ]
    assert all(record.measurement("latency") for record in stored.records)


def test_a_limit_smaller_than_the_weights_is_a_result_and_one_line(searched: Callable[..., Any]) -> None:
    outcome, stored = searched("lenet5", "--memory-limit", "200KiB", "--modes", "infer", "--threads", "1")

    assert outcome.code == 0
    line = outcome.out.splitlines()[1]
    assert "the weights alone need 241 KiB, the limit is 200 KiB" in line
    (record,) = stored.records
    assert record.measurement("capacity") is None
    assert record.failure is None


def test_a_model_that_is_broken_ends_with_1_and_the_others_are_searched(
    searched: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "from torch import nn\n\ndef make():\n    return nn.Sequential(nn.Flatten(), nn.Linear(7, 2))\n"
    (tmp_path / "capacity_shapeless.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)

    outcome, stored = searched(
        "capacity_shapeless:make", "lenet5", "--modes", "infer", "--memory-limit", "10MB", *QUICK
    )

    assert outcome.code == 1
    assert "shapes cannot be multiplied" in outcome.out
    assert {record.case.model.name: record.failure is None for record in stored.records} == {
        "lenet5": True,
        "capacity_shapeless:make": False,
    }


@pytest.fixture
def interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The program in a process of its own, searching a quick case and then one that never ends."""
    source = "import time\n\ndef make():\n    time.sleep(1000)\n"
    (tmp_path / "capacity_slow.py").write_text(source, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(tmp_path)]))
    models = ["lenet5", "capacity_slow:make"]
    options = ["--modes", "infer", "--memory-limit", "10MB", *QUICK, "--results", str(tmp_path / "results")]
    process = interruptible([sys.executable, "-u", "-m", "zoobench", "capacity", *models, *options])
    yield process
    process.kill()
    process.communicate()


def test_ctrl_c_keeps_what_was_found(interrupted: Any, tmp_path: Path) -> None:
    for line in interrupted.stdout:
        if line.startswith("[1/2]"):
            break
    interrupted.send_signal(signal.SIGINT)
    rest = interrupted.communicate(timeout=60)[0]

    assert interrupted.returncode == 130
    assert "Traceback" not in rest
    (name,) = store.stored_run_ids(tmp_path / "results")
    assert [record.case.model.name for record in store.load_run(tmp_path / "results", name).records] == ["lenet5"]
