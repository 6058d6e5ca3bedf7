"""What a call asks torch to do: how many operators it calls, and where a compiler has to give up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

from zoobench.calls import autocast_of
from zoobench.cases import Compiler, Mode
from zoobench.devices import Result
from zoobench.records import Measurement, Unavailable
from zoobench.subject import Subject

OPERATOR_CALLS, GRAPH_BREAKS = "operator_calls", "graph_breaks"


def count_operator_calls(subject: Subject) -> Result:
    """Calls of torch's operators below autograd in one call of the case, optimizer included; in eager mode."""
    if subject.case.compiler is not Compiler.EAGER:
        reason = "a compiled call runs the compiler's own kernels"
        return Unavailable(metric=OPERATOR_CALLS, reason=reason)
    subject.call()  # an optimizer makes its state in its first step
    with _Counter() as counter:
        subject.call()
    subject.device.wait()
    return Measurement(metric=OPERATOR_CALLS, samples=(float(counter.calls),), method="operators below autograd")


def count_graph_breaks(subject: Subject) -> Result:
    """Where the compiler cannot go on and hands back to Python, in one forward pass; where there is a compiler."""
    if subject.case.compiler is Compiler.EAGER:
        return Unavailable(metric=GRAPH_BREAKS, reason="nothing is compiled in eager mode")
    explain: Callable[..., Any] = torch._dynamo.explain(subject.module)  # noqa: SLF001 - as torch documents it
    autocast = autocast_of(subject.case.precision, subject.device.torch_device)
    with torch.inference_mode(subject.case.mode is Mode.INFER), autocast():
        found = explain(subject.images)
    return Measurement(metric=GRAPH_BREAKS, samples=(float(found.graph_break_count),), method="torch._dynamo.explain")


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types for it
    """Counts what passes."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls = 0

    def __torch_dispatch__(
        self, operator: OpOverload, _types: object, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if operator.namespace != "prim":
            self.calls += 1
        return operator(*args, **(kwargs or {}))
