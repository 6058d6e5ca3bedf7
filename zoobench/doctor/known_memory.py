"""An allocation of known size, as the device's own measure of peak memory sees it."""

from __future__ import annotations

import torch

from zoobench.devices import Device
from zoobench.doctor.effort import Effort
from zoobench.doctor.example import example_case
from zoobench.doctor.surroundings import as_in_a_case
from zoobench.isolate import Tell
from zoobench.records import Measurement

SIZES_BYTES = (2**20, 2**24, 2**26)
"""Multiples of 2 MiB, or a power of two below: no allocator rounds them up (CUDA's rounds to 512 bytes)."""


def examine_known_memory(device_name: str, _effort: Effort, tell: Tell) -> None:
    """Tell `known_bytes_error`."""
    with as_in_a_case(example_case(device_name)) as device:
        tell(measure_known_memory(device))


def measure_known_memory(device: Device) -> Measurement:
    """The bytes that the device saw over those that were taken, less 1, for each size."""
    return Measurement(
        metric="known_bytes_error",
        samples=tuple(_seen_bytes(device, size) / size - 1 for size in SIZES_BYTES),
        method=f"peak memory of an allocation of {', '.join(f'{size / 2**20:.0f}' for size in SIZES_BYTES)} MiB",
    )


def _seen_bytes(device: Device, size_bytes: int) -> int:
    def allocate() -> None:
        torch.empty(size_bytes, dtype=torch.uint8, device=device.torch_device)

    return device.measure_peak_memory(allocate).growth_bytes
