"""Benchmarks and profiles image-classification model zoos.

The public interface; whatever is imported from here stays. Each name is loaded when it is first used, so that
`import zoobench` costs neither torch nor pandas.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoobench.cases import COUNT_ONLY as COUNT_ONLY
    from zoobench.cases import Allocator as Allocator
    from zoobench.cases import Budget as Budget
    from zoobench.cases import Case as Case
    from zoobench.cases import Compiler as Compiler
    from zoobench.cases import Matrix as Matrix
    from zoobench.cases import MemoryFormat as MemoryFormat
    from zoobench.cases import Mode as Mode
    from zoobench.cases import ModelRef as ModelRef
    from zoobench.cases import Plan as Plan
    from zoobench.cases import Precision as Precision
    from zoobench.cases import ZoobenchError as ZoobenchError
    from zoobench.measure.session import measure_case as measure_case
    from zoobench.records import CaseRecord as CaseRecord
    from zoobench.records import Measurement as Measurement
    from zoobench.records import RunRecord as RunRecord
    from zoobench.records.store import load_runs as load_runs
    from zoobench.report.frame import collect_frame as collect_frame
    from zoobench.zoo.build import build_model as build_model

_HOMES = {
    "zoobench.records.store": ("load_runs",),
    "zoobench.measure.session": ("measure_case",),
    "zoobench.cases": ("COUNT_ONLY", "Allocator", "Budget", "Case", "Compiler", "Matrix", "MemoryFormat", "Mode",
                       "ModelRef", "Plan", "Precision"),
    "zoobench.cases.errors": ("ZoobenchError",),
    "zoobench.report.frame": ("collect_frame",),
    "zoobench.records": ("CaseRecord", "Measurement", "RunRecord"),
    "zoobench.zoo.build": ("build_model",),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605 - a list of str


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'zoobench' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return __all__
