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
    "emulated-precision": "{device} has no instructions for {precision}: it is emulated, and slower than fp32",
    "other-load": "other processes used {share} of the processors while nothing was measured: end them, or measure "
    "when the machine is quiet",
    "governor": "{share} of the processors change their clock with the load: "
    "`cpupower frequency-set --governor performance` keeps it up",
    "smt-siblings": "{threads} of the usable threads share a core and slow each other down: --zoobench-threads with "
    "one a core is steadier",
    "processor-quota": "the container may use only {share} of the processors that it shows, so threads are stopped in "
    "the middle of calls: raise its quota, or set --zoobench-threads to what it allows",
    "coarse-clock": "the clock moves in steps of {step}: do not trust times under {shortest}; a kernel whose "
    "clocksource is the processor's own counter has a finer one",
    "slow-clock": "reading the clock takes {cost}, as where the kernel does not trust the processor's own counter: "
    "look at /sys/devices/system/clocksource, and on a virtual machine ask for a stable counter",
    "wrong-time": "an operation of known duration is read wrong by {error}: no time measured here can be trusted; the "
    "device's wait, its clock, or heavy load is at fault",
    "wrong-count": "a matrix product of known size is counted wrong by {error}: no count can be trusted; this torch is "
    "newer than this zoobench knows",
    "wrong-memory": "an allocation of known size is measured wrong by {error}: no peak memory measured here can be "
    "trusted; a replaced allocator (LD_PRELOAD, PYTORCH_ variables) may hide it",
    "slow-rounds": "a call that does nothing reads {overhead}: calls under {shortest} read more than 1 % too long; "
    "a larger batch makes them longer",
    "threads-in-vain": "each of all threads reaches {efficiency} of what one reaches alone: cores are shared (SMT, a "
    "quota, other load or another machine on the same host); try a smaller --zoobench-threads",
    "heap-not-kept": "{faults:.0f} page faults a call although the heap is retained: times are of the kernel as well; "
    "a replaced allocator (LD_PRELOAD, MALLOC_ variables) may be why",
    "system-heap": "with --zoobench-allocator system a call has {faults:.0f} page faults, and takes longer for it: the "
    "default, retained, has none",
    "slow-pace": "the same work takes {ratio} longer in the median than at best: a fixed clock (governor, turbo off), "
    "fewer threads, or less load makes it steady",
    "slow-spells": "{share} of the time went into slow spells: other load, or another machine on the same host; "
    "measure when it is quiet, or on processors of your own",
    "drifting": "the same work became {ratio} {way} within seconds: the clock follows heat or load; fix it (governor, "
    "turbo off), or let the machine warm up before a run",
    "steal": "the hypervisor gave {share} of the time to other machines: measure at another time, or on a host of your "
    "own",
    "noise-floor": "the same case measured twice differs by {floor}, up to {largest}: smaller differences mean nothing "
    "here; a quieter machine lowers it",
    "process-spread": "the medians of {processes:.0f} processes vary by {spread} (one standard deviation): one process "
    "is one draw; compare means of several, or quieten the machine",
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
