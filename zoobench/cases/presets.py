"""Named matrices: what a suite measures when nobody says otherwise."""

from __future__ import annotations

from zoobench.cases.axes import DeviceFacts, Matrix, MemoryFormat, Mode, Precision
from zoobench.cases.catalogue import DEFAULT_SUITE, EVERYTHING
from zoobench.cases.errors import UnknownNameError

DEFAULT = "default"
QUICK = "quick"
NAMES = (QUICK, DEFAULT, "full")

COMPARISON = (
    "alexnet",
    "resnet18",
    "squeezenet1_0",
    "squeezenet1_1",
    "mobilenet_v1_100",
    "mobilenet_v2",
    "shufflenet_v1_g3_x1_0",
    "shufflenet_v2_x1_0",
    "xception",
)
"""The four families of the papers' comparison, and the two nets they compare themselves with."""


def preset(name: str, device: DeviceFacts) -> Matrix:
    """The matrix of that name on that device.

    Raises: UnknownNameError.
    """
    makers = {QUICK: _quick, DEFAULT: _default, "full": _full}
    if name not in makers:
        raise UnknownNameError("preset", name, NAMES)
    return makers[name](device)


def is_timing_only(name: str) -> bool:
    """Whether it leaves out suites of fixed plans and cases that are only counted: the quick one does."""
    return name == QUICK


def _quick(_: DeviceFacts) -> Matrix:
    return Matrix(models=COMPARISON, modes=(Mode.INFER,), batch_sizes=(1,), precisions=(Precision.FP32,))


def _default(device: DeviceFacts) -> Matrix:
    return Matrix(
        models=(DEFAULT_SUITE,),
        modes=(Mode.INFER, Mode.TRAIN),
        batch_sizes=(1, 8, 32, 128) if _is_gpu(device) else (1, 8),
        precisions=(Precision.FP32, Precision(device.amp)),
    )


def _full(device: DeviceFacts) -> Matrix:
    return Matrix(
        models=(EVERYTHING,),
        modes=(Mode.INFER, Mode.TRAIN),
        batch_sizes=(1, 8, 32, 128) if _is_gpu(device) else (1, 8),
        precisions=tuple(Precision(name) for name in device.precisions),
        memory_formats=(MemoryFormat.CONTIGUOUS, MemoryFormat.CHANNELS_LAST),
    )


def _is_gpu(device: DeviceFacts) -> bool:
    return device.name.startswith("cuda")
