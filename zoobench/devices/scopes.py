"""Which module is at work, written into a profile: a range round each call of a module, only while it is profiled."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from torch import nn
from torch.autograd.profiler import record_function
from torch.nn.modules import module as module_hooks

_PREFIX = "module: "
_ROOT = "(model)"


def scope_name(path: str) -> str:
    """What the range of a module is called in a profile; the model itself has the empty path."""
    return f"{_PREFIX}{path or _ROOT}"


def path_of_scope(name: str) -> str | None:
    """The path of the module whose range is called so; None for what is no module's."""
    path = name.removeprefix(_PREFIX)
    if path == name:
        return None
    return "" if path == _ROOT else path


@contextlib.contextmanager
def module_scopes(model: nn.Module) -> Iterator[None]:
    """Ranges round the calls of the model's modules.

    Hooks are torch's global ones, so that no module changes; they are gone afterwards. A module that the model does
    not register by a name has no range: its operators are those of the module that calls it.
    """
    paths = {id(part): path for path, part in model.named_modules()}
    open_ranges: list[record_function] = []

    def enter(part: nn.Module, _args: tuple[Any, ...]) -> None:
        if id(part) in paths:
            open_range = record_function(scope_name(paths[id(part)]))
            open_range.__enter__()  # type: ignore[no-untyped-call]
            open_ranges.append(open_range)

    def leave(part: nn.Module, _args: tuple[Any, ...], _output: Any) -> None:
        if id(part) in paths:
            open_ranges.pop().__exit__(None, None, None)

    handles = (
        module_hooks.register_module_forward_pre_hook(enter),
        module_hooks.register_module_forward_hook(leave, always_call=True),
    )
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
