"""Judges that turn measurements into findings, and the one table of their texts.

A finding names what is doubtful about a number and the option that would help.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable

from zoobench import stats
from zoobench.cases import Allocator, Budget, Case
from zoobench.records import Finding, Measurement, Severity
from zoobench.units import format_percent, format_seconds

LATENCY = "latency"
PAGE_FAULTS = "page_faults"

MANY_PAGE_FAULTS = 10.0
"""Page faults a call above which the kernel's work shows in the time (method, section 2: near zero is expected)."""

TEXTS = {
    "noisy": "the interval of the median is ±{half_width}, wider than the ±{target} asked for: "
    "a quieter machine or a larger --zoobench-max-seconds narrows it",
    "few-rounds": "the budget of {budget} ended after {rounds:.0f} rounds, {wanted:.0f} were asked for: "
    "too few to trust; --zoobench-max-seconds raises it",
    "paging": "{faults:.0f} page faults a call: the allocator gives memory back to the kernel and fetches it again "
    "within every call; --zoobench-allocator retained keeps it",
    "not-retained": "the C library is not glibc, so freed memory may go back to the kernel within every call",
    "no-conditions": "the clocks, temperature, power and load of {device} are not all known, so throttling may go "
    "unseen: {reason}",
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
    yield from _judge_paging(case, latency)


def judge_device(case: Case, *, is_native: bool) -> Iterable[Finding]:
    """Whether the device runs the case's precision in hardware."""
    if not is_native:
        values: dict[str, float | str] = {"device": case.device, "precision": case.precision.value}
        yield Finding(code="emulated-precision", severity=Severity.WARNING, values=values)


def judge_conditions(device: str, reason: str) -> Iterable[Finding]:
    """Whether the device told all of its conditions; `reason` says which it did not, and why."""
    if reason:
        yield Finding(code="no-conditions", severity=Severity.NOTE, values={"device": device, "reason": reason})


def _judge_precision(budget: Budget, latency: Measurement) -> Iterable[Finding]:
    summary = stats.summarize(latency.samples)
    if summary.n < budget.min_rounds:
        values: dict[str, float | str] = {
            "rounds": summary.n,
            "wanted": budget.min_rounds,
            "budget": format_seconds(budget.max_s),
        }
        yield Finding(code="few-rounds", severity=Severity.WARNING, values=values)
    elif summary.half_width_ratio is not None and summary.half_width_ratio > budget.precision_target:
        texts = {"half_width": summary.half_width_ratio, "target": budget.precision_target}
        yield Finding(
            code="noisy",
            severity=Severity.WARNING,
            values={name: format_percent(ratio) for name, ratio in texts.items()},
        )


def _judge_paging(case: Case, latency: Measurement) -> Iterable[Finding]:
    faults = latency.covariates.get(PAGE_FAULTS)
    if faults is None:
        return
    typical = statistics.median(faults) / latency.calls_per_sample
    if typical > MANY_PAGE_FAULTS:
        severity = Severity.NOTE if case.allocator is Allocator.SYSTEM else Severity.WARNING
        yield Finding(code="paging", severity=severity, values={"faults": typical})
