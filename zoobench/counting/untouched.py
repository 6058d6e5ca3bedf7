"""Run a module and leave it as it was."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from torch import nn

_CONTAINERS = (dict, list, set)


@contextlib.contextmanager
def left_as_found(module: nn.Module) -> Iterator[None]:
    """After the block, every attribute of `module` and of its submodules is what it was before.

    That is: training flags, hooks, buffers that a forward registers, tensors that it caches, and what it adds to or
    takes from a dict, list or set of its own (not deeper). In-place changes of a tensor's values are not undone.
    """
    attributes = {part: dict(vars(part)) for part in module.modules()}
    contents: list[tuple[Any, Any]] = [
        (owned, owned.copy() if owned else ())  # most are empty, and copying those of torch's modules takes long
        for kept in attributes.values()
        for owned in kept.values()
        if isinstance(owned, _CONTAINERS)
    ]
    try:
        yield
    finally:
        for part, kept in attributes.items():
            _refill(vars(part), kept)
        for owned, kept in contents:
            _refill(owned, kept)


def _refill(container: Any, content: Any) -> None:
    if not container and not content:
        return
    container.clear()
    if isinstance(container, list):
        container.extend(content)
    else:
        container.update(content)
