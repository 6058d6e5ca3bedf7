"""Paired bars: where a net's multiply-accumulates are, and where its time goes, by kind of layer."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from zoobench.papers.time_shares import NetShares, TimeShares
from zoobench.reports.charts import canvas
from zoobench.reports.palette import KIND_STYLES, KindStyle
from zoobench.units import format_percent

_BAR = 0.38
_ROW_INCHES = 0.75
_SMALLEST_NAMED = 0.06
"""A narrower part has no room for its percentage."""

_DARK = 0.5
_LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Of red, green and blue (ITU-R BT.709), to tell on which colours black can be read."""


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
    figure.legend(handles=_legend(found), loc="outside lower center", ncols=5, fontsize=8, frameon=False)
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
            label = canvas.write_label(ax, text, start + share / 2, at, ha="center", color=_ink(style))
            if style.hatch:
                label.set_bbox({"facecolor": style.color, "linewidth": 0.0, "pad": 1.0})
        start += share


def _ink(style: KindStyle) -> str:
    """Black or white, whichever can be read on the colour."""
    luminance = sum(weight * channel for weight, channel in zip(_LUMINANCE, to_rgb(style.color), strict=True))
    return "white" if luminance < _DARK else "black"


def _legend(found: TimeShares) -> list[Patch]:
    drawn = {kind for shares in found.nets for parts in (shares.macs, shares.time) for kind in parts}
    return [
        Patch(facecolor=style.color, hatch=style.hatch, edgecolor="black", linewidth=0.4, label=kind)
        for kind, style in KIND_STYLES.items()
        if kind in drawn
    ]
