"""What the terminal says while a run goes on: a line for each case as it ends, and how long it will still take.

Nothing is drawn while a case is measured: a bar that moves would take its processor time from the model.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from zoobench.cases import Case, catalogue, format_duration, format_percent, format_seconds, unusual_axes
from zoobench.records import CaseRecord, FailureKind, Severity
from zoobench.stats.summaries import summary_of


class RunProgress:
    """Counts cases and prints them. `total` is how many there will be."""

    def __init__(self, console: Console, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._total = total
        self._clock = clock
        self._began_s = clock()
        self._done = 0

    def begin(self, case: Case) -> None:
        """Say what is measured now, where the line can be written over."""
        if self._console.is_terminal:
            self._console.print(Text(f"{self._counter(self._done + 1)} {title_of(case)} …"), end="\r")

    def end(self, record: CaseRecord) -> None:
        """Print what came out. Names and messages are text, never markup."""
        self._done += 1
        line = Text(f"{self._counter(self._done)} {title_of(record.case):<48} ")
        line.append(outcome_of(record), style=_colour(record)).append(f" {self._times(record)}", style="dim")
        self._console.print(line)

    def _counter(self, number: int) -> str:
        width = len(str(self._total))
        return f"[{number:>{width}}/{self._total}]"

    def _times(self, record: CaseRecord) -> str:
        elapsed_s = self._clock() - self._began_s
        left = elapsed_s / self._done * (self._total - self._done)
        return f"took {format_duration(record.duration_s)}, {format_duration(left)} left"


def title_of(case: Case) -> str:
    """The case in a few words: the axes that are as usual are left out."""
    entry = catalogue.entry_of(case.model)
    size = [] if case.resolution == (entry.image_size, entry.image_size) else [str(case.resolution)]
    usual = (case.model.name, case.mode.value, f"b{case.batch}", case.precision.value)
    return " ".join((*usual, *size, *unusual_axes(case)))


def outcome_of(record: CaseRecord) -> str:
    """The latency with its interval and what is doubtful about it, or the failure."""
    if record.failure is not None:
        return f"{record.failure.kind.value}: {record.failure.message}"
    latency = record.measurement("latency")
    if latency is None:
        return "no latency" if record.budget.max_rounds else "counted"
    summary = summary_of(latency)
    doubts = " ".join(finding.code for finding in record.findings if finding.severity is Severity.WARNING)
    width = "" if summary.half_width_ratio is None else f" ±{format_percent(summary.half_width_ratio)}"
    return f"{format_seconds(summary.median):>8}{width} {doubts}".rstrip()


def _colour(record: CaseRecord) -> str:
    if record.failure is None:
        return ""
    return "yellow" if record.failure.kind is FailureKind.OVER_BUDGET else "red"
