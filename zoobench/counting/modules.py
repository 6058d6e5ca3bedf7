"""Track which module of a model runs: by hooks in the forward pass, by autograd nodes in the backward pass."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import msgspec
import torch
from torch import Tensor, nn
from torch.autograd.graph import Node
from torch.nn.modules import module as module_hooks
from torch.utils.hooks import RemovableHandle

from zoobench.counting.operators import tensors_in
from zoobench.records import Shape


class ModuleCall(msgspec.Struct, frozen=True):
    """One call of one module: its name in the model, its class, and the shapes of its first input and output."""

    path: str
    type: str
    input_shape: Shape
    output_shape: Shape


class ModuleWatch:
    """Inside `watching()`, `path` is the name of the innermost running module ("" for the model itself).

    A module that the model does not register under a name counts as part of its caller.
    """

    def __init__(self, model: nn.Module) -> None:
        self.calls: list[ModuleCall] = []
        self._paths = {id(part): path for path, part in model.named_modules()}
        self._open: list[tuple[str, Shape, int]] = []
        self._node_path: str | None = None
        self._labelled: set[Node] = set()

    @property
    def path(self) -> str:
        """Name of the module that runs in the forward pass, or that made the running backward node."""
        if self._open:
            return self._open[-1][0]
        return self._node_path or ""

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Track calls inside the block, by torch's global hooks. No module changes; the hooks are removed after it."""
        handles: list[RemovableHandle] = [
            module_hooks.register_module_forward_pre_hook(self._enter),
            module_hooks.register_module_forward_hook(self._leave, always_call=True),
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, part: nn.Module, args: tuple[Any, ...]) -> None:
        path = self._paths.get(id(part), self.path)
        self._open.append((path, _first_shape(args), len(self.calls)))
        if id(part) in self._paths:
            self.calls.append(ModuleCall(path, type(part).__name__, _first_shape(args), ()))

    def _leave(self, part: nn.Module, _args: tuple[Any, ...], output: Any) -> None:
        path, input_shape, number = self._open.pop()
        if id(part) in self._paths:
            self.calls[number] = ModuleCall(path, type(part).__name__, input_shape, _first_shape(output))
        self._label(output, path)

    def _label(self, output: Any, path: str) -> None:
        """Label the autograd nodes of this output that no inner module has labelled with `path`."""
        pending = [tensor.grad_fn for tensor in tensors_in(output) if tensor.grad_fn is not None]
        while pending:
            node = pending.pop()
            if node in self._labelled:
                continue
            self._labelled.add(node)
            node.register_prehook(lambda *_: self._work_on(path))
            pending.extend(next_node for next_node, _ in node.next_functions if next_node is not None)

    def _work_on(self, path: str) -> None:
        self._node_path = path


def _first_shape(value: Any) -> Shape:
    first = next(tensors_in(value), None)
    return () if first is None else tuple(first.shape)


def gives_gradients(tensor: Tensor) -> bool:
    """Whether a backward pass can start at the tensor."""
    return tensor.requires_grad and torch.is_floating_point(tensor)
