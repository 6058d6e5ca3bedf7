"""Predict a call's peak memory from a trace of its storages and a table of what kernels allocate."""

from zoobench.counting.memory.fakes import Answers, StandIns
from zoobench.counting.memory.ledger import Category, Ledger, Peak, TracePhase
from zoobench.counting.memory.workspace import NOTHING, Backend, cpu_onednn

__all__ = [
    "NOTHING",
    "Answers",
    "Backend",
    "Category",
    "Ledger",
    "Peak",
    "StandIns",
    "TracePhase",
    "cpu_onednn",
]
