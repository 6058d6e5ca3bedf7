"""Operators of a call with the time that each takes, by the torch profiler."""

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

# Which module is at work, written into a profile: a range round each call of a module, only while it is profiled.


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


_ATEN = "aten::"
_MICROSECONDS_A_SECOND = 1e6


class ProfiledOperator(msgspec.Struct, frozen=True, kw_only=True):
    """One call of an operator that no other operator made, and those that it made in turn.

    `name` is as in `conv2d`; `shapes` has one entry an argument, empty for what is no tensor, or a list of them;
    `values` has those of numbers and lists of numbers, None for the rest. `time_s` includes the inner ones. `path` is
    of the module at work (`zoobench.devices.profiler`), "" where none has a range; inner operators have that of theirs.
    """

    name: str
    shapes: tuple[Shape, ...]
    values: tuple[Any, ...]
    time_s: float
    path: str = ""
    inner: tuple[ProfiledOperator, ...] = ()

    def with_inner(self) -> Iterator[ProfiledOperator]:
        """Itself, then those inside it, outer ones first."""
        yield self
        for operator in self.inner:
            yield from operator.with_inner()


def profiling(activities: Iterable[ProfilerActivity]) -> profile:
    """Profile one stretch of work.

    `acc_events` changes nothing for one stretch; without it some releases (2.11 is one) warn in each process that a
    second one would clear the events of the first.
    """
    return profile(activities=activities, record_shapes=True, acc_events=True)


def profile_operators(
    call: Callable[[], object], activities: Iterable[ProfilerActivity], time_us: Callable[[Any], float]
) -> tuple[ProfiledOperator, ...]:
    """The operators of aten that the call makes, in order. `time_us` reads an event's time, inner events included."""
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
    """Of the innermost module in whose range the event is."""
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
    """Autograd's own nodes stand between an operator and the one that made it."""
    parent = event.cpu_parent
    return parent is not None and (_is_operator(parent) or _is_inside_one(parent))


def _shape(sides: Any) -> Shape:
    """The profiler gives a list of shapes for a list of tensors."""
    return tuple(sides) if all(isinstance(side, int) for side in sides) else ()
