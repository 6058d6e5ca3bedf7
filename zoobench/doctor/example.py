"""The case that the doctor measures."""

from __future__ import annotations

from zoobench import catalogue
from zoobench.cases import Allocator, Case, Mode, ModelRef, Precision
from zoobench.options import usable_threads

EXAMPLE = ModelRef("torchvision", "squeezenet1_1")
"""Small enough to be built and called in no time, large enough to page: its first maps are 3 MiB a picture."""


def example_case(
    device_name: str, *, batch: int = 1, threads: int | None = None, allocator: Allocator = Allocator.RETAINED
) -> Case:
    """Inference of the example on that device, on all threads that this process may use unless it is said."""
    return Case(
        model=EXAMPLE,
        mode=Mode.INFER,
        batch=batch,
        image_size=catalogue.entry_of(EXAMPLE).image_size,
        precision=Precision.FP32,
        device=device_name,
        threads=threads or usable_threads(),
        allocator=allocator,
    )
