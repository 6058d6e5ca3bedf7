"""A paper's claim and what a run says of it, as data: numbers found beside numbers printed."""

from __future__ import annotations

import enum

import msgspec

from zoobench.papers.evidence import Interval
from zoobench.papers.found import Net


class Scale(enum.StrEnum):
    """What a comparison's numbers are: so many times another, a share of a whole, a rank correlation from -1 to 1."""

    TIMES = "times"
    SHARE = "share"
    CORRELATION = "correlation"


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """One number found beside the one printed; either may be missing.

    `lack` says what the run did not measure of it. `net` is what was measured where `subject`, the paper's own words,
    stands for one net.
    """

    subject: str
    quantity: str
    scale: Scale
    printed: float | None = None
    found: Interval | None = None
    lack: str = ""
    note: str = ""
    net: Net | None = None


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a paper claims, and everything a run has to say on it.

    `setting` is how the times were taken, empty if none were.
    """

    key: str
    title: str
    source: str
    statement: str
    setting: str
    comparisons: tuple[Comparison, ...]
    notes: tuple[str, ...] = ()

    def of(self, quantity: str) -> tuple[Comparison, ...]:
        """Its comparisons of that quantity."""
        return tuple(comparison for comparison in self.comparisons if comparison.quantity == quantity)

    @property
    def is_complete(self) -> bool:
        """Whether the run measured all that the claim needs."""
        return not any(comparison.lack for comparison in self.comparisons)

    @property
    def is_measured(self) -> bool:
        """Whether the run says anything on it."""
        return any(comparison.found for comparison in self.comparisons)
