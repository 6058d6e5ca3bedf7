"""What a model costs by its shapes alone: multiply-accumulates, activations and what was left out; its parameters."""

from zoobench.counting.costs import Cost
from zoobench.counting.count import Counts, StateCounts, Uncounted, count_forward, count_state
from zoobench.counting.uncountable import UncountableError

__all__ = ["Cost", "Counts", "StateCounts", "UncountableError", "Uncounted", "count_forward", "count_state"]
