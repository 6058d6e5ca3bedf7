import os
from pathlib import Path

import pytest

from zoobench.records.files import write_atomically


def test_a_file_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    for content in (b"first", b"second"):
        assert write_atomically(path, content) == path
        assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_it_can_be_read_by_all_and_written_by_its_owner(tmp_path: Path) -> None:
    assert write_atomically(tmp_path / "file", b"").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("error", [OSError("the disk is full"), KeyboardInterrupt()])
def test_whatever_happens_the_one_before_is_still_there_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(_: int) -> None:
        raise error

    path = write_atomically(tmp_path / "file", b"before")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(type(error)):
        write_atomically(path, b"after")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
