"""Profile the operators of a call with the torch profiler: the time and module of each."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
from torch import nn
from torch.autograd.profiler import record_function
from torch.nn.modules import module as module_hooks
from torch.profiler import ProfilerActivity, profile

from zoobench.records import Shape

_PREFIX = "module: "
_ROOT = "(model)"


def scope_name(path: str) -> str:
    """Name of a module's range in a profile; the path of the model itself is empty."""
    return f"{_PREFIX}{path or _ROOT}"


def path_of_scope(name: str) -> str | None:
    """Path of the module whose range has this name; None if the name is not that of a module's range."""
    path = name.removeprefix(_PREFIX)
    if path == name:
        return None
    return "" if path == _ROOT else path


@contextlib.contextmanager
def module_scopes(model: nn.Module) -> Iterator[None]:
    """Record a range for each call of the model's modules in the block.

    Hooks are torch's global ones, so that no module changes; they are removed afterwards. A module that the model does
    not register under a name has no range: its operators belong to its caller.
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


_ATEN = "aten::"
_MICROSECONDS_A_SECOND = 1e6


class ProfiledOperator(msgspec.Struct, frozen=True, kw_only=True):
    """One call of an operator, with the inner operators that it called.

    `name` is without namespace, such as `conv2d`. `shapes` has one entry per argument, empty for anything but a tensor;
    `values` has the values of numbers and lists of numbers, None for the rest. `time_s` includes inner operators.
    `path` is that of the running module, "" if none has a range; inner operators have the path of the outermost one.
    """

    name: str
    shapes: tuple[Shape, ...]
    values: tuple[Any, ...]
    time_s: float
    path: str = ""
    inner: tuple[ProfiledOperator, ...] = ()

    def with_inner(self) -> Iterator[ProfiledOperator]:
        """Yield the operator, then its inner operators, outer ones first."""
        yield self
        for operator in self.inner:
            yield from operator.with_inner()


def profiling(activities: Iterable[ProfilerActivity]) -> profile:
    """Return a profiler for one block of work.

    `acc_events` has no effect on one block; without it some releases (such as 2.11) warn in each process that a second
    block would clear the events of the first.
    """
    return profile(activities=activities, record_shapes=True, acc_events=True)


def profile_operators(
    call: Callable[[], object], activities: Iterable[ProfilerActivity], time_us: Callable[[Any], float]
) -> tuple[ProfiledOperator, ...]:
    """Profile the aten operators of the call, in order. `time_us` reads an event's time, including inner events."""
    with profiling(activities) as profiler:
        call()
    events = profiler.events() or ()
    outermost = (event for event in events if _is_operator(event) and not _is_inside_one(event))
    return tuple(_operator(event, time_us, _path(event)) for event in outermost)


def _operator(event: Any, time_us: Callable[[Any], float], path: str) -> ProfiledOperator:
    return ProfiledOperator(
        name=event.name.removeprefix(_ATEN),
        shapes=tuple(_shape(shape) for shape in event.input_shapes or ()),
        values=tuple(event.concrete_inputs or ()),
        time_s=time_us(event) / _MICROSECONDS_A_SECOND,
        path=path,
        inner=tuple(_operator(child, time_us, path) for child in _operators_of(event.cpu_children)),
    )


def _path(event: Any) -> str:
    """Path of the innermost module whose range contains the event."""
    while (event := event.cpu_parent) is not None:
        path = path_of_scope(event.name)
        if path is not None:
            return path
    return ""


def _operators_of(events: Iterable[Any]) -> Iterator[Any]:
    return (event for event in events if _is_operator(event))


def _is_operator(event: Any) -> bool:
    return bool(event.name.startswith(_ATEN))


def _is_inside_one(event: Any) -> bool:
    """Whether an operator called this one, possibly through autograd nodes."""
    parent = event.cpu_parent
    return parent is not None and (_is_operator(parent) or _is_inside_one(parent))


def _shape(sides: Any) -> Shape:
    """Shape of an argument; empty for a list of tensors, for which the profiler returns a list of shapes."""
    return tuple(sides) if all(isinstance(side, int) for side in sides) else ()
