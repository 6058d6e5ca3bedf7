from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from zoobench.cases import catalogue
from zoobench.counting.memory import NOTHING

LENET_MACS = 25 * 6 * 28**2 + 150 * 16 * 10**2 + 400 * 120 + 120 * 84 + 84 * 10


@pytest.fixture(autouse=True)
def without_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """What kernels allocate for themselves is the processor's own; tensors are the same everywhere."""
    monkeypatch.setattr("zoobench.measure.worker.count_report.cpu_onednn", lambda threads: NOTHING)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_table_for_people(program: Callable, golden: Callable) -> None:
    outcome = program("count", "lenet5", "mobilenet_v1_025")
    assert (outcome.code, outcome.err) == (0, "")
    golden("count", _without_versions(outcome.out))


@pytest.mark.parametrize("by", ["kind", "operator", "module"])
def test_a_table_of_parts(program: Callable, golden: Callable, by: str) -> None:
    outcome = program("count", "lenet5", "--by", by)
    assert (outcome.code, outcome.err) == (0, "")
    golden(f"count_{by}", _without_versions(outcome.out))


def _without_versions(text: str) -> str:
    return "\n".join(line.partition(" (torch")[0] for line in text.splitlines()) + "\n"


def test_json_and_csv_have_the_same_numbers(program: Callable) -> None:
    arguments = ("count", "lenet5", "squeezenet1_1", "--batch", "3", "--mode", "train")
    [lenet, squeezenet] = json.loads(program(*arguments, "--json").out)
    [lenet_row, squeezenet_row] = rows(program(*arguments, "--csv").out)
    for document, row in ((lenet, lenet_row), (squeezenet, squeezenet_row)):
        for key, value in row.items():
            if key != "uncounted_calls":
                assert str(document[key]) == value, key
        told = " ".join(f"{name}={left_out['calls']}" for name, left_out in document["uncounted"].items())
        assert told == row["uncounted_calls"]
    assert (lenet["model"], lenet["batch"], lenet["mode"]) == ("zoobench:lenet5", 3, "train")
    assert lenet["macs"] == 3 * (3 * LENET_MACS - 25 * 6 * 28**2)
    assert lenet["flops"] == 2 * lenet["macs"]


def test_csv_of_parts_has_a_row_a_part_and_they_add_up(program: Callable) -> None:
    parts = rows(program("count", "lenet5", "--by", "kind", "--csv").out)
    assert {row["part"] for row in parts} == {"convolution", "pooling", "activation", "fully-connected", "other"}
    assert sum(int(row["macs"]) for row in parts) == LENET_MACS


def test_json_of_parts(program: Callable) -> None:
    [document] = json.loads(program("count", "lenet5", "--depth", "1", "--json").out)
    parts = {part["part"]: part["macs"] for part in document["parts"]}
    assert parts[""] == LENET_MACS
    assert parts["c1"] == 25 * 6 * 28**2


def test_the_peak_is_what_is_held_then(program: Callable) -> None:
    [document] = json.loads(program("count", "lenet5", "--mode", "train", "--batch", "2", "--json").out)
    parts = {key: value for key, value in document.items() if key.startswith("peak_")}
    assert document["predicted_peak_bytes"] == sum(parts.values())
    assert parts["peak_weights_bytes"] == parts["peak_optimizer_bytes"] == 4 * 61_706
    assert parts["peak_inputs_bytes"] == 2 * 32 * 32 * 4 + 2 * 8


def test_pictures_of_another_size(program: Callable) -> None:
    [document] = json.loads(program("count", "mobilenet_v1_025", "--image-size", "64x96", "--json").out)
    assert document["image_size"] == "64x96"


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
import torch
from torch import nn

def fine():
    return nn.Conv2d(3, 4, 1)

class Counter(nn.Module):
    def forward(self, x):
        return x * int((x > 0).sum())
"""
    (tmp_path / "nets_to_count.py").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("nets")
def test_a_model_of_the_user_s(program: Callable) -> None:
    outcome = program("count", "nets_to_count:fine", "--image-size", "10", "--csv")
    [row] = rows(outcome.out)
    assert (row["model"], row["macs"], row["parameters"]) == ("import:nets_to_count:fine", "1200", "16")


@pytest.mark.usefixtures("nets")
def test_one_that_cannot_be_counted_is_named_and_the_rest_is_counted(program: Callable) -> None:
    outcome = program("count", "lenet5", "nets_to_count:Counter", "--csv")
    assert outcome.code == 1
    assert [row["model"] for row in rows(outcome.out)] == ["zoobench:lenet5"]
    [line] = outcome.err.splitlines()
    assert line.startswith("zoobench: nets_to_count:Counter: Counter cannot be counted: ")


@pytest.mark.usefixtures("nets")
def test_without_any_count_nothing_is_written(program: Callable) -> None:
    outcome = program("count", "nets_to_count:Counter")
    assert (outcome.code, outcome.out) == (1, "")


def test_all_is_every_model_of_the_zoo(program: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    some = tuple(entry for entry in catalogue.entries() if entry.family in ("lenet", "mobilenet-v1"))
    monkeypatch.setattr(catalogue, "entries", lambda: some)
    counted = [row["model"] for row in rows(program("count", "--all", "--csv").out)]
    assert counted == [str(entry.ref) for entry in some if not entry.is_variant]


def test_a_size_that_one_model_does_not_take_is_told_before_any_is_counted(
    refusal: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoobench.measure.worker.count_report.count_model", lambda *_: pytest.fail("it was counted"))
    message = "image size 64 is too large for lenet5: it must be 32 to 35"
    assert refusal("count", "squeezenet1_1", "lenet5", "--image-size", "64") == message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no model was named: `python -m zoobench list` prints the names, --all counts every one"),
        (["lenet5", "--all"], "models and --all were both given: choose one"),
        (["lenet"], "unknown model 'lenet': did you mean lenet5, alexnet or googlenet?"),
        (["lenet5", "--batch", "0"], "batch size 0 is too small: it must be at least 1"),
        (["lenet5", "--image-size", "8"], "image size 8 is too small for lenet5: it must be 32 to 35"),
        (["lenet5", "--image-size", "0"], "image size 0 is too small: it must be at least 1"),
        (["lenet5", "--image-size", "32x8"], "image size 32x8 is too small for lenet5: it must be 32 to 35"),
        (["lenet5", "--mode", "training"], "unknown mode 'training': did you mean train?"),
        (["lenet5", "--by", "layer"], "unknown breakdown 'layer': known: kind, module, operator"),
        (["lenet5", "--by", "kind", "--depth", "2"], "--depth is of modules, and does not go with --by kind"),
        (["lenet5", "--json", "--csv"], "--json and --csv were both given: choose one"),
    ],
)
def test_a_mistake_is_one_line(refusal: Callable, arguments: list[str], message: str) -> None:
    assert refusal("count", *arguments) == message
