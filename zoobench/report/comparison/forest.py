"""Forest plot: one row per case with the ratio of head time to base time, its interval and the band of no change."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.markers import CARETLEFTBASE, CARETRIGHTBASE
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from zoobench.cases import format_change, format_percent
from zoobench.records.comparison import CaseResult, Comparison, Times, Verdict
from zoobench.report import palette
from zoobench.report.charts import canvas
from zoobench.report.comparison import wording
from zoobench.report.text import figure_text
from zoobench.stats.verdicts.outcome import short_names

MOST_ROWS = 60
"""The most cases drawn: those whose time changed most. More rows could not be read."""

_MOST_CONTROLS = 8
_LONGEST_NAME = 60
_ROW_INCHES = 0.18
_AXES_INCHES = 4.2
_MARGIN_INCHES = 0.12
_BELOW_INCHES = 1.15
_ABOVE_INCHES = 0.55
_LEGEND_INCHES = 0.24
_CAPTION_INCHES = 0.1
_BAND = "#E8EEF2"
_CHANGES = (-0.9, -0.8, -0.7, -0.5, -0.3, -0.2, -0.1, -0.05, -0.02, -0.01, -0.005, 0.0, 0.005, 0.01, 0.02, 0.05, 0.1,
            0.2, 0.3, 0.5, 1.0, 2.0, 4.0, 9.0, 19.0, 49.0, 99.0)  # fmt: skip
_LEAST_TICK_SHARE = 0.1
"""Smallest distance between two ticks, as a share of the axis: the width of a label."""
_SPARE = 1.12
_FARTHEST = 4.0
"""Intervals may widen the axis up to this many times what the ratios and the band need; longer ones are cut."""


class _ForestRow(NamedTuple):
    name: str
    verdict: Verdict
    times: Times


def draw_forest(comparison: Comparison) -> Figure:
    """Draw the cases that have times, sorted by ratio, and the controls below a dashed line.

    Raises: ValueError if no ratio has an interval: points alone would look more certain than they are.
    """
    if not any(wording.has_interval(case) for case in comparison.cases):
        raise ValueError("no case has an interval")
    names = {case.id: case.id for case in comparison.controls}
    names |= short_names([case.id for case in comparison.cases])
    timed = [case for case in comparison.cases if _is_timed(case)]
    cases = _rows(timed, names, MOST_ROWS)
    controls = _rows([case for case in comparison.controls if _is_timed(case)], names, _MOST_CONTROLS)
    rows, margin = [*cases, *controls], comparison.rule.margin_ratio
    figure, ax = _new_figure(len(rows), figure_text(comparison.headline, longest=110))
    _scale(ax, rows, margin)
    for place, row in enumerate(rows):
        _draw(ax, place, row)
    _name_rows(ax, rows, len(cases))
    _add_legend(figure, {row.verdict for row in rows}, margin)
    _add_caption(figure, comparison, len(cases), len(timed))
    _arrange(figure, ax)
    return figure


def _is_timed(case: CaseResult) -> bool:
    return case.times is not None and case.times.ratio > 0


def _rows(cases: Sequence[CaseResult], names: Mapping[str, str], most: int) -> list[_ForestRow]:
    """Rows of the cases that changed most, sorted by ratio."""
    largest = sorted(cases, key=wording.size_of_change, reverse=True)[:most]
    rows = [_ForestRow(names[case.id], case.verdict, case.times) for case in largest if case.times is not None]
    return sorted(rows, key=lambda row: row.times.ratio, reverse=True)


def _new_figure(rows: int, title: str) -> tuple[Figure, Axes]:
    height = rows * _ROW_INCHES + _BELOW_INCHES + _ABOVE_INCHES - 0.9
    figure, (ax,) = canvas.new_figure(1, 1, width=10.0, height=height, title=title, is_constrained=False)
    ax.set_ylim(rows - 0.5, -0.5)
    ax.grid(visible=False, axis="y")
    return figure, ax


def _scale(ax: Axes, rows: Sequence[_ForestRow], margin: float) -> None:
    """Set up the logarithmic axis in percent, symmetric about no change, with the band of the margin."""
    least = _SPARE * max(math.log1p(margin), *(abs(math.log(row.times.ratio)) for row in rows))
    ends = [end for row in rows for end in (row.times.low, row.times.high) if end is not None and _is_drawable(end)]
    widest = _SPARE * max((abs(math.log(end)) for end in ends), default=0.0)
    reach = max(least, min(widest, _FARTHEST * least))
    ax.set_xscale("log")
    ax.set_xlim(math.exp(-reach), math.exp(reach))
    ax.axvspan(1 / (1 + margin), 1 + margin, color=_BAND, zorder=0)
    ax.axvline(1.0, color="black", linewidth=0.8, zorder=1)
    ax.xaxis.set_major_locator(FixedLocator([1 + change for change in _ticks(reach)]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda ratio, _: _tick_text(ratio - 1)))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.xaxis.set_minor_locator(NullLocator())
    canvas.name_panel(ax, "", "Time of the head over the base's, less 1 (logarithmic); right is slower")


def _is_drawable(end: float) -> bool:
    return math.isfinite(end) and end > 0


def _ticks(reach: float) -> list[float]:
    """Changes to mark: zero, and on either side those whose labels fit between zero and the edge."""
    ticks, gap = [0.0], 2 * reach * _LEAST_TICK_SHARE
    for side in (-1, 1):
        last = reach
        for change in sorted(_CHANGES, key=lambda change: -abs(math.log1p(change))):
            place = side * math.log1p(change)
            if gap <= place <= last:
                ticks.append(change)
                last = place - gap
    return sorted(ticks)


def _tick_text(change: float) -> str:
    whole = abs(round(100 * change) - 100 * change) < 1e-6  # noqa: PLR2004  a whole percent, up to rounding
    return format_change(change, digits=0 if whole else 1)


def _draw(ax: Axes, place: int, row: _ForestRow) -> None:
    """Draw a filled marker on its interval, or a hollow one if there is no interval."""
    style, times = palette.VERDICT_STYLES[row.verdict], row.times
    looks: dict[str, Any] = {"markerfacecolor": "white", "markeredgecolor": style.color, "markeredgewidth": 1.2}
    if times.low is not None and times.high is not None:
        _draw_interval(ax, place, (times.low, times.high), style.color)
        looks = {"markerfacecolor": style.color, "markeredgecolor": "black", "markeredgewidth": 0.4}
    ax.plot([times.ratio], [place], linestyle="", marker=style.marker, markersize=5.5, zorder=5, **looks)


def _draw_interval(ax: Axes, place: int, ends: tuple[float, float], color: str) -> None:
    """Draw the interval, with an arrow at the edge of the axis if it extends beyond it."""
    left, right = ax.get_xlim()
    low, high = max(ends[0], left), min(ends[1], right)
    ax.plot([low, high], [place, place], color=color, linewidth=1.5, zorder=3, solid_capstyle="butt")
    looks: dict[str, Any] = {"color": color, "markersize": 5, "clip_on": False, "zorder": 4}
    if ends[0] < left:
        ax.plot([left], [place], marker=CARETLEFTBASE, **looks)
    if ends[1] > right:
        ax.plot([right], [place], marker=CARETRIGHTBASE, **looks)


def _name_rows(ax: Axes, rows: Sequence[_ForestRow], cases: int) -> None:
    """Write names on the left and changes on the right, and draw a line above the controls."""
    names = [figure_text(row.name, longest=_LONGEST_NAME) for row in rows]
    ax.set_yticks(range(len(rows)), names, fontsize=canvas.LABEL_SIZE, parse_math=False)
    ax.tick_params(axis="y", length=0)
    for place, row in enumerate(rows):
        text = f"{wording.change_text(row.times)}  n {row.times.n}"
        ax.text(
            1.015, place, text, transform=ax.get_yaxis_transform(), fontsize=canvas.LABEL_SIZE, va="center",
            parse_math=False,
        )  # fmt: skip
    if cases < len(rows):
        ax.axhline(cases - 0.5, color="black", linewidth=0.8, linestyle="--")


def _add_legend(figure: Figure, verdicts: set[Verdict], margin: float) -> None:
    handles: list[Line2D | Patch] = [_handle(verdict) for verdict in Verdict if verdict in verdicts]
    handles.append(Patch(color=_BAND, label=f"less than ±{format_percent(margin)}: no change"))
    place = (0.5, _LEGEND_INCHES / figure.get_figheight())
    figure.legend(
        handles=handles, loc="lower center", ncols=min(len(handles), 6), fontsize=8, frameon=False, bbox_to_anchor=place
    )


def _add_caption(figure: Figure, comparison: Comparison, drawn: int, timed: int) -> None:
    """State below the plot which cases are not drawn."""
    parts = []
    if drawn < timed:
        parts.append(f"The {drawn} of {timed:,} timed cases whose time changed most.")
    if len(comparison.cases) > timed:
        parts.append(f"{len(comparison.cases) - timed:,} more without times on both sides.")
    if comparison.controls:
        parts.append("Below the dashed line: controls, without code of the project.")
    up = _CAPTION_INCHES / figure.get_figheight()
    figure.text(0.5, up, " ".join(parts), ha="center", fontsize=8, parse_math=False)


def _handle(verdict: Verdict) -> Line2D:
    style = palette.VERDICT_STYLES[verdict]
    return Line2D(
        [], [], linestyle="", marker=style.marker, color=style.color, markeredgecolor="black", markeredgewidth=0.4,
        markersize=6, label=verdict.value,
    )  # fmt: skip


def _arrange(figure: Figure, ax: Axes) -> None:
    """Size the figure to the longest name and the longest change, so that no text is cut or overlaps."""
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    left = max(label.get_window_extent(renderer).width for label in ax.get_yticklabels()) / figure.dpi
    right = max(text.get_window_extent(renderer).width for text in ax.texts) / figure.dpi
    title = max(text.get_window_extent(renderer).width for text in figure.texts) / figure.dpi
    width = max(left + _AXES_INCHES + right + 4 * _MARGIN_INCHES, title + 2 * _MARGIN_INCHES)
    height = figure.get_figheight()
    figure.set_figwidth(width)
    figure.subplots_adjust(
        left=(left + 2 * _MARGIN_INCHES) / width,
        right=1 - (right + 2 * _MARGIN_INCHES) / width,
        bottom=_BELOW_INCHES / height,
        top=1 - _ABOVE_INCHES / height,
    )
    suptitle = figure.texts[0]
    suptitle.set_y(1 - 0.2 / height)
