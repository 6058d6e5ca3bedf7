"""Tasks that look at a device in a fresh process, run by `zoobench.measure.executor`; a `Tell` is the last argument."""

from __future__ import annotations

import itertools
import os
import statistics

import torch
from torch import Tensor

from zoobench.cases import Allocator, Case
from zoobench.devices import CpuDevice, host_memory
from zoobench.measure.messages import Emit
from zoobench.measure.worker.rounds import read_counters
from zoobench.records import Measurement
from zoobench.zoo.build import build_model

DENORMAL = 1e-40
MANY = 2**20
"""Elements enough that every thread gets some."""


def page_faults_a_call(allocator: str, emit: Emit) -> None:
    """Page faults of a call of a real net after warm-up, within the setting and after it."""
    torch.set_num_threads(1)
    with torch.inference_mode():
        with host_memory.allocator(Allocator(allocator)):
            model, images = build_model("squeezenet1_1").eval(), torch.randn(4, 3, 224, 224)
            within = _faults(model, images)
        emit((within, _faults(model, images)))


def allocator_as_read(kind: str, emit: Emit) -> None:
    """What the heap is read to do before and within the setting; and how far reading raised the peak."""
    before = host_memory.read_allocator()
    with host_memory.allocator(Allocator(kind)):
        device = CpuDevice()
        within = host_memory.read_allocator()
        [growth] = [part.samples[0] for part in device.measure_other_memory() if isinstance(part, Measurement)]
    emit((before, within, growth))


def settings_as_read(case: Case, processors: tuple[int, ...], emit: Emit) -> None:
    """What is read outside the settings, within them, and within them with oneDNN off; all on these processors."""
    os.sched_setaffinity(0, processors)
    device = CpuDevice()
    outside = device.read_settings()
    with device.settings(case):
        within = device.read_settings()
        with torch.backends.mkldnn.flags(enabled=False):
            emit((outside, within, device.read_settings()))


def process_memory(size_bytes: int, emit: Emit) -> None:
    """What the device says of a process that held so much before it, and as much again after it."""
    _touch(2 * size_bytes)
    device = CpuDevice()
    before = device.measure_other_memory()[1]
    _touch(size_bytes)
    emit((before, device.measure_other_memory()[1]))


def denormals(case: Case, emit: Emit) -> None:
    """How many of many products are not zero: before, within and after the settings."""
    before = _denormal(1)
    with CpuDevice().settings(case):
        within = _denormal(MANY)
    emit((before, within, _denormal(1)))


def _faults(model: torch.nn.Module, images: Tensor) -> float:
    """The median of five calls: the first of them, and the first readings, make themselves at home."""
    counters = [read_counters()]
    for _ in range(5):
        model(images)
        counters.append(read_counters())
    return statistics.median(later.since(before)["page_faults"] for before, later in itertools.pairwise(counters))


def _touch(size_bytes: int) -> None:
    torch.ones(size_bytes, dtype=torch.uint8)


def _denormal(count: int) -> int:
    """Read as integers: a comparison with zero would flush too."""
    bits = torch.full((count,), 71_362, dtype=torch.int32)  # the bits of 1e-40
    return int((bits.view(torch.float32) * 1.0).view(torch.int32).count_nonzero())
