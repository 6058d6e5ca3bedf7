from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from typing import Any

import device_tasks
import msgspec
import psutil
import pytest
import torch
from fakes import FakeClock
from hypothesis import given
from hypothesis import strategies as st
from synthetic import make_case
from torch import nn

from zoobench.devices import REFERENCE, CpuDevice, cpu
from zoobench.devices.speed_probe import SpeedProbe
from zoobench.measure.executor import ForkedWorkers, Task
from zoobench.measure.worker.workload import TrainingStep
from zoobench.records import Measurement, Unavailable

FLOAT_BYTES = 4
COUNTING_BYTES = 2**20
"""The kernel counts resident pages in batches (proc(5), VmRSS: "this value is inaccurate")."""

CASE = make_case("lenet5", threads=1)


def in_worker(task: str, *arguments: Any) -> Any:
    """Return what the task emits in a fresh process."""
    emitted: list[Any] = []
    assert ForkedWorkers().run(Task(getattr(device_tasks, task), arguments), emitted.append, 120.0) is None
    return emitted[0]


@pytest.fixture
def device() -> CpuDevice:
    return CpuDevice()


@pytest.fixture
def threads() -> Iterator[int]:
    """Number of threads of this process, restored after the test."""
    before = torch.get_num_threads()
    yield before
    torch.set_num_threads(before)


# Settings


def test_threads_are_the_cases_and_are_put_back(device: CpuDevice, threads: int) -> None:
    wanted = threads + 1

    with device.settings(msgspec.structs.replace(CASE, threads=wanted)):
        assert torch.get_num_threads() == wanted
        assert device.read_settings()["threads"] == str(wanted)

    assert torch.get_num_threads() == threads


def test_settings_are_put_back_after_an_error(device: CpuDevice, threads: int) -> None:
    with pytest.raises(ArithmeticError), device.settings(msgspec.structs.replace(CASE, threads=threads + 1)):
        raise ArithmeticError

    assert torch.get_num_threads() == threads
    assert (torch.tensor([1e-40]) * 1.0).view(torch.int32).item() != 0


def test_denormals_are_zero_on_every_thread_and_are_kept_again_afterwards() -> None:
    before, within, after = in_worker("denormals", msgspec.structs.replace(CASE, threads=2))

    assert (before, within, after) == (1, 0, 1)


def test_settings_are_read_from_the_live_process() -> None:
    processors = tuple(sorted(os.sched_getaffinity(0)))
    case = msgspec.structs.replace(CASE, threads=2)

    outside, within, without_onednn = in_worker("settings_as_read", case, processors)

    assert within["threads"] == "2"
    assert (outside["flushes_denormals"], within["flushes_denormals"]) == ("False", "True")
    assert (outside["allocator"], within["allocator"]) == ("system", "retained")
    assert within["affinity"] == ",".join(map(str, processors))
    assert within["onednn"] == str(torch.backends.mkldnn.is_available())
    assert without_onednn == {**within, "onednn": "False"}


def test_an_affinity_of_one_processor_is_read() -> None:
    one = max(os.sched_getaffinity(0))

    outside, *_ = in_worker("settings_as_read", CASE, (one,))

    assert outside["affinity"] == str(one)


def test_the_surroundings_are_the_pace_of_its_product(device: CpuDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SpeedProbe, "read_s", lambda _: 0.25)

    assert device.conditions() == {REFERENCE: 0.25}


# Facts


def test_facts_say_what_it_can_do(device: CpuDevice) -> None:
    facts = device.facts()

    assert facts.is_available
    assert "tf32" not in facts.precisions
    assert set(facts.precisions) == {"fp32", "amp-fp16", "amp-bf16", "fp16", "bf16"}
    assert "fp32" in facts.native_precisions
    assert set(facts.native_precisions) <= set(facts.precisions)
    assert facts.facts["instruction_set"] == torch.backends.cpu.get_cpu_capability()
    assert facts.model


@pytest.mark.parametrize("has_bf16", [True, False])
@pytest.mark.parametrize("has_fp16", [True, False])
def test_half_precisions_are_native_where_onednn_has_instructions(
    device: CpuDevice, monkeypatch: pytest.MonkeyPatch, *, has_bf16: bool, has_fp16: bool
) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: has_bf16, raising=False)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_fp16_supported", lambda: has_fp16, raising=False)

    native = set(device.facts().native_precisions)

    assert ({"bf16", "amp-bf16"} <= native) is has_bf16
    assert ({"fp16", "amp-fp16"} <= native) is has_fp16


# Time


def test_marks_are_readings_of_its_clock() -> None:
    clock = FakeClock()
    device = CpuDevice(clock)

    start = device.mark()
    clock.advance(0.25)

    assert device.elapsed_s(start, device.mark()) == 0.25
    assert not device.has_own_timeline()


def test_metrics_of_a_gpu_are_unavailable_with_the_reason(device: CpuDevice) -> None:
    calls: list[int] = []

    answer = device.measure_device_time(lambda: calls.append(1))

    assert isinstance(answer, Unavailable)
    assert answer.reason == "a CPU has no device time apart from latency"
    assert calls == []


# Peak memory by the allocator's events


def test_a_chain_of_operations_holds_two_results_at_a_time(device: CpuDevice) -> None:
    start = torch.randn(1000)

    peak = device.measure_peak_memory(lambda: start.neg().neg().neg().neg())

    assert peak.growth_bytes == 2 * 1000 * FLOAT_BYTES


def test_results_that_are_kept_add_up(device: CpuDevice) -> None:
    start = torch.randn(1000)

    def keep_five() -> None:
        list(itertools.accumulate(range(5), lambda result, _: result.neg(), initial=start))

    assert device.measure_peak_memory(keep_five).growth_bytes == 5 * 1000 * FLOAT_BYTES


def test_a_linear_layer_in_inference_allocates_its_output(device: CpuDevice) -> None:
    layer, images = nn.Linear(300, 500), torch.randn(7, 300)

    def infer() -> None:
        with torch.inference_mode():
            layer(images)

    assert device.measure_peak_memory(infer).growth_bytes == 7 * 500 * FLOAT_BYTES


def test_what_was_there_before_the_call_is_not_credited_when_the_call_frees_it(device: CpuDevice) -> None:
    held = [torch.randn(1000)]
    start = torch.randn(10)

    def free_then_allocate() -> None:
        held.clear()
        start.neg()

    assert device.measure_peak_memory(free_then_allocate).growth_bytes == 10 * FLOAT_BYTES


def test_a_call_that_allocates_nothing_has_no_peak(device: CpuDevice) -> None:
    assert device.measure_peak_memory(lambda: None).growth_bytes == 0


def test_a_backward_pass_holds_the_saved_result_and_the_gradient(device: CpuDevice) -> None:
    """d/dx sum(exp x): the saved exp(x), its product with the gradient, which becomes x.grad, and two scalars."""
    weights = nn.Parameter(torch.randn(1000))

    def step() -> None:
        weights.grad = None
        weights.exp().sum().backward()

    scalars_bytes = 2 * FLOAT_BYTES  # the loss and its gradient, 1
    expected = 2 * 1000 * FLOAT_BYTES + scalars_bytes
    assert device.measure_peak_memory(step).growth_bytes == expected


def test_a_training_step_of_a_linear_layer(device: CpuDevice) -> None:
    """At its peak it holds the weights' gradient, the logits' gradient it is made from, the loss and its gradient, 1.

    The logits and what the loss saved are freed by then; SGD works in place.
    """
    features, classes, batch = 4096, 10, 2
    module = nn.Linear(features, classes, bias=False)
    call = TrainingStep(module, torch.randn(batch, features), contextlib.nullcontext, scales_loss=False)

    def step() -> None:
        for phase in call.phases:
            phase.run()

    step()
    call.rest()

    expected_elements = classes * features + batch * classes + 2
    assert device.measure_peak_memory(step).growth_bytes == expected_elements * FLOAT_BYTES


Event = dict[str, Any]


def brute_force_peak(changes: list[tuple[float, int]]) -> int:
    ordered = [change for _, change in sorted(changes, key=lambda pair: pair[0])]
    return max(sum(ordered[:n]) for n in range(len(ordered) + 1))


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(-(2**40), 2**40)), max_size=40))
def test_the_peak_is_the_highest_of_all_sums_from_the_start(changes: list[tuple[float, int]]) -> None:
    events = [{"ts": time, "args": {"Bytes": change}} for time, change in changes]

    assert cpu.peak_of_events(events) == brute_force_peak(changes)


def test_events_of_one_time_keep_their_order() -> None:
    """A free and an allocation in the same microsecond: the free comes first."""
    sizes = (100, -100, 100)

    assert cpu.peak_of_events([{"ts": "7.0", "args": {"Bytes": size}} for size in sizes]) == 100


# Memory of the process


def test_process_memory_is_the_growth_since_the_device_was_made() -> None:
    size_bytes = 96 * 2**20
    before, after = in_worker("process_memory", size_bytes)

    assert before.samples[0] < size_bytes / 4, "what was freed before does not count"
    grown_bytes = after.samples[0] - before.samples[0]
    assert size_bytes - COUNTING_BYTES <= grown_bytes < 1.5 * size_bytes, "a peak stays after the memory is freed"


def test_reserved_memory_is_not_a_cpus(device: CpuDevice) -> None:
    reserved, process = device.measure_other_memory()

    assert isinstance(reserved, Unavailable)
    assert isinstance(process, Measurement)
    assert (reserved.metric, process.metric) == ("peak_reserved", "process_memory")


def test_a_system_that_reports_no_peak_has_no_process_memory(
    device: CpuDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu, "_peak_rss_bytes", lambda: None)

    assert isinstance(device.measure_other_memory()[1], Unavailable)


def test_free_memory_is_some_of_it_and_not_all(device: CpuDevice) -> None:
    assert 0 < device.free_memory_bytes() < psutil.virtual_memory().total


def test_a_cpu_misses_no_conditions(device: CpuDevice) -> None:
    assert list(device.conditions()) == [REFERENCE]
    assert device.why_no_conditions() == ""
