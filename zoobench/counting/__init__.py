"""What a model costs by its shapes alone: multiply-accumulates, activations, bytes; its weights."""

from zoobench.counting.costs import Cost
from zoobench.counting.count import (
    Counts,
    StateCounts,
    Uncounted,
    count_forward,
    count_state,
    count_training,
    total,
    trace_pass,
)
from zoobench.counting.groups import By, Group, divide
from zoobench.counting.layers import layers_of
from zoobench.counting.uncountable import UncountableError

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
