"""A pass divided: by kind of layer, by operator, or by module to any depth."""

from __future__ import annotations

import enum
from collections.abc import Iterable

import msgspec

from zoobench.counting.count import Counts, total
from zoobench.counting.trace import OperatorCall, Trace


class By(enum.StrEnum):
    """What a pass is divided by."""

    MODULE = "module"
    OPERATOR = "operator"
    KIND = "kind"


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a pass: its name, how many calls of operators it has, and what they come to."""

    name: str
    calls: int
    counts: Counts


def divide(trace: Trace, by: By, *, depth: int | None = None) -> tuple[Group, ...]:
    """The parts of a pass, in the order in which they first ran; views are left out, they cost nothing.

    By kind and by operator the parts add up to the whole. By module they nest: a part is all that ran in a module and
    in those inside it, down to `depth` ("features.3" has depth 2), and "" is the whole model.
    """
    calls: dict[str, list[OperatorCall]] = {}
    for call in trace.operators:
        if call.work.bytes_written:
            for name in _names(call, by, depth):
                calls.setdefault(name, []).append(call)
    return tuple(Group(name=name, calls=len(of_name), counts=total(of_name)) for name, of_name in calls.items())


def _names(call: OperatorCall, by: By, depth: int | None) -> Iterable[str]:
    """The parts that the call belongs to."""
    if by is By.KIND:
        return (call.work.kind.value,)
    if by is By.OPERATOR:
        return (str(call.operator.overloadpacket),)
    steps = call.path.split(".")[:depth] if call.path else []
    return (".".join(steps[:length]) for length in range(len(steps) + 1))
