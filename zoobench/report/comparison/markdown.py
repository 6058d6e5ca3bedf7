"""`compare.md`: the comparison as a comment on a pull request, cut to the length that GitHub accepts.

A line states how many rows were cut. The most important sections are cut last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from zoobench.cases import NOT_MEASURED
from zoobench.records.comparison import FILE, CaseResult, Comparison, Difference
from zoobench.report.comparison import wording
from zoobench.report.comparison.wording import shared_axes
from zoobench.report.text import cut_text, markdown_text, single_line
from zoobench.stats.verdicts.outcome import short_names

MOST_BYTES = 64 * 1024 - 512
"""GitHub accepts comments of up to 65,536 characters; this leaves room for a line above it."""

_LONGEST_TEXT = 240
"""Characters of a name or a reason; escaped, it can become twelve times as long."""

_MOST_ROWS = MOST_BYTES // 40
"""More rows cannot fit, since every row has at least 40 bytes; they are not rendered."""

_CASE_TITLES = ("verdict", "case", "base → head", "change (interval)", "adjusted p", "n", wording.MISSED, "")
_NUMERIC = (2, 3, 4, 5, 6)
_EXACT_TITLES = ("case", "metric", "base", "head", "change")
_DIFFERENCE_TITLES = ("fact", "base", "head", "")


class MarkdownSection(NamedTuple):
    """A part of the page whose last rows may be cut; `total` is the number of rows before any cut."""

    before: str
    rows: tuple[str, ...]
    total: int
    after: str = ""


def render_markdown(comparison: Comparison, *, most_bytes: int = MOST_BYTES) -> str:
    """The page in GitHub's Markdown, in at most `most_bytes` bytes of UTF-8.

    Raises: ValueError if the headline and the rule do not fit.
    """
    names = short_names([case.id for case in comparison.cases])
    head, foot = _head(comparison), _foot(comparison)
    room = most_bytes - _size(head) - _size(foot) - len("\n\n\n")
    parts = [head, *_fitted(list(_sections(comparison, names)), room), foot]
    page = "\n\n".join(part for part in parts if part) + "\n"
    if _size(page) > most_bytes:
        raise ValueError(f"{most_bytes} bytes have no room for a comparison")
    return page


def _fitted(sections: Sequence[MarkdownSection], room: int) -> Iterator[str]:
    """Texts of the sections: each may use what the later ones leave, and at least half of the remaining room."""
    sizes = [_size(_whole(section)) + 2 for section in sections]
    for index, section in enumerate(sections):
        text = _cut(section, max(room - sum(sizes[index + 1 :]), room // 2) - 2)
        room -= _size(text) + 2
        yield text


def _cut(section: MarkdownSection, room: int) -> str:
    """The section's first rows and a line with the number of rows cut; empty if that line does not fit."""
    whole = _whole(section)
    if _size(whole) <= room and len(section.rows) == section.total:
        return whole
    total = section.total
    left = room - _size(_whole(section._replace(rows=("", _cut_line(total, total)))))
    kept = 0
    while kept < len(section.rows) and (left := left - _size(section.rows[kept]) - 1) >= 0:
        kept += 1
    text = _whole(section._replace(rows=(*section.rows[:kept], "", _cut_line(total - kept, total))))
    return text if _size(text) <= room else ""


def _cut_line(left_out: int, total: int) -> str:
    return (
        f"… {left_out:,} of {total:,} rows are cut here to keep within the length of a comment: {FILE} has all of them."
    )


def _whole(section: MarkdownSection) -> str:
    body = "\n".join((section.before, *section.rows))
    return f"{body}\n\n{section.after}" if section.after else body


def _head(comparison: Comparison) -> str:
    """The headline, the counts, base and head."""
    counts = ", ".join(wording.count_texts(comparison.cases))
    base, head = (_text(wording.side_text(side)) for side in (comparison.base, comparison.head))
    about = [f"- Base: {base}", f"- Head: {head}"]
    shared = shared_axes(case.id for case in comparison.cases)
    if shared:
        about.append(f"- In every case: {_text(shared)}")
    parts = (f"## {_text(comparison.headline)}", f"**{counts}**" if counts else "", "\n".join(about))
    return "\n\n".join(filter(None, parts))


def _foot(comparison: Comparison) -> str:
    return _whole(_list("### How this was decided", wording.method_texts(comparison)))


def _sections(comparison: Comparison, names: Mapping[str, str]) -> Iterator[MarkdownSection]:
    """The parts that may be cut, the most important first: it is cut last."""
    if comparison.problems:
        yield _list("### Why there is no verdict", comparison.problems)
    shown = wording.shown_cases(comparison)
    if shown:
        yield _case_table("### Changes\n", shown, names)
    exact = wording.exact_rows(comparison, names)
    if exact:
        yield _table("### Exact changes\n", _EXACT_TITLES, exact, (2, 3, 4))
    if comparison.differences:
        yield _differences(comparison.differences)
    if comparison.notes:
        yield _list("### Notes", comparison.notes)
    if comparison.controls:
        own = {control.id: control.id for control in comparison.controls}
        yield _folded(wording.controls_text(comparison.controls), comparison.controls, own)
    for found in wording.folded_cases(comparison):
        yield _folded(wording.folded_text(found), found, names)


def _differences(differences: Sequence[Difference]) -> MarkdownSection:
    rows = [(each.fact, each.base, each.head, "matters" if each.matters else "") for each in differences]
    ordered = sorted(rows, key=lambda row: row[-1] == "")
    return _table("### Differences of environment\n", _DIFFERENCE_TITLES, ordered, ())


def _folded(summary: str, cases: Sequence[CaseResult], names: Mapping[str, str]) -> MarkdownSection:
    before = f"<details><summary>{_text(summary)}</summary>\n"
    return _case_table(before, cases, names)._replace(after="</details>")


def _case_table(before: str, cases: Sequence[CaseResult], names: Mapping[str, str]) -> MarkdownSection:
    """The table of cases; empty columns are left out."""
    rows = [wording.row_of(case, names[case.id]) for case in cases[:_MOST_ROWS]]
    columns = [index for index in range(len(_CASE_TITLES)) if index < 2 or any(row[index] for row in rows)]  # noqa: PLR2004
    titles = [_CASE_TITLES[index] for index in columns]
    numeric = [place for place, index in enumerate(columns) if index in _NUMERIC]
    table = _table(before, titles, [[row[index] for index in columns] for row in rows], numeric)
    return table._replace(total=len(cases))


def _table(
    before: str, titles: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[int]
) -> MarkdownSection:
    rule = ["--:" if index in numeric else ":--" for index in range(len(titles))]
    blanks = [NOT_MEASURED if title else "" for title in titles]
    lines = [_line(_text(cell) or blank for cell, blank in zip(row, blanks, strict=True)) for row in rows[:_MOST_ROWS]]
    return MarkdownSection("\n".join((before, _line(titles), f"|{'|'.join(rule)}|")), tuple(lines), len(rows))


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _list(title: str, texts: Sequence[str]) -> MarkdownSection:
    return MarkdownSection(f"{title}\n", tuple(f"- {_text(text)}" for text in texts), len(texts))


def _text(text: str) -> str:
    return markdown_text(cut_text(single_line(text), _LONGEST_TEXT))


def _size(text: str) -> int:
    return len(text.encode())
