"""What all charts share: a figure, axes whose ticks carry units, legends, labels beside points."""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Annotation, Text
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator
from matplotlib.transforms import Transform, offset_copy

from zoobench.cases import format_quantity
from zoobench.records import metrics
from zoobench.report import palette
from zoobench.report.placement import Box, nearest_spot, place
from zoobench.report.text import figure_text

# Charts on the disk, in one format or more: the same bytes whenever the same is drawn.


_PNG_COMPRESSION = 4
"""3 % larger than at the usual 6, and a sixth faster."""
_SVG_SALT = "zoobench"
"""The same report twice is the same bytes: ids in an SVG are drawn from this, not at random."""
_PDF_FONT_TYPE = 42
"""TrueType: publishers refuse matplotlib's usual Type 3."""


class Format(enum.StrEnum):
    """Of a chart's file, and the end of its name."""

    PNG = "png"
    SVG = "svg"
    PDF = "pdf"


ON_SCREENS = (Format.PNG, Format.SVG)
IN_PAPERS = (*ON_SCREENS, Format.PDF)


def write_figure(figure: Figure, folder: Path, key: str, formats: Sequence[Format] = ON_SCREENS) -> tuple[Path, ...]:
    """One chart in each of these formats."""
    paths = tuple(folder / f"{key}.{each}" for each in formats)
    for each, path in zip(formats, paths, strict=True):
        _save(figure, path, each)
    return paths


def write_charts(
    charts: Iterable[tuple[str, Figure | None]], folder: Path, formats: Sequence[Format] = ON_SCREENS
) -> Iterable[Path]:
    """Each chart by its key; where there is none now, an earlier one is taken away."""
    for key, figure in charts:
        if figure is not None:
            yield from write_figure(figure, folder, key, formats)
        else:  # one of an earlier report would pass for a chart of this one
            for each in Format:
                (folder / f"{key}.{each}").unlink(missing_ok=True)


def _save(figure: Figure, path: Path, form: Format) -> None:
    if form is Format.PNG:
        figure.savefig(path, dpi=PNG_DPI, metadata={"Software": None}, pil_kwargs={"compress_level": _PNG_COMPRESSION})
    elif form is Format.SVG:
        with mpl.rc_context({"svg.hashsalt": _SVG_SALT}):
            figure.savefig(path, metadata={"Date": None})
    else:
        with mpl.rc_context({"pdf.fonttype": _PDF_FONT_TYPE}):
            figure.savefig(path, metadata={"CreationDate": None})


PNG_DPI = 200
"""Names are measured at the resolution at which they are drawn: hinting makes them 8 % narrower at 100."""

LABEL_SIZE = 7.5
TEXT_SIZE = 9.0
_LEADER_COLOR = "#888888"
_MARKER_POINTS = 5.0
_POINTS_PER_INCH = 72.0
_FEW_DECADES = 1.5

_DARK = 0.5
_LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Of red, green and blue (ITU-R BT.709), to tell on which colours black can be read."""


class LabelledPoint(NamedTuple):
    """A point of a chart and its name; `box` (in data units) is what must stay uncovered besides: its error bar."""

    x: float
    y: float
    name: str
    box: Box | None = None


def new_figure(
    rows: int, columns: int, *, width: float, height: float, title: str, is_constrained: bool = True
) -> tuple[Figure, list[Axes]]:
    """A figure of that many panels, each `width` by `height` inches, laid out row by row.

    A constrained layout asks every panel what room it needs; without one, the panels stand where `arrange_small` says.
    """
    layout: Literal["constrained"] | None = "constrained" if is_constrained else None
    size = width * columns, height * rows + 0.9
    figure = Figure(figsize=size, dpi=PNG_DPI, layout=layout, facecolor="white")
    FigureCanvasAgg(figure)
    figure.suptitle(figure_text(title, longest=120), fontsize=11, parse_math=False)
    panels = figure.subplots(rows, columns, squeeze=False)
    axes = [ax for row in panels for ax in row]
    for ax in axes:
        ax.tick_params(labelsize=8)
        ax.grid(visible=True, color="#E4E4E4", linewidth=0.6)
        ax.set_axisbelow(True)
        ax.spines[["top", "right"]].set_visible(False)
    return figure, axes


def name_panel(ax: Axes, title: str, x: str = "", y: str = "") -> None:
    """Title and axis names; nothing in them is taken for mathematics."""
    ax.set_title(figure_text(title, longest=60) or " ", fontsize=TEXT_SIZE, parse_math=False)
    ax.set_xlabel(x, fontsize=TEXT_SIZE, parse_math=False)
    ax.set_ylabel(y, fontsize=TEXT_SIZE, parse_math=False)


def log_axis(ax: Axes, name: Literal["x", "y"], unit: str, values: Iterable[float]) -> None:
    """A logarithmic axis whose ticks are quantities with their unit: `20 ms`."""
    ax.set(**{f"{name}scale": "log"})
    axis: Axis = ax.xaxis if name == "x" else ax.yaxis
    low, high = _decades(values)
    if unit == metrics.BYTES:
        axis.set_major_locator(LogLocator(base=4.0, numticks=8))
        axis.set_minor_locator(NullLocator())
    else:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high - low < _FEW_DECADES else (1.0,), numticks=8))
    axis.set_major_formatter(FuncFormatter(lambda value, _: tick_text(value, unit)))
    axis.set_minor_formatter(NullFormatter())


def batch_axis(axis: Axis, batches: Sequence[int]) -> None:
    """A logarithmic axis with a tick at each batch that was measured."""
    axis.axes.set_xscale("log", base=2)
    axis.set_major_locator(FixedLocator(list(batches)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0f}"))
    axis.set_minor_locator(NullLocator())


def tick_text(value: float, unit: str) -> str:
    """A quantity without the zeros that end it: `20 ms`, not `20.0 ms`."""
    return re.sub(r"\.0+(?=\s|$)|(?<=\.\d)0+(?=\s|$)", "", format_quantity(value, unit))


def group_legend(figure: Figure, groups: Iterable[str], more: Sequence[Line2D] = ()) -> None:
    """One legend below all panels: what each family looks like, and whatever else is drawn."""
    present = set(groups)
    handles = [_marker(palette.STYLES[group], group) for group in palette.STYLES if group in present]
    everything = [*handles, *more]
    columns = min(len(everything), max(3, int(figure.get_figwidth() / 1.9)))
    figure.legend(handles=everything, loc="outside lower center", ncols=columns, fontsize=8, frameon=False)


def kind_patches(kinds: Collection[str]) -> list[Patch]:
    """For a legend: what each of these kinds of layer looks like, in the order of the palette."""
    return [
        Patch(facecolor=style.color, hatch=style.hatch, edgecolor="black", linewidth=0.4, label=kind)
        for kind, style in palette.KIND_STYLES.items()
        if kind in kinds
    ]


def ink_on(color: str) -> str:
    """Black or white, whichever can be read on the colour."""
    luminance = sum(weight * channel for weight, channel in zip(_LUMINANCE, to_rgb(color), strict=True))
    return "white" if luminance < _DARK else "black"


def freeze_layout(figure: Figure) -> None:
    """Settle where the panels are: labels are placed in pixels, so nothing may move afterwards."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


def arrange_small(figure: Figure, rows: int, columns: int) -> None:
    """Put small multiples in a plain grid, margins in inches: asking each of fifty panels what it needs takes long."""
    width, height = figure.get_size_inches()
    inner_width, inner_height = width / columns - 1.05, (height - 0.5) / rows - 0.85
    figure.subplots_adjust(
        left=0.85 / width,
        right=1.0 - 0.2 / width,
        bottom=0.55 / height,
        top=1.0 - 0.85 / height,
        wspace=1.05 / inner_width,
        hspace=0.85 / inner_height,
    )
    for text in figure.texts:
        text.set_y(1.0 - 0.25 / height)


def label_spots(ax: Axes, spots: Sequence[LabelledPoint], *, hard: Sequence[Box] = (), soft: Sequence[Box] = ()) -> int:
    """Write each spot's name beside it, the first spots first; how many found no room.

    `hard` boxes (in data units) stay uncovered, `soft` ones where there is room enough. The layout must be settled
    before.
    """
    texts = [_measurable_text(ax, spot.name) for spot in spots]
    sizes = [_size(text) for text in texts]
    points = [_pixels(ax, spot.x, spot.y) for spot in spots]
    unit = _pixels_per_point(ax)
    taken = [_around(point, _MARKER_POINTS * unit) for point in points]
    taken += [_box_in_pixels(ax, box) for box in (*(spot.box for spot in spots if spot.box), *hard)]
    bounds = _around_inside(ax, 2.0 * unit)
    nearest = (_MARKER_POINTS + 1.5) * unit
    placed = place(
        points, sizes, obstacles=[*taken, *(_box_in_pixels(ax, box) for box in soft)], bounds=bounds, nearest=nearest
    )
    if None in placed and soft:
        placed = place(points, sizes, obstacles=taken, bounds=bounds, nearest=nearest)
    for text, point, box in zip(texts, points, placed, strict=True):
        text.remove()
        if box is not None:
            _annotate(ax, text.get_text(), point, box, is_near=_distance(point, box) < 2 * nearest)
    return placed.count(None)


def say_unlabelled(ax: Axes, count: int) -> None:
    """Nothing is left out in silence."""
    if count:
        ax.set_title(f"{ax.get_title()} ({count} without a name, for want of room)".strip(), fontsize=TEXT_SIZE)


def write_label(ax: Axes, text: str, x: float, y: float, *, ha: str = "left", color: str = "black") -> Text:
    """A text at a place in data units, centred on it vertically."""
    return ax.text(x, y, text, ha=ha, va="center", fontsize=LABEL_SIZE, color=color, parse_math=False)


def shifted_right(ax: Axes, points: float) -> Transform:
    """Data coordinates, that many points further right."""
    return offset_copy(ax.transData, fig=ax.get_figure(root=True), x=points, units="points")


def _annotate(ax: Axes, name: str, point: tuple[float, float], box: Box, *, is_near: bool) -> None:
    to_data = ax.transData.inverted()
    x, y = to_data.transform(box.center)
    write_label(ax, name, float(x), float(y), ha="center")
    if not is_near:
        ends = to_data.transform([point, nearest_spot(point, box)])
        ax.plot(ends[:, 0], ends[:, 1], color=_LEADER_COLOR, linewidth=0.5, zorder=1.5)


def _measurable_text(ax: Axes, name: str) -> Annotation:
    return ax.annotate(figure_text(name), (0, 0), xycoords="axes pixels", fontsize=LABEL_SIZE, parse_math=False)


def _size(text: Text) -> tuple[float, float]:
    extent = text.get_window_extent()
    return extent.width + 2.0, extent.height + 1.0


def _distance(point: tuple[float, float], box: Box) -> float:
    return math.dist(point, nearest_spot(point, box))


def _pixels(ax: Axes, x: float, y: float) -> tuple[float, float]:
    across, up = ax.transData.transform((x, y))
    return float(across), float(up)


def _box_in_pixels(ax: Axes, box: Box) -> Box:
    thin = _pixels_per_point(ax)
    x0, y0 = _pixels(ax, box.x0, box.y0)
    x1, y1 = _pixels(ax, box.x1, box.y1)
    return Box(x0 - thin, y0 - thin, x1 + thin, y1 + thin)


def _around(point: tuple[float, float], radius: float) -> Box:
    return Box(point[0] - radius, point[1] - radius, point[0] + radius, point[1] + radius)


def _around_inside(ax: Axes, margin: float) -> Box:
    x0, y0, x1, y1 = ax.get_window_extent().extents
    return Box(x0 + margin, y0 + margin, x1 - margin, y1 - margin)


def _pixels_per_point(ax: Axes) -> float:
    return float(ax.get_figure(root=True).dpi) / _POINTS_PER_INCH  # type: ignore[union-attr]


def _decades(values: Iterable[float]) -> tuple[float, float]:
    logs = np.log10([value for value in values if value > 0 and math.isfinite(value)])
    return (float(logs.min()), float(logs.max())) if len(logs) else (0.0, 1.0)


def _marker(style: palette.Style, group: str) -> Line2D:
    return Line2D(
        [], [], linestyle="", marker=style.marker, color=style.color, markeredgecolor="black", markeredgewidth=0.4,
        markersize=6, label=group,
    )  # fmt: skip
