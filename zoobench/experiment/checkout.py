"""A side as files and an interpreter."""

from __future__ import annotations

from pathlib import Path

import msgspec

from zoobench.compare.evidence import SideName


class Checkout(msgspec.Struct, frozen=True, kw_only=True):
    """A side's files on the disk and the interpreter that runs them."""

    name: SideName
    asked: str
    folder: Path
    python: Path
    commit: str = ""
    tree: str = ""
    is_dirty: bool = False
