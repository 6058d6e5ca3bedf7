"""Devices that run calls. Use `get_device`; packages add devices with the entry-point group `zoobench.devices`.

An entry point is a callable that takes the index in `name:index` (default 0) and returns a `Device`.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable

from zoobench.cases import BadInputError, UnknownNameError
from zoobench.devices.cpu import CpuDevice
from zoobench.devices.cuda import CudaDevice
from zoobench.devices.device import REFERENCE, Call, Device, Mark, PeakMemory
from zoobench.devices.profiler import ProfiledOperator, module_scopes

__all__ = [
    "REFERENCE",
    "Call",
    "CpuDevice",
    "CudaDevice",
    "Device",
    "Mark",
    "PeakMemory",
    "ProfiledOperator",
    "device_kinds",
    "get_device",
    "module_scopes",
]

ENTRY_POINTS = "zoobench.devices"

DeviceMaker = Callable[[int], Device]


def get_device(name: str) -> Device:
    """Return the device of that name, even if the machine does not have it (see its facts).

    Raises: UnknownNameError for an unknown kind, BadInputError for an index that is not a number.
    """
    kind, _, index = name.partition(":")
    makers = device_kinds()
    if kind not in makers:
        raise UnknownNameError("device", name, makers)
    if index and not index.isdecimal():
        raise BadInputError(f"device {name!r}: what follows the colon is an index, as in {kind}:1")
    return makers[kind](int(index or 0))


def device_kinds() -> dict[str, DeviceMaker]:
    """Return a factory for each kind of device, by name.

    Raises: BadInputError if an installed package adds a name that is in use.
    """
    makers: dict[str, DeviceMaker] = {"cpu": lambda _: CpuDevice(), "cuda": CudaDevice}
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
        if point.name in makers:
            raise BadInputError(f"two installed sources both provide a device named {point.name!r}: uninstall one")
        makers[point.name] = point.load()
    return makers
