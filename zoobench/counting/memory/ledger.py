"""Record the lifetime and category of each storage in a traced call.

A trace consists of tensors, memory of storages: a view shares its base's, and a parameter that two modules share has
one. So the ledger adds a storage, with all its bytes, when it first appears in an operator's result, and removes it
when its last tensor is freed. Reference counting determines that moment, as in a real call.
"""

from __future__ import annotations

import enum
import functools
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from torch import Tensor, UntypedStorage
from torch._ops import OpOverload

from zoobench.counting.memory.workspace import Backend
from zoobench.counting.operators import tensors_in


class Category(enum.StrEnum):
    """What memory is used for.

    Saved activations are made by the forward pass and alive when it ends; temporaries are all the rest.
    """

    WEIGHTS = "weights"
    INPUTS = "inputs"
    GRADIENTS = "gradients"
    OPTIMIZER = "optimizer-state"
    SAVED = "saved-activations"
    TEMPORARIES = "temporaries"
    WORKSPACE = "workspace"


class TracePhase(enum.StrEnum):
    """Parts of a call, in order; inference has only the first."""

    FORWARD = "forward"
    BACKWARD = "backward"
    OPTIMIZER = "optimizer"


class Peak(msgspec.Struct, frozen=True, kw_only=True):
    """The moment of a call with the most bytes held, while `operator` of the module `path` ("" is none) runs.

    `bytes_by_category` is of that moment and has no empty category. Workspace is the predicted memory of the kernels of
    `backend` beside the tensors.
    """

    bytes_by_category: dict[Category, int]
    phase: TracePhase
    operator: str
    path: str
    backend: str

    @property
    def total_bytes(self) -> int:
        """Sum of all categories."""
        return sum(self.bytes_by_category.values())

    @property
    def workspace_bytes(self) -> int:
        """Bytes held by the running kernel."""
        return self.bytes_by_category.get(Category.WORKSPACE, 0)


class Ledger:
    """Memory record of one call. `held_bytes` exists before and after it; `where` returns the running layer's path.

    The caller sets `phase` when each phase begins, and calls `end_phase` when it ends. `observe` is a
    `zoobench.counting.trace.Observer`.
    """

    def __init__(self, held_bytes: Mapping[Category, int], backend: Backend, where: Callable[[], str] = str) -> None:
        self._held_bytes = dict(held_bytes)
        self._backend = backend
        self._where = where
        self.phase = TracePhase.FORWARD
        self._entries: list[_LiveStorage] = []
        self._open: dict[int, _LiveStorage] = {}
        self._live_bytes = sum(held_bytes.values())
        self._moment = 0
        self._peak = _Moment(0, self._live_bytes, 0, self.phase, "", "")

    def observe(self, operator: OpOverload, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> None:
        """Add the storages that the operator made; its kernel's workspace counts while it runs."""
        self._moment += 1
        for tensor in tensors_in(result):
            storage = tensor.untyped_storage()
            if id(storage) not in self._open:
                self._add(storage, (args, kwargs))
        workspace_bytes = self._backend.workspace_bytes(operator, args, kwargs, result)
        total_bytes = self._live_bytes + workspace_bytes
        if total_bytes > self._peak.total_bytes:
            name = str(operator.overloadpacket)
            self._peak = _Moment(self._moment, total_bytes, workspace_bytes, self.phase, name, self._where())

    def end_phase(self, gradients: Iterable[Tensor]) -> None:
        """Set categories: live storages of the forward pass were saved for backward; `gradients` are of parameters."""
        if self.phase is TracePhase.FORWARD:
            for entry in self._open.values():
                entry.category = Category.SAVED
        for gradient in gradients:
            entry_of_gradient = self._open.get(id(gradient.untyped_storage()))
            if entry_of_gradient is not None:
                entry_of_gradient.category = Category.GRADIENTS

    @property
    def peak_number(self) -> int:
        """Number of the operator that runs at the peak, from 1; 0 if the peak is before the first."""
        return self._peak.moment

    def peak(self) -> Peak:
        """Return the moment with the most bytes so far."""
        amounts = Counter(self._held_bytes)
        for entry in self._entries:
            if entry.began <= self._peak.moment < entry.ended:
                amounts[entry.category] += entry.size_bytes
        amounts[Category.WORKSPACE] = self._peak.workspace_bytes
        return Peak(
            bytes_by_category={category: amounts[category] for category in Category if amounts[category]},
            phase=self._peak.phase,
            operator=self._peak.operator,
            path=self._peak.path,
            backend=self._backend.name,
        )

    def _add(self, storage: UntypedStorage, arguments: tuple[Any, Any]) -> None:
        """Add a storage, unless it is an argument's: then it existed before the call."""
        if any(tensor.untyped_storage() is storage for tensor in tensors_in(arguments)):
            return
        key = id(storage)
        entry = _LiveStorage(storage, self._moment, functools.partial(self._remove, key))
        self._entries.append(entry)
        self._open[key] = entry
        self._live_bytes += entry.size_bytes

    def _remove(self, key: int, _: object) -> None:
        entry = self._open.pop(key)
        entry.ended = self._moment + 1
        self._live_bytes -= entry.size_bytes


class _LiveStorage:
    """One storage that the call made, alive from moment `began` until just before `ended`."""

    __slots__ = ("_reference", "began", "category", "ended", "size_bytes")

    def __init__(self, storage: UntypedStorage, moment: int, at_end: Callable[[object], None]) -> None:
        self.size_bytes = storage.nbytes()
        self.category = Category.TEMPORARIES
        self.began = moment
        self.ended = float("inf")
        self._reference = weakref.ref(storage, at_end)


class _Moment(msgspec.Struct, frozen=True):
    moment: int
    total_bytes: int
    workspace_bytes: int
    phase: TracePhase
    operator: str
    path: str
