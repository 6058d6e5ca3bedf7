from __future__ import annotations

import ctypes
from typing import Any

import device_tasks
import pytest

from zoobench.cases import Allocator
from zoobench.devices import host_memory
from zoobench.measure.executor import ForkedWorkers, Task
from zoobench.stats.findings import MANY_PAGE_FAULTS

pytestmark = pytest.mark.skipif(not host_memory.can_retain(), reason="the C library is not glibc")


def page_faults_a_call(allocator: Allocator) -> tuple[float, float]:
    emitted: list[Any] = []
    failure = ForkedWorkers().run(Task(device_tasks.page_faults_a_call, (allocator.value,)), emitted.append, 120.0)
    assert failure is None
    return emitted[0]


def test_a_model_faults_its_memory_in_on_every_call_unless_the_heap_is_retained() -> None:
    """Method, section 2. Squeezenet 1.1 at batch 4 writes activations of 12 MiB and less."""
    retained, after = page_faults_a_call(Allocator.RETAINED)
    system, _ = page_faults_a_call(Allocator.SYSTEM)

    assert retained < MANY_PAGE_FAULTS
    assert system > 1000
    assert after > 1000, "memory is returned to the kernel again"


@pytest.mark.parametrize("kind", Allocator)
def test_the_heap_is_read_as_it_is(kind: Allocator) -> None:
    emitted: list[Any] = []
    task = Task(device_tasks.allocator_as_read, (kind.value,))

    assert ForkedWorkers().run(task, emitted.append, 120.0) is None

    before, within, growth_bytes = emitted[0]
    assert (before, within) == ("system", kind.value)
    assert growth_bytes < host_memory._LARGE_BLOCK_BYTES / 2, "the block of the check is not filled"


@pytest.mark.parametrize("lacking", ["gnu_get_libc_version", "mallinfo2"])
def test_a_heap_that_cannot_be_read_is_unknown(monkeypatch: pytest.MonkeyPatch, lacking: str) -> None:
    class Older:
        gnu_get_libc_version = mallinfo2 = "present"

    delattr(Older, lacking)
    monkeypatch.setattr(ctypes, "CDLL", lambda _: Older())

    assert host_memory.read_allocator() == "unknown"


class FakeLibrary:
    """Records calls of glibc."""

    gnu_get_libc_version = "present"

    def __init__(self, answer: int = 1) -> None:
        self._answer = answer
        self.parameters: dict[int, int] = {}

    def mallopt(self, parameter: ctypes.c_int, value: ctypes.c_int) -> int:
        self.parameters[parameter.value] = value.value
        return self._answer


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> FakeLibrary:
    library = FakeLibrary()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    return library


def test_the_documented_defaults_are_put_back_after_an_error(library: FakeLibrary) -> None:
    """mallopt(3): M_MMAP_MAX 65,536, M_TRIM_THRESHOLD and M_TOP_PAD 128 KiB; the numbers are malloc.h's."""
    trim_threshold, top_pad, mmap_max = -1, -2, -4
    seen: list[dict[int, int]] = []

    def fail_within() -> None:
        with host_memory.allocator(Allocator.RETAINED):
            seen.append(dict(library.parameters))
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        fail_within()

    assert seen == [{mmap_max: 0, trim_threshold: 2**31 - 1, top_pad: 64 * 2**20}]
    assert library.parameters == {mmap_max: 65_536, trim_threshold: 128 * 2**10, top_pad: 128 * 2**10}


def test_the_system_allocator_is_left_as_it_is(library: FakeLibrary) -> None:
    with host_memory.allocator(Allocator.SYSTEM):
        pass

    assert library.parameters == {}


def test_another_c_library_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    class Musl:
        pass

    monkeypatch.setattr(ctypes, "CDLL", lambda _: Musl())

    assert not host_memory.can_retain()
    with host_memory.allocator(Allocator.RETAINED):
        pass


def test_a_refusal_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: FakeLibrary(answer=0))

    with pytest.raises(OSError, match="mallopt"), host_memory.allocator(Allocator.RETAINED):
        pass
