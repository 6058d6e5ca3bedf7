from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from zoobench.devices import CpuDevice, host_memory

HOST_BYTES = 10_000


@pytest.fixture
def cgroup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A control group's folder without files, on a host with this much available memory."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=HOST_BYTES))
    monkeypatch.setattr(host_memory, "CGROUP", tmp_path)
    return tmp_path


def write(folder: Path, *, limit: str, used: str, inactive_file: str = "0") -> None:
    (folder / "memory.max").write_text(f"{limit}\n", encoding="ascii")
    (folder / "memory.current").write_text(f"{used}\n", encoding="ascii")
    (folder / "memory.stat").write_text(f"anon 5\ninactive_file {inactive_file}\nslab 7\n", encoding="ascii")


def test_without_a_container_it_is_what_the_host_has(cgroup: Path) -> None:
    assert host_memory.available_bytes() == HOST_BYTES


@pytest.mark.parametrize(
    ("limit", "used", "inactive_file", "available"),
    [
        ("4000", "1000", "0", 3000),
        ("4000", "3900", "500", 600),
        ("4000", "4500", "0", 0),
        ("90000", "1000", "0", HOST_BYTES),
        ("max", "1000", "0", HOST_BYTES),
    ],
)
def test_a_container_s_limit_counts_where_it_is_the_narrower(
    cgroup: Path, limit: str, used: str, inactive_file: str, available: int
) -> None:
    write(cgroup, limit=limit, used=used, inactive_file=inactive_file)
    assert host_memory.available_bytes() == available


def test_a_container_with_half_of_the_files_has_no_limit(cgroup: Path) -> None:
    (cgroup / "memory.max").write_text("4000\n", encoding="ascii")
    assert host_memory.available_bytes() == HOST_BYTES


def test_a_cpu_gives_nine_tenths_of_it_less_the_worker(cgroup: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_memory, "WORKER_BYTES", 2000)
    assert CpuDevice().free_memory_bytes() == 7000
    monkeypatch.setattr(host_memory, "WORKER_BYTES", 9001)
    assert CpuDevice().free_memory_bytes() == 0
