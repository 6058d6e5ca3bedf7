"""Judges that turn measurements into findings, and the one table of their texts.

A finding names what is doubtful about a number and the option that would help.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable

from zoobench.cases import Allocator, Budget, Case, format_percent, format_seconds
from zoobench.records import Finding, Flaw, Measurement, Severity
from zoobench.stats.estimates import MIN_BLOCKS
from zoobench.stats.interference import SLOW_PACE_RATIO, Cause, causes
from zoobench.stats.summaries import is_undisturbed, summary_of

PAGE_FAULTS = "page_faults"

MANY_PAGE_FAULTS = 10.0
"""Page faults a call from which they are more than chance (method, section 2: near zero is expected)."""

PAGE_FAULT_S = 1e-6
"""Seconds of a page fault, its zeroed page included. mobilenet_v2 at batch 8 took 150 ms with 78,000 faults a call, and
70 ms without, on a virtual machine (x86-64, 4 KiB pages)."""

PAGING_SHARE = 0.005
"""Of a call's time that goes into page faults: a quarter of the ±2 % that are asked of its median."""

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
    Flaw.TOO_FEW_ROUNDS.value: "the budget of {budget} ended after {rounds:.0f} rounds in {blocks:.0f} blocks, "
    "{wanted:.0f} in {wanted_blocks:.0f} were wanted: too few to trust; --zoobench-max-seconds raises it",
    Flaw.TOO_FEW_PROCESSES.value: "{processes:.0f} of the {wanted:.0f} processes asked for measured the case, so its "
    "interval is of fewer: --zoobench-max-seconds makes room for calls that are too long for all of them",
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
    "no-conditions": "the clocks, temperature, power and load of {device} are not all known, so throttling may go "
    "unseen: {reason}",
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
    "slow-launching": "{share} of the time the host launched operators more than 5 % slower than at best, and at times "
    "by {ratio}: calls of small nets at small batches wait for it and vary as much; judge those by device_time, or "
    "quieten the host",
    "drifting": "the same work became {ratio} {way} within seconds: the clock follows heat or load; fix it (governor, "
    "turbo off), or let the machine warm up before a run",
    "steal": "the hypervisor gave {share} of the time to other machines: measure at another time, or on a host of your "
    "own",
    "noise-floor": "the same case measured twice differs by {floor}, up to {largest}: smaller differences mean nothing "
    "here; a quieter machine lowers it",
    "process-spread": "the medians of {processes:.0f} processes vary by {spread} (one standard deviation): one process "
    "is one draw; compare means of several, or quieten the machine",
}


OF_LATENCY = frozenset({*Flaw, "disturbed"} - {Flaw.UNSTABLE_WARM_UP})
"""Codes of what `judge_latency` finds."""


def text_of(finding: Finding) -> str:
    """The finding as a sentence; one that this zoobench does not know, or not with these values, as it is stored."""
    try:
        return TEXTS[finding.code].format(**finding.values)
    except KeyError:
        values = ", ".join(f"{name} {value}" for name, value in finding.values.items())
        return f"{finding.code}: {values}" if values else finding.code


def judge_latency(case: Case, budget: Budget, latency: Measurement) -> Iterable[Finding]:
    """What is doubtful about these latency samples."""
    yield from _judge_processes(budget, latency)
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


def judge_conditions(device: str, reason: str) -> Iterable[Finding]:
    """Whether the device reported all of its conditions; `reason` names those it did not, and why."""
    if reason:
        yield Finding(code="no-conditions", severity=Severity.NOTE, values={"device": device, "reason": reason})


def _judge_processes(budget: Budget, latency: Measurement) -> Iterable[Finding]:
    measured = len(latency.process_sizes) or 1
    if measured < budget.processes:
        yield _warning(Flaw.TOO_FEW_PROCESSES, processes=measured, wanted=budget.processes)


def _judge_precision(budget: Budget, latency: Measurement) -> Iterable[Finding]:
    summary, rounds = summary_of(latency), len(latency.samples)
    half_width = summary.half_width_ratio
    if rounds < budget.min_rounds or half_width is None:
        yield _warning(
            Flaw.TOO_FEW_ROUNDS,
            rounds=rounds,
            blocks=summary.blocks,
            wanted=max(budget.min_rounds, MIN_BLOCKS),
            wanted_blocks=MIN_BLOCKS,
            budget=format_seconds(budget.max_s),
        )
    elif half_width > budget.precision_target:
        width, target = format_percent(half_width), format_percent(budget.precision_target)
        yield _warning(Flaw.NOISY, half_width=width, target=target)


def _judge_disturbance(latency: Measurement) -> Iterable[Finding]:
    """A warning if too few rounds were undisturbed for a summary of their own; a note if some were set aside."""
    reasons = causes(latency.samples, latency.covariates)
    known = Counter(cause for cause in reasons if cause is not None)
    if not known:
        return
    worst, _ = known.most_common(1)[0]
    values = {"share": format_percent(known.total() / len(reasons), digits=0), "cause": _CAUSES[worst]}
    if is_undisturbed(latency):
        yield Finding(code="disturbed", severity=Severity.NOTE, values={**values})
    else:
        yield _warning(Flaw.THROTTLED if worst is Cause.THROTTLED else Flaw.SHARED, **values)


def _judge_paging(case: Case, latency: Measurement) -> Iterable[Finding]:
    faults = latency.covariates.get(PAGE_FAULTS)
    if faults is None:
        return
    typical = statistics.median(faults) / latency.calls_per_sample
    if typical > max(MANY_PAGE_FAULTS, PAGING_SHARE * statistics.median(latency.samples) / PAGE_FAULT_S):
        severity = Severity.NOTE if case.allocator is Allocator.SYSTEM else Severity.WARNING
        yield Finding(code=Flaw.PAGING, severity=severity, values={"faults": typical})


def _warning(code: str, **values: float | str) -> Finding:
    return Finding(code=code, severity=Severity.WARNING, values=values)
