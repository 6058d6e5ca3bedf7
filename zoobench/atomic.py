"""A file that appears whole or not at all: whoever reads beside a writer sees the one before or the new one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import msgspec


def write_record(path: Path, record: msgspec.Struct) -> Path:
    """The record as JSON that people can read, in the place of the one before, if any.

    Raises: OSError; then the one before is still there.
    """
    return write_atomically(path, msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")


def write_atomically(path: Path, content: bytes) -> Path:
    """Put the file in the place of the one before, if any; its folder is made if need be.

    Raises: OSError; then the one before is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    unfinished = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.chmod(0o644)
        unfinished.replace(path)
    except BaseException:  # Ctrl-C too leaves nothing behind
        unfinished.unlink(missing_ok=True)
        raise
    return path
