"""Load tensors from a checkpoint file, and transfer them into a model by name.

A checkpoint is a file written by `torch.save`: a state dict, or a dict that contains one, for example beside the epoch.
Only tensors and plain values are read; no code in the file is executed.
"""

from __future__ import annotations

import pickle
import re
import struct
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import msgspec
import torch
from torch import Tensor, nn

from zoobench.cases import BadInputError


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a transfer, by name: tensors copied, tensors not copied, and model tensors that stay random.

    `dropped` maps names to reasons: `not in the model`, or the offered shape and the model's. A name dropped for its
    shape is also `fresh`: the model keeps its initial random values.
    """

    transferred: tuple[str, ...]
    dropped: Mapping[str, str]
    fresh: tuple[str, ...]


def transfer(tensors: Mapping[str, Tensor], module: nn.Module) -> Transfer:
    """Copy every tensor whose name and shape match into the module's parameters and buffers.

    Values are converted to the module's dtypes.
    """
    own = module.state_dict()
    dropped = {name: reason for name, tensor in tensors.items() if (reason := _mismatch(tensor, own.get(name)))}
    transferred = tuple(name for name in tensors if name not in dropped)
    with torch.no_grad():
        for name in transferred:
            own[name].copy_(tensors[name])
    fitting = set(transferred)
    return Transfer(transferred=transferred, dropped=dropped, fresh=tuple(name for name in own if name not in fitting))


def _mismatch(offered: Tensor, wanted: Tensor | None) -> str | None:
    if wanted is None:
        return "not in the model"
    if offered.shape != wanted.shape:
        return f"shape {tuple(offered.shape)} for {tuple(wanted.shape)}"
    return None


STATE_KEYS = ("state_dict", "model", "model_state", "model_state_dict")
"""Keys under which training scripts save the state dict."""

WRAPPER_PREFIXES = ("module.", "_orig_mod.")
"""Prefixes that DataParallel and torch.compile add to every name."""

_ZIP_START = b"PK\x03\x04"
_LEGACY_START = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"
"""First bytes of files of torch.save: `_ZIP_START` since torch 1.6, before it a pickled magic number."""

_REFUSED_NAME = re.compile(r"GLOBAL (\S+)")
_DAMAGE = (
    zipfile.BadZipFile,
    pickle.UnpicklingError,
    struct.error,
    RuntimeError,
    AssertionError,
    EOFError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    OSError,
)
"""Errors that reading a damaged file was observed to raise, or may raise."""


def load_checkpoint(path: Path | str) -> dict[str, Tensor]:
    """Load the tensors of a checkpoint on the CPU, by their names in the model.

    Raises: BadInputError if the file is missing, damaged, not a checkpoint, or contains code.
    """
    path = Path(path)
    _refuse_other_files(path)
    tensors = _state_tensors(_load(path))
    if not tensors:
        raise _not_a_checkpoint(path, "it holds no tensors by name")
    return _unwrapped(tensors)


def _refuse_other_files(path: Path) -> None:
    if not path.is_file():
        raise BadInputError(f"there is no checkpoint file {path}")
    start = _start(path)
    if start.startswith(_ZIP_START):
        _refuse_other_archives(path)
    elif start != _LEGACY_START:
        raise _not_a_checkpoint(path, "torch.save did not write it" if start else "it is empty")


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(len(_LEGACY_START))
    except OSError as error:
        raise BadInputError(f"cannot read checkpoint {path}: {error.strerror}") from error


def _refuse_other_archives(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = {name.partition("/")[2] for name in archive.namelist()}
    except _DAMAGE as error:
        raise _damaged(path) from error
    if "data.pkl" not in members:
        raise _not_a_checkpoint(path, "torch.save did not write it")
    if "constants.pkl" in members:
        raise _not_a_checkpoint(path, "it is a TorchScript program")


def _load(path: Path) -> object:
    try:
        with warnings.catch_warnings(action="ignore"):  # on unusual pickles; the error below is clearer
            loaded: object = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _refused(path, error) from error
    except _DAMAGE as error:
        raise _damaged(path) from error
    return loaded


def _refused(path: Path, error: pickle.UnpicklingError) -> BadInputError:
    """Error for code, if its whole name is in the file; for damage, if the name is cut off."""
    name = _REFUSED_NAME.search(str(error))
    if name is None or (_start(path) == _LEGACY_START and not _has_line(path, name[1].rpartition(".")[2])):
        return _damaged(path)
    return BadInputError(
        f"checkpoint {path} holds code ({name[1]}), which is never run: "
        "save it again as the state dict alone, `torch.save(model.state_dict(), path)`"
    )


def _has_line(path: Path, text: str) -> bool:
    return text != "" and f"\n{text}\n".encode() in path.read_bytes()


def _state_tensors(loaded: object) -> dict[str, Tensor]:
    """Tensors of the loaded dict itself, or else of the first one found under the usual keys."""
    if not isinstance(loaded, Mapping):
        return {}
    candidates = (loaded, *(loaded[key] for key in STATE_KEYS if isinstance(loaded.get(key), Mapping)))
    return next(filter(None, map(_named_tensors, candidates)), {})


def _named_tensors(state: Mapping[object, object]) -> dict[str, Tensor]:
    return {name: value for name, value in state.items() if isinstance(name, str) and isinstance(value, Tensor)}


def _unwrapped(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    for prefix in WRAPPER_PREFIXES:
        if all(name.startswith(prefix) for name in tensors):
            return _unwrapped({name.removeprefix(prefix): tensor for name, tensor in tensors.items()})
    return tensors


def _not_a_checkpoint(path: Path, why: str) -> BadInputError:
    return BadInputError(f"{path} is not a checkpoint: {why}; a state dict saved by torch.save is wanted")


def _damaged(path: Path) -> BadInputError:
    return BadInputError(f"checkpoint {path} is damaged or cut short: copy it again")
