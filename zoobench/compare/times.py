"""From the log-ratios of one case to its `Times`, and what they alone say."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import msgspec

from zoobench.compare.evidence import Rule
from zoobench.compare.ranks import Location, location
from zoobench.compare.replicates import LogRatio
from zoobench.compare.result import Times, Verdict


def log_margin(rule: Rule) -> float:
    """The margin on the scale of log-ratios: as much slower as faster."""
    return math.log1p(rule.margin_ratio)


def times_of(
    ratios: Sequence[LogRatio],
    *,
    dropped: int = 0,
    is_confirmed: bool = False,
    p_slower: float | None = None,
    p_faster: float | None = None,
) -> Times:
    """What these replicates come to.

    Raises: ValueError without replicates.
    """
    values = [ratio.value for ratio in ratios]
    where = location(values)
    middle_s = math.sqrt(statistics.median(r.base_s for r in ratios) * statistics.median(r.head_s for r in ratios))
    times = Times(
        base_s=middle_s * math.exp(-where.estimate / 2),
        head_s=middle_s * math.exp(where.estimate / 2),
        ratio=math.exp(where.estimate),
        low=None,
        high=None,
        n=len(values),
        dropped=dropped,
        is_confirmed=is_confirmed,
        p_slower=p_slower,
        p_faster=p_faster,
        spread_ratio=statistics.stdev(values) if len(values) > 1 else None,
    )
    return with_interval(times, where)


def with_interval(times: Times, where: Location) -> Times:
    """These times with the interval of their log-ratio, if it has one."""
    if where.low is None or where.high is None:
        return times
    return msgspec.structs.replace(
        times, low=math.exp(where.low), high=math.exp(where.high), detectable_ratio=math.expm1(where.high)
    )


def is_inside(low: float | None, high: float | None, margin_ratio: float) -> bool:
    """Whether an interval of the ratio lies within the margin, which is as wide to both sides on the log scale."""
    return low is not None and high is not None and low > 1 / (1 + margin_ratio) and high < 1 + margin_ratio


def verdict_of_times(times: Times, rule: Rule) -> Verdict:
    """Slower and faster need a test that says so, same an interval inside the margin; all else is undecided."""
    if times.p_slower is not None and times.p_slower <= rule.alpha:
        return Verdict.SLOWER
    if times.p_faster is not None and times.p_faster <= rule.alpha:
        return Verdict.FASTER
    return Verdict.SAME if is_inside(times.low, times.high, rule.margin_ratio) else Verdict.UNDECIDED
