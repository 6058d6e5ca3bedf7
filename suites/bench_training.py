"""Training: a whole step (forward, backward, SGD with momentum), its parts told apart, and its memory.

Models, batch sizes and precisions are the preset's (`--zoobench-preset quick|default|full`).
"""

from collections.abc import Callable

from zoobench import Budget, CaseRecord, Matrix, Mode

MATRIX = Matrix(modes=(Mode.TRAIN,))
BUDGET = Budget(precision_target=0.02, min_s=2.0, max_s=8.0)


def bench_training(measure_case: Callable[[], CaseRecord]) -> None:
    measure_case()
