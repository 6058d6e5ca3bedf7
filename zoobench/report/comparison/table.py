"""A comparison on a terminal: one row per change; all other cases are counted by verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from zoobench.records.comparison import REGRESSIONS, CaseResult, Comparison, Exit, Verdict
from zoobench.report.comparison import wording
from zoobench.report.comparison.wording import CaseRow, ExactRow, shared_axes
from zoobench.report.text import single_line
from zoobench.stats.verdicts.outcome import short_names

MOST_ROWS = 100
"""The most rows of a table on a terminal."""

_STYLES = {
    **dict.fromkeys(REGRESSIONS, "bold red"),
    Verdict.UNDECIDED: "yellow",
    Verdict.NOT_COMPARABLE: "yellow",
    Verdict.NEW: "cyan",
    **dict.fromkeys((Verdict.FIXED, Verdict.FASTER, Verdict.BETTER), "green"),
    Verdict.SAME: "dim",
}
_TITLES = ("verdict", "case", "base → head", "change", "adjusted p", "n", "could have missed", "")
_NUMERIC = (2, 3, 4, 5, 6)
_UNBOUNDED = 10_000
_EXACT_TITLES = ("case", "exact metric", "base", "head", "change")


class Room(NamedTuple):
    """The width available for a table."""

    console: Console
    options: ConsoleOptions

    def holds(self, table: Table) -> bool:
        """Whether the table fits without wrapping."""
        unbounded = self.options.update(width=_UNBOUNDED)
        return Measurement.get(self.console, unbounded, table).maximum <= self.options.max_width


class ComparisonView:
    """A comparison as a `rich` renderable. Width and colour follow the console."""

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison
        self._names = short_names([case.id for case in comparison.cases])

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Render the headline first, and problems last, where the terminal ends."""
        comparison, room = self._comparison, Room(console, options)
        yield _line(comparison.headline, "bold" if comparison.exit is Exit.NOTHING_WORSE else "bold red")
        yield _line(f"base {wording.side_text(comparison.base)}")
        yield _line(f"head {wording.side_text(comparison.head)}")
        yield from _counts(comparison)
        shown = wording.shown_cases(comparison)
        if shown:
            yield from _change_rows(shown, self._names, room)
            yield from _shared(comparison.cases)
        exact = wording.exact_rows(comparison, self._names)
        if exact:
            yield from _exact_rows(exact, room)
        yield Text()
        yield from _folded(comparison)
        yield from _about(comparison)


def _counts(comparison: Comparison) -> RenderResult:
    line = Text(overflow="fold")
    for verdict, count in wording.counts(comparison.cases).items():
        line.append(", " if line else "").append(f"{count:,} {verdict}", _STYLES[verdict])
    if line:
        yield line


def _folded(comparison: Comparison) -> RenderResult:
    """How large a slowdown the cases without a row could hide, or why they have no verdict."""
    for cases in wording.folded_cases(comparison):
        yield _line(f"not shown: {wording.folded_text(cases)}", _STYLES[cases[0].verdict])


def _change_rows(cases: Sequence[CaseResult], names: Mapping[str, str], room: Room) -> RenderResult:
    shown = [(case, wording.row_of(case, names[case.id])) for case in cases[:MOST_ROWS]]
    yield Text()
    table = _table(shown)
    if room.holds(table):
        yield table
    else:
        yield from _stacked(shown)
    yield from _left_out(len(cases), "changes")


def _shared(cases: Iterable[CaseResult]) -> RenderResult:
    axes = shared_axes(case.id for case in cases)
    if axes:
        yield _line(f"in every case: {axes}", "dim")


def _table(shown: Sequence[tuple[CaseResult, CaseRow]]) -> Table:
    """The table of cases; empty columns are left out."""
    columns = [index for index in range(len(_TITLES)) if any(row[index] for _, row in shown)]
    table = _plain_table([(_TITLES[index], index in _NUMERIC) for index in columns])
    for case, row in shown:
        cells = [Text(single_line(row[index])) for index in columns]
        cells[0].stylize(_STYLES[case.verdict])
        table.add_row(*cells)
    return table


def _stacked(shown: Sequence[tuple[CaseResult, CaseRow]]) -> RenderResult:
    for case, row in shown:
        yield Text.assemble((row.verdict, _STYLES[case.verdict]), "  ", single_line(row.case), overflow="fold")
        about = [
            " ".join(filter(None, (row.times, row.change))),
            f"adjusted p {row.p}" if row.p else "",
            f"n {row.n}" if row.n else "",
            f"{wording.MISSED} {row.missed}" if row.missed else "",
            row.note,
        ]
        yield _indented("; ".join(filter(None, about)))


def _exact_rows(rows: Sequence[ExactRow], room: Room) -> RenderResult:
    yield Text()
    table = _plain_table([(title, index > 1) for index, title in enumerate(_EXACT_TITLES)])
    for row in rows[:MOST_ROWS]:
        table.add_row(*(Text(single_line(cell)) for cell in row))
    if room.holds(table):
        yield table
    else:
        for row in rows[:MOST_ROWS]:
            yield _line(row.case)
            yield _indented(f"{row.metric}: {row.base} → {row.head}, {row.change}")
    yield from _left_out(len(rows), "exact changes")


def _plain_table(columns: Iterable[tuple[str, bool]]) -> Table:
    """A table with these column titles, numbers right-aligned; it is never narrowed."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title, is_numeric in columns:
        table.add_column(Text(title, "bold"), justify="right" if is_numeric else "left", no_wrap=True)
    return table


def _indented(text: str) -> Padding:
    return Padding(_line(text), (0, 0, 0, 4), expand=False)


def _about(comparison: Comparison) -> RenderResult:
    """Controls, rule, plan, differences and notes; then the problems that prevent a verdict."""
    for line in filter(None, (wording.controls_text(comparison.controls), *wording.method_texts(comparison))):
        yield _line(line, "dim")
    for control in wording.changed_cases(comparison.controls):
        row = wording.row_of(control, control.id)
        yield _line(f"control {row.case}: {row.verdict}, {row.change}", "red")
    for difference in comparison.differences:
        text = f"differs: {difference.fact}: {difference.base} → {difference.head}"
        yield _line(f"{text}, which matters" if difference.matters else text, "red" if difference.matters else "dim")
    for note in comparison.notes:
        yield _line(f"note: {note}")
    for problem in comparison.problems:
        yield _line(f"problem: {problem}", "red")


def _left_out(total: int, noun: str) -> Iterable[Text]:
    if total > MOST_ROWS:
        yield _line(f"… and {total - MOST_ROWS:,} more {noun}: compare.json has all of them", "dim")


def _line(text: str, style: str = "") -> Text:
    return Text(single_line(text), style, overflow="fold")
