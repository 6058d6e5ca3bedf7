"""A call's time laid out by module: the model on top, what each module calls below it, width for time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter

from zoobench.records import CaseRecord, LayerKind, metrics
from zoobench.report.charts import canvas
from zoobench.report.palette import KIND_STYLES, KindStyle
from zoobench.report.text import figure_text
from zoobench.stats.roofline import layer_times

MODEL = "(model)"
OWN = "(own)"
"""What a module that calls others does itself."""

_CALLS_OTHERS = KindStyle("#F4F4F4")
_ROW_INCHES = 0.34
_WIDTH_INCHES = 14.0
_LEAST_NAMED = 0.004
"""Share of the width below which no name fits, so none is tried."""

_LEAST_EDGED = 0.002
"""Share of the width below which an edge would cover what it is round."""

_MARGIN_PIXELS = 4.0


class FlameCell(NamedTuple):
    """A module, or what one does itself, from `start_s` on; `kind` is empty for a module that calls others."""

    path: str
    name: str
    kind: str
    depth: int
    start_s: float
    width_s: float


def flame_of_modules(record: CaseRecord, title: str) -> Figure | None:
    """The figure of an inference case whose layers were timed."""
    cells = cells_of(record)
    if not cells:
        return None
    rows = 1 + max(cell.depth for cell in cells)
    height = 0.9 + _ROW_INCHES * rows
    figure, (ax,) = canvas.new_figure(1, 1, width=_WIDTH_INCHES, height=height, title=title)
    canvas.name_panel(ax, "", "Time inside operators, modules in the order of their first calls")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: canvas.tick_text(value, metrics.SECONDS)))
    ax.set_xlim(0.0, cells[0].width_s)
    ax.set_ylim(rows - 0.5, -0.5)
    ax.set_yticks([])
    ax.grid(visible=False)
    _draw(ax, cells)
    kinds = {cell.kind for cell in cells}
    figure.legend(handles=canvas.kind_patches(kinds), loc="outside lower center", ncols=7, fontsize=8, frameon=False)
    canvas.freeze_layout(figure)
    _name(ax, cells)
    return figure


def cells_of(record: CaseRecord) -> tuple[FlameCell, ...]:
    """Every module with time, the model first; a module's cells lie below its own and fill it. None without times.

    A module is as wide as all that it calls and does. Modules stand in the order of their first calls.
    """
    times = layer_times(record)
    if not times:
        return ()
    order = {layer.path: number for number, layer in enumerate(record.layers)}
    kinds = {layer.path: layer.kind for layer in record.layers}
    root = _tree(sorted(times, key=lambda path: order.get(path, len(order))), times)
    return tuple(_cells(root, kinds, depth=0, start_s=0.0))


class _Node:
    """A module: its own time, and the modules inside it by path."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.own_s = 0.0
        self.children: dict[str, _Node] = {}

    @property
    def total_s(self) -> float:
        return self.own_s + sum(child.total_s for child in self.children.values())


def _tree(paths: Iterable[str], times: Mapping[str, float]) -> _Node:
    root = _Node("")
    for path in paths:
        node = root
        for ancestor in _ancestors(path):
            node = node.children.setdefault(ancestor, _Node(ancestor))
        node.own_s = times[path]
    return root


def _ancestors(path: str) -> Iterator[str]:
    """`a`, `a.b` and `a.b.c` of `a.b.c`; none of the model itself."""
    parts = path.split(".") if path else []
    return (".".join(parts[: length + 1]) for length in range(len(parts)))


def _cells(node: _Node, kinds: Mapping[str, str], *, depth: int, start_s: float) -> Iterator[FlameCell]:
    kind = kinds.get(node.path) or LayerKind.OTHER.value
    name = node.path.rpartition(".")[2] or MODEL
    yield FlameCell(node.path, name, "" if node.children else kind, depth, start_s, node.total_s)
    for child in node.children.values():
        yield from _cells(child, kinds, depth=depth + 1, start_s=start_s)
        start_s += child.total_s
    if node.children and node.own_s > 0:
        yield FlameCell(node.path, OWN, kind, depth + 1, start_s, node.own_s)


def _draw(ax: Axes, cells: Sequence[FlameCell]) -> None:
    for cell in cells:
        style = _style(cell)
        has_edge = cell.width_s >= _LEAST_EDGED * cells[0].width_s
        ax.barh(
            cell.depth, cell.width_s, 1.0, left=cell.start_s, color=style.color, hatch=style.hatch,
            edgecolor="white" if cell.kind else "#999999", linewidth=0.4 if has_edge else 0.0,
        )  # fmt: skip


def _style(cell: FlameCell) -> KindStyle:
    return KIND_STYLES.get(cell.kind, KIND_STYLES[LayerKind.OTHER]) if cell.kind else _CALLS_OTHERS


def _name(ax: Axes, cells: Sequence[FlameCell]) -> None:
    """Write the names that fit into their cells; the others' are left out."""
    for cell in cells:
        if cell.width_s >= _LEAST_NAMED * cells[0].width_s:
            middle_s = cell.start_s + cell.width_s / 2
            style = _style(cell)
            ink = canvas.ink_on(style.color)
            text = canvas.write_label(ax, figure_text(cell.name), middle_s, cell.depth, ha="center", color=ink)
            if not _fits(ax, text, cell):
                text.remove()
            elif style.hatch:
                text.set_bbox({"facecolor": style.color, "linewidth": 0.0, "pad": 1.0})


def _fits(ax: Axes, text: Text, cell: FlameCell) -> bool:
    (left, _), (right, _) = ax.transData.transform([(cell.start_s, 0.0), (cell.start_s + cell.width_s, 0.0)])
    return bool(text.get_window_extent().width + _MARGIN_PIXELS <= right - left)
