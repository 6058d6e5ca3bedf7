"""Which storages live at which moment of a traced call, and what they are for.

A trace is of tensors; memory is of storages: a view has its base's, and a parameter that two modules share has one. So
the ledger enters a storage when the result of an operator first shows it, at all its bytes, and strikes it out when the
last tensor over it dies. That moment comes by reference counting, as in a call that computes.
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
    """What memory is for.

    Saved activations were made by the forward pass and live when it ends; temporaries are all that is left.
    """

    WEIGHTS = "weights"
    INPUTS = "inputs"
    GRADIENTS = "gradients"
    OPTIMIZER = "optimizer-state"
    SAVED = "saved-activations"
    TEMPORARIES = "temporaries"
    WORKSPACE = "workspace"


class TracePhase(enum.StrEnum):
    """Parts of a call in order; inference has the first alone."""

    FORWARD = "forward"
    BACKWARD = "backward"
    OPTIMIZER = "optimizer"


class Peak(msgspec.Struct, frozen=True, kw_only=True):
    """The moment of a call at which the most bytes are held, while `operator` of the module `path` ("" is none) works.

    `bytes_by_category` is of that moment and has no empty category. Workspace is what the kernels of `backend` are
    taken to hold beside the tensors.
    """

    bytes_by_category: dict[Category, int]
    phase: TracePhase
    operator: str
    path: str
    backend: str

    @property
    def total_bytes(self) -> int:
        """Of all categories."""
        return sum(self.bytes_by_category.values())

    @property
    def workspace_bytes(self) -> int:
        """Held by the kernel at work."""
        return self.bytes_by_category.get(Category.WORKSPACE, 0)


class Ledger:
    """The account of one call. `held_bytes` was there before it and stays; `where` gives the path of the layer at work.

    Whoever makes the call sets `phase` as each begins, and says when it ends.

    `observe` is a `zoobench.counting.trace.Witness`: it sees each operator with its arguments and result.
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
        """Enter what the operator made; its kernel's workspace counts while it runs."""
        self._moment += 1
        for tensor in tensors_in(result):
            storage = tensor.untyped_storage()
            if id(storage) not in self._open:
                self._enter(storage, (args, kwargs))
        workspace_bytes = self._backend.workspace_bytes(operator, args, kwargs, result)
        total_bytes = self._live_bytes + workspace_bytes
        if total_bytes > self._peak.total_bytes:
            name = str(operator.overloadpacket)
            self._peak = _Moment(self._moment, total_bytes, workspace_bytes, self.phase, name, self._where())

    def end_phase(self, gradients: Iterable[Tensor]) -> None:
        """What the forward pass made and lives was saved for the backward one; and these are parameters' gradients."""
        if self.phase is TracePhase.FORWARD:
            for entry in self._open.values():
                entry.category = Category.SAVED
        for gradient in gradients:
            entry_of_gradient = self._open.get(id(gradient.untyped_storage()))
            if entry_of_gradient is not None:
                entry_of_gradient.category = Category.GRADIENTS

    @property
    def peak_number(self) -> int:
        """Which of the operators seen works at the peak; 0 if the peak is before the first."""
        return self._peak.moment

    def peak(self) -> Peak:
        """The highest moment so far."""
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

    def _enter(self, storage: UntypedStorage, arguments: tuple[Any, Any]) -> None:
        """A result over an argument's memory is no new memory: the argument was there before the call."""
        if any(tensor.untyped_storage() is storage for tensor in tensors_in(arguments)):
            return
        key = id(storage)
        entry = _LiveStorage(storage, self._moment, functools.partial(self._strike_out, key))
        self._entries.append(entry)
        self._open[key] = entry
        self._live_bytes += entry.size_bytes

    def _strike_out(self, key: int, _: object) -> None:
        entry = self._open.pop(key)
        entry.ended = self._moment + 1
        self._live_bytes -= entry.size_bytes


class _LiveStorage:
    """One storage that the call made: it lives from `began` until just before `ended`."""

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
