from __future__ import annotations

import statistics
from typing import Any

import pytest
from fakes import make_device, register

from zoobench.cases import Allocator
from zoobench.devices import host_memory
from zoobench.measure import messages
from zoobench.measure.executor import ForkedWorkers, Task
from zoobench.measure.messages import QUICK, Effort
from zoobench.measure.worker.checks import memory
from zoobench.measure.worker.checks.memory import measure_paging
from zoobench.records import Measurement, Unavailable
from zoobench.stats.findings import MANY_PAGE_FAULTS

SHORT = Effort(**{name: getattr(QUICK, name) for name in QUICK.__struct_fields__} | {"paging_s": 0.0})


def in_worker(function: str) -> Any:
    """What the check tells in a fresh process: an allocator cannot be taken back."""
    told: list[Any] = []
    failure = ForkedWorkers().run(Task(getattr(memory, function), ("cpu", SHORT)), told.append, 120.0)
    assert failure is None
    [result] = told
    return result


@pytest.mark.skipif(not host_memory.can_retain(), reason="only glibc keeps its heap when told to")
def test_the_two_heaps_differ_by_the_pages_of_the_activations() -> None:
    """A picture's first maps are 64 × 111 × 111 floats: 770 pages of 4 KiB, four times in a batch."""
    retained, system = in_worker("examine_retained"), in_worker("examine_system")

    assert (retained.metric, system.metric) == ("faults_retained", "faults_system")
    assert statistics.median(retained.samples) <= MANY_PAGE_FAULTS
    pages_of_first_maps = 4 * 64 * 111 * 111 * 4 / 4096
    assert statistics.median(system.samples) > pages_of_first_maps
    assert len(system.covariates["call_s"]) == len(system.samples)


def test_another_c_library_cannot_keep_its_heap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.host_memory, "can_retain", lambda: False)
    monkeypatch.setattr(messages, "usable_threads", lambda: 1)

    result = measure_paging("cpu", Allocator.RETAINED, 0.0)

    assert isinstance(result, Unavailable)
    assert result.reason == "the C library is not glibc, the only one known to keep its heap when told to"
    assert isinstance(measure_paging("cpu", Allocator.SYSTEM, 0.0), Measurement)


@pytest.mark.parametrize("allocator", Allocator)
def test_a_device_with_memory_of_its_own_is_not_asked(
    tmp_path, monkeypatch: pytest.MonkeyPatch, allocator: Allocator
) -> None:
    register(tmp_path, make_device)
    monkeypatch.syspath_prepend(tmp_path)

    result = measure_paging("fake", allocator, 0.0)

    assert result == Unavailable(
        metric=memory.METRICS[allocator], reason="the memory of calls is the device's own, not the heap's"
    )
