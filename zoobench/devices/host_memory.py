"""How much memory the host can still give: the kernel's own estimate, and what a container may take."""

from __future__ import annotations

import contextlib
from pathlib import Path

import psutil

CGROUP = Path("/sys/fs/cgroup")
"""Of this process, as a container sees it (Linux, control groups version 2)."""

WORKER_BYTES = 512 * 2**20
"""What a worker takes beside its tensors: torch's own pages and the profiler's events. Seen: 40 to 330 MiB."""


def available_bytes() -> int:
    """Bytes that can be allocated without swapping, page cache given up (proc(5), MemAvailable).

    In a container with a limit of its own, what that leaves, if it is less.
    """
    on_host = psutil.virtual_memory().available
    left = _left_in_container()
    return on_host if left is None else min(on_host, left)


def _left_in_container() -> int | None:
    """None where there is no limit: the file is then absent, or says `max`.

    File pages that are not in recent use count as used, but the kernel gives them back first.
    """
    with contextlib.suppress(OSError, ValueError):
        limit_bytes, used_bytes = (int(_read(name)) for name in ("memory.max", "memory.current"))
        pages = dict(line.split() for line in _read("memory.stat").splitlines())
        return max(0, limit_bytes - used_bytes + int(pages.get("inactive_file", 0)))
    return None


def _read(name: str) -> str:
    return (CGROUP / name).read_text(encoding="ascii")
