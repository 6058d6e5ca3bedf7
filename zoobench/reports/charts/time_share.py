"""Paired bars: where a net's multiply-accumulates are, and where its time goes, by kind of layer."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from zoobench.papers.time_shares import NetShares, TimeShares
from zoobench.reports.charts import canvas
from zoobench.reports.palette import KIND_STYLES
from zoobench.units import format_percent

_BAR = 0.38
_ROW_INCHES = 0.75
_SMALLEST_NAMED = 0.06
"""A narrower part has no room for its percentage."""


def time_share_by_kind(found: TimeShares) -> Figure | None:
    """Two bars a net, both 100 % long: multiply-accumulates above, time below."""
    if not found.nets:
        return None
    title = f"Share of time against share of MACs, by kind of layer ({found.setting})"
    figure, (ax,) = canvas.new_figure(1, 1, width=9.5, height=1.2 + _ROW_INCHES * len(found.nets), title=title)
    canvas.name_panel(ax, "", "Share of the net's MACs, of a call's time")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_percent(value, digits=0)))
    ax.set_xlim(0.0, 1.0)
    ax.set_ylim(len(found.nets) - 0.5, -0.5)
    ticks: list[tuple[float, str]] = []
    for row, shares in enumerate(found.nets):
        ticks += _draw_pair(ax, row, shares)
    ax.set_yticks([at for at, _ in ticks], [text for _, text in ticks], fontsize=8, parse_math=False)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    figure.legend(
        handles=canvas.kind_patches(_kinds(found)), loc="outside lower center", ncols=5, fontsize=8, frameon=False
    )
    canvas.freeze_layout(figure)
    return figure


def _draw_pair(ax: Axes, row: int, shares: NetShares) -> list[tuple[float, str]]:
    """The two bars; where they stand, and their names."""
    bars = {f"{shares.net.model.name}   MACs": (row - _BAR / 2, shares.macs), "time": (row + _BAR / 2, shares.time)}
    for at, parts in bars.values():
        _draw_bar(ax, at, parts)
    return [(at, name) for name, (at, _) in bars.items()]


def _draw_bar(ax: Axes, at: float, parts: dict[str, float]) -> None:
    start = 0.0
    for kind, style in KIND_STYLES.items():
        share = parts.get(kind, 0.0)
        if share:
            ax.barh(at, share, _BAR, left=start, color=style.color, hatch=style.hatch, edgecolor="black", linewidth=0.4)
        if share >= _SMALLEST_NAMED:
            text = format_percent(share, digits=0)
            label = canvas.write_label(ax, text, start + share / 2, at, ha="center", color=canvas.ink_on(style.color))
            if style.hatch:
                label.set_bbox({"facecolor": style.color, "linewidth": 0.0, "pad": 1.0})
        start += share


def _kinds(found: TimeShares) -> set[str]:
    return {kind for shares in found.nets for parts in (shares.macs, shares.time) for kind in parts}
