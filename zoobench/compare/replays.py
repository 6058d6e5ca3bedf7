"""What a decision comes to when it is made again from the same evidence: to the same, or a defect is found."""

from __future__ import annotations

from zoobench.compare.result import Comparison


def differing_verdicts(stored: Comparison, again: Comparison) -> tuple[str, ...]:
    """A line for each verdict that is not the same, controls and the exit code included; empty if all are."""
    before, now = _verdicts(stored), _verdicts(again)
    names = (name for name in dict.fromkeys((*before, *now)) if before.get(name) != now.get(name))
    return tuple(f"{name}: stored {before.get(name, 'nothing')}, now {now.get(name, 'nothing')}" for name in names)


def _verdicts(comparison: Comparison) -> dict[str, str]:
    cases = {case.id: case.verdict.value for case in (*comparison.cases, *comparison.controls)}
    return {**cases, "exit code": str(comparison.exit.value)}
