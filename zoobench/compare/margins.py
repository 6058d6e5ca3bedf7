"""From what difference on a change counts, where the user does not say."""

from __future__ import annotations

from collections.abc import Iterable

OF_SHARED_PROCESSORS = 0.05
OF_GPUS = 0.02
"""Whose times spread less, since nobody else computes there."""


def margin_of(devices: Iterable[str]) -> float:
    """The margin, as a ratio, of cases on these devices; where they are unlike, that of the noisier ones."""
    kinds = {device.partition(":")[0] for device in devices}
    return OF_GPUS if kinds == {"cuda"} else OF_SHARED_PROCESSORS
