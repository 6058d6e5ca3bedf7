"""Judges that turn measurements into findings, and the one table of their texts.

A finding names what is doubtful about a number and the option that would help.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable

from zoobench.cases import Allocator, Budget, Case
from zoobench.disturbance import SLOW_PACE_RATIO, Cause, causes
from zoobench.records import Finding, Measurement, Severity
from zoobench.stats import MIN_BLOCKS
from zoobench.summaries import quiet_blocks, summary_of
from zoobench.units import format_percent, format_seconds
from zoobench.validity import Flaw

LATENCY = "latency"
PAGE_FAULTS = "page_faults"

MANY_PAGE_FAULTS = 10.0
"""Page faults a call above which the kernel's work shows in the time (method, section 2: near zero is expected)."""

_CAUSES = {
    Cause.PAUSED: "the process was stopped and continued",
    Cause.THROTTLED: "the device lowered its clock",
    Cause.STEAL: "the hypervisor gave the processors to others",
    Cause.WAITING: "threads waited for a processor that another process had",
    Cause.SLOW: f"the machine ran a fixed computation more than {format_percent(SLOW_PACE_RATIO - 1, digits=0)} slower "
    "than when quiet",
    Cause.OTHER: "as the latency's covariates say",
}

TEXTS = {
    Flaw.NOISY.value: "the interval of the median is ±{half_width}, wider than the ±{target} asked for: "
    "a quieter machine or a larger --zoobench-max-seconds narrows it",
    Flaw.TOO_FEW_ROUNDS.value: "the budget of {budget} ended after {rounds:.0f} rounds, {wanted:.0f} were asked for: "
    "too few to trust; --zoobench-max-seconds raises it",
    "few-rounds": "the budget of {budget} ended after {rounds:.0f} rounds, {wanted:.0f} were asked for: "
    "too few to trust; --zoobench-max-seconds raises it",
    Flaw.PAGING.value: "{faults:.0f} page faults a call: the allocator gives memory back to the kernel and fetches it "
    "again within every call; --zoobench-allocator retained keeps it",
    Flaw.SHARED.value: "{share} of the rounds were disturbed, mostly since {cause}, and too few were not: the "
    "median is of all of them; stop what else runs here, or let --zoobench-max-seconds wait for a quieter time",
    Flaw.THROTTLED.value: "{share} of the rounds were disturbed, mostly since {cause}, and too few were not: the "
    "median is of all of them; better cooling, a higher power limit or a locked clock helps",
    "disturbed": "{share} of the rounds were disturbed, mostly since {cause}: the median is of the others",
    Flaw.UNSTABLE_WARM_UP.value: "calls were still getting faster when warm-up ended at its bound of {bound}: "
    "a larger --zoobench-max-seconds gives it more",
    "not-retained": "the C library is not glibc, so freed memory may go back to the kernel within every call",
    "leaks": "every call keeps {kept} more, seen over {calls:.0f} calls: what a model stores in itself or in lists "
    "grows until memory runs out; drop it within the call",
    "drifts": "the time of a call went from {first} to {last} in the course of the rounds, by {change}, more than the "
    "±{target} asked for: no one number stands for it; look for what grows from call to call, or if it falls give "
    "--zoobench-max-seconds more",
    "no-work": "a call runs no operator that computes: its {latency} are those of Python; let the model compute in "
    "forward",
    "idle": "for {share} of a call the process slept or waited, and not for a processor: the time is not that of a "
    "computation; take sleeping, locks and reading of files out of forward",
    "threads": "calls left {count:.0f} threads behind ({names}): they take processors from the calls that follow; end "
    "them within the call, and leave parallel work to torch and --zoobench-threads",
    "settings-changed": "the model changed settings of the whole process ({changes}): they were put back before the "
    "next step, but what ran meanwhile ran under them: let the case set them "
    "(--zoobench-threads, --zoobench-precisions)",
    "hooks": "{count:.0f} hooks or replaced functions of torch ({before:.0f} of them before the first call) run within "
    "the calls and are timed with them: {where}; take them off in the model's factory",
    "emulated-precision": "{device} has no instructions for {precision}: it is emulated, and slower than fp32",
}


def text_of(finding: Finding) -> str:
    """The finding as a sentence; one that this zoobench does not know is shown as it is stored."""
    if finding.code not in TEXTS:
        values = ", ".join(f"{name} {value}" for name, value in finding.values.items())
        return f"{finding.code}: {values}" if values else finding.code
    return TEXTS[finding.code].format(**finding.values)


def judge_latency(case: Case, budget: Budget, latency: Measurement) -> Iterable[Finding]:
    """What is doubtful about these latency samples."""
    yield from _judge_precision(budget, latency)
    yield from _judge_disturbance(latency)
    yield from _judge_paging(case, latency)


def judge_warm_up(budget: Budget, *, is_flat: bool) -> Iterable[Finding]:
    """Whether warm-up reached its end."""
    if not is_flat:
        yield _warning(Flaw.UNSTABLE_WARM_UP, bound=format_seconds(min(budget.max_warmup_s, budget.max_s)))


def judge_device(case: Case, *, is_native: bool) -> Iterable[Finding]:
    """Whether the device runs the case's precision in hardware."""
    if not is_native:
        yield _warning("emulated-precision", device=case.device, precision=case.precision.value)


def _judge_precision(budget: Budget, latency: Measurement) -> Iterable[Finding]:
    summary, rounds = summary_of(latency), len(latency.samples)
    half_width = summary.half_width_ratio
    if rounds < budget.min_rounds or half_width is None:
        wanted = max(budget.min_rounds, MIN_BLOCKS)
        yield _warning(Flaw.TOO_FEW_ROUNDS, rounds=rounds, wanted=wanted, budget=format_seconds(budget.max_s))
    elif half_width > budget.precision_target:
        width, target = format_percent(half_width), format_percent(budget.precision_target)
        yield _warning(Flaw.NOISY, half_width=width, target=target)


def _judge_disturbance(latency: Measurement) -> Iterable[Finding]:
    """A warning if too few rounds were undisturbed for an interval of their own; a note if some were set aside."""
    reasons = causes(latency.samples, latency.covariates)
    known = Counter(cause for cause in reasons if cause is not None)
    if not known:
        return
    worst, _ = known.most_common(1)[0]
    values = {"share": format_percent(known.total() / len(reasons), digits=0), "cause": _CAUSES[worst]}
    sizes = latency.block_sizes or (1,) * len(reasons)
    if len(quiet_blocks(latency.samples, sizes, reasons)) >= MIN_BLOCKS:
        yield Finding(code="disturbed", severity=Severity.NOTE, values={**values})
    else:
        yield _warning(Flaw.THROTTLED if worst is Cause.THROTTLED else Flaw.SHARED, **values)


def _judge_paging(case: Case, latency: Measurement) -> Iterable[Finding]:
    faults = latency.covariates.get(PAGE_FAULTS)
    if faults is None:
        return
    typical = statistics.median(faults) / latency.calls_per_sample
    if typical > MANY_PAGE_FAULTS:
        severity = Severity.NOTE if case.allocator is Allocator.SYSTEM else Severity.WARNING
        yield Finding(code=Flaw.PAGING, severity=severity, values={"faults": typical})


def _warning(code: str, **values: float | str) -> Finding:
    return Finding(code=code, severity=Severity.WARNING, values=values)
