"""Compares the frames of two reports, figure by figure: `python tools/compare_frames.py BEFORE AFTER`.

Each is a folder of a report, or its frame.parquet. The exit code is 1 if a column, a row or a value differs.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd


def main(before: Path, after: Path) -> int:
    """Print what differs; the exit code."""
    old, new = (pd.read_parquet(_file(path)) for path in (before, after))
    if list(old.columns) != list(new.columns) or len(old) != len(new):
        print(f"{len(old)} rows of {list(old.columns)}\n{len(new)} rows of {list(new.columns)}")
        return 1
    different = [name for name in old.columns if not _is_same(old[name], new[name])]
    print(f"{len(old):,} rows, {len(old.columns)} columns; columns that differ: {', '.join(different) or 'none'}")
    return 1 if different else 0


def _file(path: Path) -> Path:
    return path / "frame.parquet" if path.is_dir() else path


def _is_same(old: pd.Series, new: pd.Series) -> bool:
    """Equal in type and value; missing is equal to missing."""
    return old.dtype.kind == new.dtype.kind and old.astype("object").equals(new.astype("object"))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
