"""Whether two lists put the same things in the same order."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

FEWEST = 3
"""Two things are in one order or the other: that says nothing."""


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """Rank correlations of `n` pairs: 1 is the same order, -1 the opposite one.

    `kendall_p` is the two-sided probability of a tau at least as far from 0 if every order were equally likely: counted
    out where no value occurs twice (`is_exact`), else by the normal distribution. `furthest` is the place, in the lists
    given, of the pair whose ranks are furthest apart, None if the ranks are all the same.
    """

    n: int
    spearman: float
    kendall: float
    kendall_p: float
    is_exact: bool
    furthest: int | None


def rank_agreement(first: Sequence[float], second: Sequence[float]) -> Agreement | None:
    """Spearman's rho and Kendall's tau-b, as in `scipy.stats`; equal values share their mean rank.

    None for fewer than three pairs, and for a list of equal values, which has no order.
    """
    if len(first) < FEWEST or min(len(set(first)), len(set(second))) == 1:
        return None
    from scipy import stats  # noqa: PLC0415  a report without claims need not wait for it

    is_exact = len(set(first)) == len(set(second)) == len(first)
    tau = stats.kendalltau(first, second, method="exact" if is_exact else "asymptotic")
    apart = abs(stats.rankdata(first) - stats.rankdata(second))
    return Agreement(
        n=len(first),
        spearman=float(stats.spearmanr(first, second).statistic),
        kendall=float(tau.statistic),
        kendall_p=float(tau.pvalue),
        is_exact=is_exact,
        furthest=int(apart.argmax()) if apart.any() else None,
    )
