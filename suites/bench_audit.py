"""Counting audit: each model counted by us, by fvcore and by its publisher; nothing is timed, no model is called.

Models are the preset's (`--zoobench-preset default|full`), each at its own size of pictures.
"""

from collections.abc import Callable

from zoobench import COUNT_ONLY, CaseRecord, Matrix, Mode, Precision

MATRIX = Matrix(modes=(Mode.INFER,), batch_sizes=(1,), precisions=(Precision.FP32,))
BUDGET = COUNT_ONLY


def bench_audit(measure_case: Callable[[], CaseRecord]) -> None:
    measure_case()
