"""What a model does to the process beside its calls, as it was seen, and the judges of it.

Values in, findings out; `zoobench.measure.worker.side_effects` does the looking.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from zoobench.cases import Budget, format_bytes, format_percent, format_seconds
from zoobench.records import Finding, Measurement, Severity
from zoobench.stats import estimates
from zoobench.stats.estimates import MIN_BLOCKS
from zoobench.stats.interference import RUN_DELAY, STEAL, Cause, causes
from zoobench.stats.summaries import quiet_blocks, split

LEAK_BYTES = 4096
"""Kept by each call, it is a leak. The smallest one that matters, the logits of one image (1000 numbers of fp32 and
their tensor), is larger; what we keep of a round ourselves, and Python's objects, came to 1.6 KB at most."""

_CACHED_BYTES = 2**18
"""Kept in a block by whatever number of calls, it may be memory that they have freed: the C library counts as in use
what it keeps in a thread's cache, 64 sizes up to 1032 bytes with 7 blocks each (glibc's malloc.c, TCACHE_MAX_BINS and
TCACHE_FILL_COUNT: 238 KB), and a new layout empties that cache before each block."""

_LEAST_BLOCKS_OF_LEAK = 3
"""The first fills caches, so that the median of fewer would speak of it."""

AWAKE_SHARE = 0.5
"""Of a call's time: a call that has a processor for less than this sleeps or waits for something else. One busy thread
has 1; what is between has reasons of its own, such as pages read from a file."""

CPU = "cpu_s"

_DRIFT_DEVIATE = 3.29
"""Two-sided at 0.1 %. That a block resembles the one before makes trends of noise likelier than that: at most 1 % of
simulated series are accused up to a correlation of 0.2 from one to the next (`tests/test_conduct.py`), 2 % at 0.4."""

_MOST_NAMED = 3

_VIEWS = frozenset((
    "alias", "as_strided", "detach", "detach_", "expand", "flatten", "narrow", "permute", "reshape", "resolve_conj",
    "resolve_neg", "select", "slice", "squeeze", "t", "to", "transpose", "unsqueeze", "view",
))  # fmt: skip
"""Operators of aten that give the same numbers in other clothes."""


class Presence(msgspec.Struct, frozen=True, kw_only=True):
    """What there is in the process beside the model's tensors.

    `python_threads` are names, one a thread. `threads` are all of the process, None where the system does not report
    them; `pool_threads` how many of them torch's own pools may have. `attached` says where there are hooks, or
    functions of torch that were replaced, one entry each.
    """

    python_threads: tuple[str, ...] = ()
    threads: int | None = None
    pool_threads: int = 0
    attached: tuple[str, ...] = ()


def judge_threads(before: Presence, after: Presence) -> Iterable[Finding]:
    """Which threads the calls left: Python's are known by name, others are more than torch's pools may have begun."""
    added = Counter(after.python_threads) - Counter(before.python_threads)
    count, names = added.total(), list(added.elements())
    if before.threads is not None and after.threads is not None:
        others = after.threads - before.threads - count - after.pool_threads
        count, names = count + max(0, others), [*names, *["not Python's"] * max(0, others)]
    if count:
        yield _warning("threads", count=count, names=_named(names))


def judge_attached(before: Presence, after: Presence) -> Iterable[Finding]:
    """What is attached to the model or to torch, before the calls or since."""
    if before.attached or after.attached:
        seen = after.attached or before.attached
        yield _warning("hooks", count=len(seen), before=len(before.attached), where=_named(seen))


def judge_settings(before: Mapping[str, str], after: Mapping[str, str]) -> Iterable[Finding]:
    """Which settings of the process are not what they were."""
    changed = [f"{name} {before[name]} → {after[name]}" for name in before if after[name] != before[name]]
    if changed:
        yield _warning("settings-changed", changes=", ".join(changed))


def judge_leak(kept_bytes: Sequence[int | None], block_sizes: Sequence[int]) -> Iterable[Finding]:
    """Whether calls keep memory: `kept_bytes` are what is allocated after each block of rounds and was not before.

    By medians over the blocks: caches that fill in some of them are no leak.
    """
    known = [(kept, size) for kept, size in zip(kept_bytes, block_sizes, strict=True) if kept is not None]
    if len(known) < _LEAST_BLOCKS_OF_LEAK or statistics.median(kept for kept, _ in known) < _CACHED_BYTES:
        return
    typical = statistics.median(kept / size for kept, size in known)
    if typical >= LEAK_BYTES:
        yield _warning("leaks", kept=format_bytes(typical), kept_bytes=typical, calls=sum(block_sizes))


def judge_drift(budget: Budget, latency: Measurement) -> Iterable[Finding]:
    """Whether the time of a call goes up or down from block to block, by more than the precision asked for."""
    medians = [statistics.median(block) for block in _blocks(latency)]
    if len(medians) < MIN_BLOCKS or abs(estimates.trend(medians)) < _DRIFT_DEVIATE:
        return
    third = len(medians) // 3
    first_s, last_s = statistics.median(medians[:third]), statistics.median(medians[-third:])
    change_ratio = last_s / first_s - 1
    if abs(change_ratio) > budget.precision_target:
        yield _warning(
            "drifts",
            first=format_seconds(first_s),
            last=format_seconds(last_s),
            change=format_percent(change_ratio),
            change_ratio=change_ratio,
            target=format_percent(budget.precision_target),
        )


def judge_idleness(latency: Measurement) -> Iterable[Finding]:
    """Whether a call on the CPU leaves the processors idle.

    Waiting for one that others have is not idleness: there is no finding where the system does not report how long it
    was. Sums over rounds, since systems report processor time in ticks that may be longer than a call; without those
    in which the process was stopped.
    """
    if not {CPU, RUN_DELAY} <= latency.covariates.keys():
        return
    active = [latency.covariates[name] for name in (CPU, RUN_DELAY, STEAL) if name in latency.covariates]
    reasons = causes(latency.samples, latency.covariates)
    rounds = [index for index, cause in enumerate(reasons) if cause is not Cause.PAUSED]
    total_s = sum(latency.samples[index] for index in rounds)
    awake_s = sum(values[index] for values in active for index in rounds)
    if awake_s < AWAKE_SHARE * total_s:
        share = 1 - awake_s / total_s
        yield _warning("idle", share=format_percent(share, digits=0), share_ratio=share)


def judge_work(operators: Iterable[str], call_s: float) -> Iterable[Finding]:
    """Whether a call computes anything: by the names of the operators of aten that a profiler saw in it."""
    if not set(operators) - _VIEWS:
        yield _warning("no-work", latency=format_seconds(call_s))


def _blocks(latency: Measurement) -> Sequence[Sequence[float]]:
    """As for the median: the undisturbed rounds, if they are enough for an interval."""
    sizes = latency.block_sizes or (1,) * len(latency.samples)
    quiet = quiet_blocks(latency.samples, sizes, causes(latency.samples, latency.covariates))
    return quiet if len(quiet) >= MIN_BLOCKS else split(latency.samples, sizes)


def _named(names: Sequence[str]) -> str:
    """The first few, each once."""
    each = list(dict.fromkeys(names))
    more = f" and {len(each) - _MOST_NAMED} more" if len(each) > _MOST_NAMED else ""
    return ", ".join(each[:_MOST_NAMED]) + more


def _warning(code: str, **values: float | str) -> Finding:
    return Finding(code=code, severity=Severity.WARNING, values=values)
