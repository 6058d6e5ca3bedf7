"""The C library's heap: whether it keeps memory that a call frees, and the memory available on the host.

glibc returns large activations to the kernel after every call and faults them in again during the next one, which can
double the time of a call. A GPU's caching allocator keeps such memory.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from zoobench.cases import Allocator

CGROUP = Path("/sys/fs/cgroup")
"""Control group of this process inside a container (Linux, version 2)."""

WORKER_BYTES = 512 * 2**20
"""Memory of a worker beside its tensors: torch's pages and the profiler's events. Measured: 40 to 330 MiB."""


def available_bytes() -> int:
    """Bytes that can be allocated without swapping if the page cache is dropped (proc(5), MemAvailable).

    In a container with a memory limit, the remainder of the limit, if it is less.
    """
    on_host = psutil.virtual_memory().available
    left = _left_in_container()
    return on_host if left is None else min(on_host, left)


def _left_in_container() -> int | None:
    """Bytes left below the limit; None if there is no limit (the file is absent or contains `max`).

    File pages that are not in recent use count as used, but the kernel gives them back first.
    """
    with contextlib.suppress(OSError, ValueError):
        limit_bytes, used_bytes = (int(_read(name)) for name in ("memory.max", "memory.current"))
        pages = dict(line.split() for line in _read("memory.stat").splitlines())
        return max(0, limit_bytes - used_bytes + int(pages.get("inactive_file", 0)))
    return None


def _read(name: str) -> str:
    return (CGROUP / name).read_text(encoding="ascii")


# Parameters of mallopt(3), glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_MAX = -4

_LARGE_BLOCK_BYTES = 2**26
"""Above the highest threshold to which glibc adapts (M_MMAP_THRESHOLD, mallopt(3): 32 MiB)."""

_RETAINED = {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: 2**31 - 1, _M_TOP_PAD: 64 * 2**20}
_GLIBC_DEFAULTS = {_M_MMAP_MAX: 65_536, _M_TRIM_THRESHOLD: 128 * 2**10, _M_TOP_PAD: 128 * 2**10}


def can_retain() -> bool:
    """Whether this process's C library is glibc, the only one with these parameters."""
    return sys.platform == "linux" and hasattr(ctypes.CDLL(None), "gnu_get_libc_version")


@contextlib.contextmanager
def allocator(kind: Allocator) -> Iterator[None]:
    """Keep or return freed memory in the block; afterwards, set glibc's documented defaults.

    This affects memory allocated later, so enter the block before the model is built. Without glibc it does nothing
    (see `can_retain`). The defaults are fixed: glibc stops adapting its thresholds after the first mallopt, so `system`
    is only exact in a process that never retained.
    """
    if kind is Allocator.SYSTEM or not can_retain():
        yield
        return
    _set(_RETAINED)
    try:
        yield
    finally:
        _set(_GLIBC_DEFAULTS)


def read_allocator() -> str:
    """How the heap allocates a large block now: `system` if by a new mapping, `retained` if from its own memory.

    `unknown` if the C library does not report it (mallinfo2(3) came with glibc 2.33).
    """
    library = ctypes.CDLL(None)
    if not (can_retain() and hasattr(library, "mallinfo2")):
        return "unknown"
    library.malloc.restype = ctypes.c_void_p
    before = _mallinfo().hblks
    block = ctypes.c_void_p(library.malloc(ctypes.c_size_t(_LARGE_BLOCK_BYTES)))  # not written to: it stays unbacked
    is_mapped = _mallinfo().hblks > before
    library.free(block)
    return (Allocator.SYSTEM if is_mapped else Allocator.RETAINED).value


def in_use_bytes() -> int | None:
    """Bytes allocated and not freed, in the heap and in separately mapped blocks; None if unknown.

    Python's small objects are not included, and memory freed to a thread's cache counts as in use.
    """
    if not (can_retain() and hasattr(ctypes.CDLL(None), "mallinfo2")):
        return None
    found = _mallinfo()
    return int(found.uordblks) + int(found.hblkhd)


class _MallInfo(ctypes.Structure):
    """glibc's malloc.h, struct mallinfo2."""

    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
    )]  # fmt: skip


def _mallinfo() -> _MallInfo:
    function = ctypes.CDLL(None).mallinfo2
    function.restype = _MallInfo
    found: _MallInfo = function()
    return found


def _set(parameters: dict[int, int]) -> None:
    mallopt = ctypes.CDLL(None).mallopt
    for parameter, value in parameters.items():
        if mallopt(ctypes.c_int(parameter), ctypes.c_int(value)) != 1:
            raise OSError(f"mallopt({parameter}, {value}) was refused")
