"""Count multiply-accumulates, activations, bytes and parameters of a model from its shapes alone."""

from zoobench.counting.costs import Cost, UncountableError
from zoobench.counting.count import (
    By,
    Counts,
    Group,
    StateCounts,
    Uncounted,
    count_forward,
    count_state,
    count_training,
    divide,
    total,
    trace_pass,
)
from zoobench.counting.layers import layers_of

__all__ = [
    "By",
    "Cost",
    "Counts",
    "Group",
    "StateCounts",
    "UncountableError",
    "Uncounted",
    "count_forward",
    "count_state",
    "count_training",
    "divide",
    "layers_of",
    "total",
    "trace_pass",
]
