"""Contests without any of the project's code: if one of them differs, the two sides were not treated alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from zoobench.cases import Allocator, Case, Compiler, MemoryFormat, Mode, ModelRef, Precision
from zoobench.experiment.assignment import Pair

SOURCE = "control"
CONVOLUTIONS = ModelRef(SOURCE, "convolutions")
NORMALISATIONS = ModelRef(SOURCE, "normalisations")


class _Control(NamedTuple):
    model: ModelRef
    image_size: int


_CONTROLS = (_Control(CONVOLUTIONS, 32), _Control(NORMALISATIONS, 112))


def control_pairs(pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """The controls on the device and the threads of these contests; none without contests."""
    cases = [case for pair in pairs for case in (pair.head, pair.base) if case is not None]
    if not cases:
        return ()
    of_device = {(case.device, case.threads): case for case in reversed(cases)}
    made = [_case(control, device, threads) for device, threads in reversed(of_device) for control in _CONTROLS]
    return tuple(Pair(base=case, head=case, is_control=True) for case in made)


def _case(control: _Control, device: str, threads: int) -> Case:
    return Case(
        model=control.model,
        mode=Mode.INFER,
        batch=1,
        image_size=control.image_size,
        precision=Precision.FP32,
        device=device,
        threads=threads,
        memory_format=MemoryFormat.CONTIGUOUS,
        compiler=Compiler.EAGER,
        allocator=Allocator.RETAINED,
    )
