"""What a side's python runs: `python -P bootstrap.py LIFELINE FOLDER [--watched]`, as a script of the harness's copy.

Requests come in by standard input and replies leave by standard output: both are taken away from whatever is imported
next. LIFELINE is the end of a pipe whose closing ends this process, FOLDER is the side's.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

HARNESS = Path(__file__).resolve().parents[3]


def main(lifeline: int, folder: str) -> None:
    """Live until there are no more requests."""
    requests, replies = _take_channel()
    sys.path.append(str(HARNESS))
    from zoobench.measure.executor import die_when_closed, ignore_interrupts, redirect_output  # noqa: PLC0415

    ignore_interrupts()
    die_when_closed(lifeline)
    redirect_output(2)
    from zoobench.compare.worker.serve import serve  # noqa: PLC0415 - it imports torch, whose words belong to the log

    sys.dont_write_bytecode = True  # the side's folder stays as it is
    sys.path[:0] = project_paths(folder)
    serve(requests, replies, folder)


def project_paths(folder: str) -> list[str]:
    """Where a project's packages are: its folder, and `src` in it if there is one."""
    source = os.path.join(folder, "src")  # noqa: PTH118 - entries of sys.path are text
    return [folder, source] if os.path.isdir(source) else [folder]  # noqa: PTH112


def _take_channel() -> tuple[int, int]:
    """The two ends of the channel; in their place is nothing to read, and the log to write to."""
    requests, replies = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, replies


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
