"""The papers' comparison: what the report's section *Reproduction* holds against the printed figures.

Cases are the papers' own: their nets, sizes of pictures, batches and threads. Options narrow them and add none. What is
timed comes first; the rest is built, counted and audited, and never called.
"""

from collections.abc import Callable

from zoobench import CaseRecord
from zoobench.papers.timed import plans

PLANS = plans()


def bench_papers(measure_case: Callable[[], CaseRecord]) -> None:
    measure_case()
