from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from zoobench.zoo.build import build_model


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """LeNet-5's weights for its own ten classes."""
    monkeypatch.chdir(tmp_path)
    path = Path("lenet5.pt")
    torch.save(build_model("lenet5").state_dict() | {"epoch": torch.tensor(3)}, path)
    return path


def test_a_model_and_its_size(program: Callable) -> None:
    outcome = program("build", "lenet5")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == "zoobench:lenet5: 61,706 parameters, 0 buffer elements\n"


def test_other_classes_change_the_classifier(program: Callable) -> None:
    """The last layer has 84 inputs and a bias: 85 parameters a class."""
    assert program("build", "lenet5", "--num-classes", "7").out == (
        f"zoobench:lenet5: {61_706 - 3 * 85:,} parameters, 0 buffer elements\n"
    )


def test_a_checkpoint_of_other_classes_is_transferred_but_for_the_classifier(
    program: Callable, golden: Callable, checkpoint: Path
) -> None:
    outcome = program("build", "lenet5", "--num-classes", "7", "--checkpoint", str(checkpoint))
    assert (outcome.code, outcome.err) == (0, "")
    golden("build_transfer", outcome.out)


def test_a_model_of_the_user_s(program: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nets_of_mine.py").write_text("import torch\n\ndef make():\n    return torch.nn.BatchNorm2d(3)\n")
    monkeypatch.syspath_prepend(tmp_path)
    expected = "import:nets_of_mine:make: 6 parameters, 7 buffer elements\n"
    assert program("build", "nets_of_mine:make").out == expected


@pytest.fixture
def damaged(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are no checkpoint, and a model that cannot be built."""
    Path("empty.pt").touch()
    Path("text.pt").write_text("these are no weights\n")
    Path("start.pt").write_bytes(checkpoint.read_bytes()[:9])
    Path("half.pt").write_bytes(checkpoint.read_bytes()[:50_000])
    Path("raising_net.py").write_text("def make():\n    raise ValueError('first line\\nsecond line')\n")
    monkeypatch.syspath_prepend(Path.cwd())


NOTHING_FITS = "none of its 11 tensors has the name and shape of one of the model's"
NO_CHECKPOINT = "torch.save did not write it; a state dict saved by torch.save is wanted"


@pytest.mark.usefixtures("damaged")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lenet"], "unknown model 'lenet': did you mean lenet5, alexnet or googlenet?"),
        (["lenet5", "--weights", "DEFAULT"], "lenet5 has no published weights: give a file with checkpoint= instead"),
        (
            ["squeezenet1_1", "--weights", "V9"],
            "unknown weights 'V9' of squeezenet1_1: it has IMAGENET1K_V1, DEFAULT",
        ),
        (["lenet5", "--checkpoint", "missing.pt"], "there is no checkpoint file missing.pt"),
        (["lenet5", "--checkpoint", "."], "there is no checkpoint file ."),
        (
            ["lenet5", "--checkpoint", "empty.pt"],
            "empty.pt is not a checkpoint: it is empty; a state dict saved by torch.save is wanted",
        ),
        (["lenet5", "--checkpoint", "text.pt"], f"text.pt is not a checkpoint: {NO_CHECKPOINT}"),
        (["lenet5", "--checkpoint", "start.pt"], "checkpoint start.pt is damaged or cut short: copy it again"),
        (["lenet5", "--checkpoint", "half.pt"], "checkpoint half.pt is damaged or cut short: copy it again"),
        (
            ["squeezenet1_1", "--checkpoint", "lenet5.pt"],
            f"lenet5.pt is not a checkpoint of squeezenet1_1: {NOTHING_FITS}",
        ),
        (
            ["squeezenet1_1", "--checkpoint", "lenet5.pt", "--weights", "DEFAULT"],
            "weights and checkpoint were both given: choose one",
        ),
        (["raising_net:make"], "factory raising_net:make raised ValueError: first line"),
        (["raising_net:mak"], "unknown factory of raising_net 'mak': did you mean make?"),
    ],
)
def test_what_cannot_be_built_is_one_line(refusal: Callable, arguments: list[str], message: str) -> None:
    assert refusal("build", *arguments) == message
