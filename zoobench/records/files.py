"""Files that grow by whole lines: what was appended is on the disk, and one process appends at a time."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import lzma
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from zoobench.cases import StoreError

# Python's search for reference cycles, put off while many records are made: they have none.


@contextlib.contextmanager
def gc_paused() -> Iterator[None]:
    """Search for no cycles meanwhile, and afterwards as before.

    Each search looks through all that is alive. Reading two runs of 5,000 cases took 1.5 s with them, 1.0 s without.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


# A file that appears whole or not at all: whoever reads beside a writer sees the one before or the new one.


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


COMPRESSED = ".xz"


class LineWriter:
    """Appends to one file. While it is open, no other process can; `name` is used in the message that it gets."""

    def __init__(self, path: Path, name: str) -> None:
        """Raises: StoreError if another process writes it, or it cannot be written."""
        self.path = path
        self._file = _open_locked(path, name)

    def append(self, line: bytes) -> None:
        """Put a line, given without its end, on the disk (flushed and synced).

        Raises: StoreError if it cannot be written; the lines before it stay readable.
        """
        try:
            end = _drop_unfinished_line(self._file)
            _append_line(self._file, line + b"\n", end)
        except OSError as error:
            raise cannot("write", self.path, error) from error

    def close(self) -> None:
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def read_lines(path: Path) -> Iterator[tuple[int, bytes, bool]]:
    """Number, content and whether it is whole, of each line; without a file there are none.

    A file whose name ends with `.xz` is unpacked.
    Raises: StoreError if it cannot be read.
    """
    if not path.exists():
        return
    try:
        with lzma.open(path) if path.suffix == COMPRESSED else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                yield number, line, line.endswith(b"\n")
    except OSError as error:
        raise cannot("read", path, error) from error
    except (EOFError, lzma.LZMAError) as error:
        raise StoreError(f"{path} is damaged or cut short: {error}") from error


def cannot(verb: str, path: Path, error: OSError) -> StoreError:
    """The error of one line for what the system refused to do with a file."""
    return StoreError(f"cannot {verb} {path}: {error.strerror or error}")


def _open_locked(path: Path, name: str) -> int:
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError as error:
        raise cannot("write", path, error) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise StoreError(f"{name} is being written by another process: wait for it, or start a new one") from None
    except OSError as error:  # a file system without locks
        os.close(file)
        raise cannot("lock", path, error) from error
    return file


def _drop_unfinished_line(file: int) -> int:
    """Where the next line begins: one without its end was not finished, and nothing is glued to it."""
    size_bytes = os.fstat(file).st_size
    if size_bytes == 0 or os.pread(file, 1, size_bytes - 1) == b"\n":
        return size_bytes
    end = os.pread(file, size_bytes, 0).rfind(b"\n") + 1
    os.ftruncate(file, end)
    return end


def _append_line(file: int, line: bytes, end: int) -> None:
    try:
        while line:
            line = line[os.write(file, line) :]
        os.fsync(file)
    except OSError:
        with contextlib.suppress(OSError):  # where it cannot be cut back, the reader skips it, and says so
            os.ftruncate(file, end)
        raise
