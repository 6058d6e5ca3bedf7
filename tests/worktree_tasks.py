"""A run that holds its two sides until it is ended: `python worktree_tasks.py REPOSITORY PLACE`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from zoobench.compare.checkouts import checked_out
from zoobench.compare.repository import find_repository
from zoobench.compare.request import parse_request


def hold(repository: Path, place: Path) -> None:
    with checked_out(parse_request(["v1"]), find_repository(repository), place) as sides:
        sys.stdout.write(f"{sides.base.folder}\n")
        sys.stdout.flush()
        signal.pause()


if __name__ == "__main__":
    hold(Path(sys.argv[1]), Path(sys.argv[2]))
