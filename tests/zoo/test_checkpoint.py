from __future__ import annotations

import argparse
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import nn

from zoobench.cases import BadInputError
from zoobench.zoo.weights import STATE_KEYS, load_checkpoint

LAYER = nn.Linear(2, 3)


class Grenade:
    """Code instead of data: when unpickled, it makes a directory."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.target),)


def refusal(path: Path) -> str:
    with pytest.raises(BadInputError) as caught:
        load_checkpoint(path)
    text = str(caught.value)
    assert str(path) in text
    assert "\n" not in text
    assert not any(jargon in text for jargon in ("weights_only", "Unpickl", "PytorchStreamReader", "miniz"))
    return text.replace(str(path), "FILE")


@pytest.mark.parametrize("saved_in_zip", [True, False])
@pytest.mark.parametrize("key", [None, *STATE_KEYS])
def test_tensors_are_found(tmp_path: Path, key: str | None, *, saved_in_zip: bool) -> None:
    content = LAYER.state_dict() if key is None else {"epoch": 3, "lr": [0.1], key: LAYER.state_dict()}
    path = tmp_path / "checkpoint.pth"
    torch.save(content, path, _use_new_zipfile_serialization=saved_in_zip)
    tensors = load_checkpoint(path)
    assert set(tensors) == {"weight", "bias"}
    assert torch.equal(tensors["weight"], LAYER.weight)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
def test_prefix_of_a_wrapper_is_stripped(tmp_path: Path, prefix: str) -> None:
    torch.save({f"{prefix}{name}": tensor for name, tensor in LAYER.state_dict().items()}, tmp_path / "wrapped.pth")
    assert set(load_checkpoint(tmp_path / "wrapped.pth")) == {"weight", "bias"}


def test_prefix_of_some_names_only_is_the_models_own(tmp_path: Path) -> None:
    names = {"module.weight": LAYER.weight, "head.weight": LAYER.weight}
    torch.save(names, tmp_path / "named.pth")
    assert set(load_checkpoint(tmp_path / "named.pth")) == set(names)


def test_what_is_not_a_tensor_is_left_out(tmp_path: Path) -> None:
    torch.save(OrderedDict(weight=LAYER.weight.detach(), version=2, note=None), tmp_path / "mixed.pth")
    assert set(load_checkpoint(tmp_path / "mixed.pth")) == {"weight"}


def test_missing_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere.pth") == "there is no checkpoint file FILE"
    assert refusal(tmp_path) == "there is no checkpoint file FILE"


@pytest.mark.parametrize(
    "content", [b"", b"not a checkpoint\n", pickle.dumps([1, 2]), pickle.dumps({"a": 1}), b"\x93NUMPY"]
)
def test_other_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.pth"
    path.write_bytes(content)
    reason = "torch.save did not write it" if content else "it is empty"
    assert refusal(path) == f"FILE is not a checkpoint: {reason}; a state dict saved by torch.save is wanted"


def test_other_archives(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a/text.txt", "hello")
    assert "is not a checkpoint: torch.save did not write it" in refusal(tmp_path / "other.zip")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_script_program(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(LAYER), tmp_path / "program.pt")
    assert "it is a TorchScript program" in refusal(tmp_path / "program.pt")


@pytest.mark.parametrize(
    "content", [[1, 2], {"epoch": 3}, {"model": {"epoch": 3}}, {3: torch.zeros(1)}, torch.zeros(2)]
)
def test_no_tensors_by_name(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "empty.pth")
    assert "it holds no tensors by name" in refusal(tmp_path / "empty.pth")


@pytest.mark.parametrize("saved_in_zip", [True, False])
def test_file_cut_short_anywhere(tmp_path: Path, *, saved_in_zip: bool) -> None:
    path = tmp_path / "whole.pth"
    torch.save(LAYER.state_dict(), path, _use_new_zipfile_serialization=saved_in_zip)
    whole, cut = path.read_bytes(), tmp_path / "cut.pth"
    for length in range(16, len(whole), 7):
        cut.write_bytes(whole[:length])
        assert refusal(cut) == "checkpoint FILE is damaged or cut short: copy it again"


@pytest.mark.parametrize("saved_in_zip", [True, False])
def test_damaged_bytes_are_never_a_traceback(tmp_path: Path, *, saved_in_zip: bool) -> None:
    path = tmp_path / "whole.pth"
    torch.save(LAYER.state_dict(), path, _use_new_zipfile_serialization=saved_in_zip)
    whole, damaged = path.read_bytes(), tmp_path / "damaged.pth"
    for place in range(0, len(whole), 3):
        damaged.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            load_checkpoint(damaged)  # a flipped weight is a weight
        except BadInputError as error:
            assert "\n" not in str(error)  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize("saved_in_zip", [True, False])
def test_code_is_refused_and_not_run(tmp_path: Path, *, saved_in_zip: bool) -> None:
    path, exploded = tmp_path / "code.pth", tmp_path / "exploded"
    torch.save({"model": Grenade(exploded)}, path, _use_new_zipfile_serialization=saved_in_zip)
    text = refusal(path)
    assert text.startswith("checkpoint FILE holds code (posix.mkdir), which is never run: save it again")
    assert not exploded.exists()


def test_whole_pickled_module_and_arguments_are_refused_by_name(tmp_path: Path) -> None:
    torch.save(LAYER, tmp_path / "module.pth")
    assert "(torch.nn.modules.linear.Linear)" in refusal(tmp_path / "module.pth")
    torch.save({"model": LAYER.state_dict(), "args": argparse.Namespace(lr=1)}, tmp_path / "args.pth")
    assert "(argparse.Namespace)" in refusal(tmp_path / "args.pth")
