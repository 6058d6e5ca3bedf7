"""Where a call's tensors lie in memory: moved between blocks, so that one lucky or unlucky layout is not the result.

Addresses decide which cache sets, pages and memory channels a net's weights and activations compete for, and one
process draws them once: medians of processes of the same net spread by several percent (method, section 2; Mytkowicz
and others, Producing wrong data without doing anything obviously wrong!, ASPLOS 2009; Curtsinger and Berger,
STABILIZER, ASPLOS 2013).
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import torch
from torch import Tensor

_SMALL_PAD_BYTES = 2**16
"""Up to this much lies between two storages: more than a page, and more than a first-level cache."""

_LARGE_PAD_BYTES = 2**21
_LARGE_PADS = 8
"""Beside the storages: holes and fillings of the size of activations, so that those come to lie elsewhere as well."""


class Layout(Protocol):
    """What the sampling loop shuffles between blocks."""

    def shuffle(self) -> bool:
        """Move everything; False where there was no room, and all lies where it did."""
        ...


class FixedLayout:
    """Everything stays where it is."""

    def shuffle(self) -> bool:
        return False


class ShuffledLayout:
    """Copies the storages of tensors to fresh memory in random order, with random padding between them.

    `tensors` is asked anew each time, since an optimizer makes its state in its first step; each tensor stays the same
    object with the same shape, strides and values, and tensors that share a storage go on sharing it. Moving needs room
    for one storage more and for the padding: `free_bytes` returns how much there is, None where it is not known.
    """

    def __init__(
        self, tensors: Callable[[], Iterable[Tensor]], free_bytes: Callable[[], int | None], *, seed: int
    ) -> None:
        self._tensors = tensors
        self._free_bytes = free_bytes
        self._random = random.Random(seed)  # noqa: S311 - not for secrets
        self._padding: list[Tensor] = []

    def shuffle(self) -> bool:
        groups = _by_storage(self._tensors())
        self._padding.clear()
        free_bytes = self._free_bytes()
        if not groups or (free_bytes is not None and free_bytes < self._needed_bytes(groups)):
            return False
        self._random.shuffle(groups)
        for sharing in groups:
            self._pad(sharing[0].device, _SMALL_PAD_BYTES)
            _move(sharing)
        for _ in range(_LARGE_PADS):
            self._pad(groups[0][0].device, _LARGE_PAD_BYTES)
        return True

    def _pad(self, device: torch.device, most_bytes: int) -> None:
        self._padding.append(torch.empty(self._random.randint(1, most_bytes), dtype=torch.uint8, device=device))

    def _needed_bytes(self, groups: Sequence[Sequence[Tensor]]) -> int:
        """At most: each fresh storage may find no hole among the old ones that is large enough."""
        storages = sum(sharing[0].untyped_storage().nbytes() for sharing in groups)
        return storages + len(groups) * _SMALL_PAD_BYTES + _LARGE_PADS * _LARGE_PAD_BYTES


def _by_storage(tensors: Iterable[Tensor]) -> list[list[Tensor]]:
    """Tensors that share a storage belong together; one without elements has nowhere to lie."""
    groups: defaultdict[int, list[Tensor]] = defaultdict(list)
    for tensor in tensors:
        if tensor.untyped_storage().nbytes():
            groups[tensor.untyped_storage().data_ptr()].append(tensor)
    return list(groups.values())


def _move(sharing: Sequence[Tensor]) -> None:
    """Give all of them one copy of their storage. Set through `data`, it goes unnoticed by autograd and by owners."""
    fresh = sharing[0].untyped_storage().clone()  # type: ignore[no-untyped-call]
    for tensor in sharing:
        moved = torch.empty(0, dtype=tensor.dtype, device=tensor.device)
        tensor.data = moved.set_(fresh, tensor.storage_offset(), tensor.shape, tensor.stride())
