"""`zoobench profile`, from the command line to its files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from zoobench.records import CaseRecord

LENET5 = ("profile", "lenet5", "--threads", "1")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_case_is_measured_profiled_and_drawn(program: Callable, here: Path) -> None:
    outcome = program(*LENET5, "--batch", "4")

    assert outcome.code == 0, outcome.err
    title, latency, overhead, diagnosis, *rest = outcome.out.splitlines()
    assert title == "lenet5 infer b4 fp32"
    assert latency.startswith("latency: ")
    assert overhead.startswith("profiler overhead: a profiled call takes ")
    assert diagnosis.startswith("diagnosis: ")
    assert "-bound: " in diagnosis
    assert {"by kind of layer", "slowest modules, 10 at most", "slowest operators, 10 at most"} <= set(rest)
    folder = Path("results/profile/lenet5-infer-b4")
    names = ["trace.json", "flame.png", "flame.svg", "roofline.png", "roofline.svg", "profile.json"]
    assert rest[-len(names) :] == [f"wrote {folder / name}" for name in names]
    assert sorted(path.name for path in (here / folder).iterdir()) == sorted(names)
    record = msgspec.json.decode((folder / "profile.json").read_bytes(), type=CaseRecord)
    assert record.case.id == "zoobench:lenet5/infer/b4/32/fp32/cpu/contiguous/eager/t1/retained"
    assert record.measurement("profiler_overhead") is not None
    assert "module: (model)" in {
        event.get("name") for event in json.loads((folder / "trace.json").read_text())["traceEvents"]
    }
    assert Path("results/ceilings.json").exists()


FAILING = "from torch import nn\ndef make():\n    return nn.Sequential(nn.Flatten(), nn.Linear(3, 2))\n"


def test_a_model_that_fails_is_one_line_and_what_was_measured_is_kept(
    program: Callable, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "failing_net.py").write_text(FAILING)
    monkeypatch.syspath_prepend(here)

    outcome = program("profile", "failing_net:make", "--threads", "1", "--image-size", "8", "--out", "here")

    assert outcome.code == 1
    assert outcome.out == "failing_net:make infer b1 fp32 8\n"
    assert outcome.err.startswith("zoobench: error: RuntimeError: mat1 and mat2 shapes cannot be multiplied")
    assert outcome.err.count("\n") == 1
    record = msgspec.json.decode(Path("here/profile.json").read_bytes(), type=CaseRecord)
    assert record.failure is not None
    assert record.measurement("parameters") is not None
    assert [path.name for path in Path("here").iterdir()] == ["profile.json"]


COMPILED = """
import torch
from torch import nn

def make():
    return torch.compile(nn.Sequential(nn.Flatten(), nn.Linear(192, 2)), backend="eager")
"""


def test_a_model_that_its_own_code_compiles_is_refused(
    program: Callable, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "compiled_net.py").write_text(COMPILED)
    monkeypatch.syspath_prepend(here)

    outcome = program("profile", "compiled_net:make", "--threads", "1", "--image-size", "8", "--out", "here")

    assert outcome.code == 2
    assert outcome.err.startswith(
        "zoobench: compiled_net:make cannot be profiled: a compiled model runs kernels of its"
    )
    assert outcome.err.count("\n") == 1
    assert Path("here/profile.json").exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["resnet81"], "unknown model 'resnet81': did you mean resnet18"),
        (["lenet5", "--precision", "fp8"], "unknown precision 'fp8': did you mean fp"),
        (["lenet5", "--mode", "predict"], "unknown mode 'predict'"),
        (["lenet5", "--batch", "0"], "batch size 0 is too small: it must be at least 1"),
        (["lenet5", "--threads", "0"], "threads 0 is too small: it must be at least 1"),
        (["lenet5", "--image-size", "8x"], "image size '8x' is not height x width, as 480x640"),
        (["lenet5", "--memory-format", "nhwc"], "unknown memory format 'nhwc'"),
        (["lenet5", "--compiler", "inductor"], "a model compiled by inductor cannot be profiled, its kernels are of"),
        (["lenet5", "--image-size", "8"], "image size 8 is too small for lenet5: it must be 32 to 35"),
        (["lenet5", "--precision", "tf32"], "has no precision tf32: it has fp32"),
        (["lenet5", "--device", "tpu"], "unknown device 'tpu': known are cpu, cuda"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(
    refusal: Callable, here: Path, arguments: list[str], reason: str
) -> None:
    assert reason in refusal("profile", *arguments)
    assert list(here.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_measured(refusal: Callable, here: Path) -> None:
    Path("taken").write_text("a file")
    assert refusal(*LENET5, "--out", "taken") == "cannot write to taken: File exists"
    assert refusal(*LENET5, "--out", "taken/inside") == "cannot write to taken/inside: Not a directory"
    assert [path.name for path in here.iterdir()] == ["taken"]
