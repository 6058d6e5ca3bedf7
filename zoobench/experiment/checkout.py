"""A side of an experiment as it lies on the disk."""

from __future__ import annotations

from pathlib import Path

import msgspec

from zoobench.compare.evidence import SideName


class Checkout(msgspec.Struct, frozen=True, kw_only=True):
    """A side's files on the disk and the interpreter that runs them.

    `asked` is what the user wrote. `folder` is the root of the side's work tree; both sides' paths are equally long,
    since the length of a path can move what is measured. `python` is absolute but not resolved: a virtual environment
    is known by the link's own path. `tree` is git's hash of the files, changes included, `commit` what they stand on;
    both are empty where no repository is involved.
    """

    name: SideName
    asked: str
    folder: Path
    python: Path
    commit: str = ""
    tree: str = ""
    is_dirty: bool = False
