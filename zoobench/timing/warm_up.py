"""When warm-up is over: as soon as calls are no longer getting faster, which is tested and not assumed."""

from __future__ import annotations

from collections.abc import Sequence

from zoobench import stats

WINDOW = 10
"""Calls looked at: the normal approximation of the test is good from about ten (Mann 1945, Econometrica 13)."""

_CRITICAL = -1.645
"""One-sided, at 5 %: warm-up goes on while a downward trend is that unlikely to be chance."""


def is_flat(times_s: Sequence[float]) -> bool:
    """Whether the last calls show no downward trend; False before there are enough. An upward one is no warm-up."""
    return len(times_s) >= WINDOW and stats.trend(times_s[-WINDOW:]) > _CRITICAL
