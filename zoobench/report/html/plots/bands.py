"""Many small values in bands, one below the other: a row a value, its distance from zero across, a name a band."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from zoobench.report import palette
from zoobench.report.html.plots import (
    CHANGE_TICK,
    COLOR,
    INK,
    NameColumn,
    axis_of,
    between_names,
    down_to,
    layer,
    names_on_the_left,
    shape_of_series,
    symmetric_scale,
    symmetric_ticks,
)
from zoobench.report.html.section import Height
from zoobench.report.text import single_line

LEAST_ROWS: Final = 4
"""Of a band, however few its values: its name needs as much."""

_ROOM = ((40, Height.LOW), (80, Height.MIDDLE), (110, Height.TALL))
"""Rows up to which a chart is so high."""
_SHADE = "#808080"
_MARGIN = 1.3


class BandValue(NamedTuple):
    """One value of a band. `series` is what its mark says, `told` what it says itself when it is pointed at."""

    band: str
    group: str
    value: float
    series: str
    told: str


class Band(NamedTuple):
    """From row to row, counted from the top."""

    name: str
    start: float
    end: float


def height_of(deviations: Sequence[BandValue]) -> Height:
    """Room for every row."""
    _, bands = lay_out(deviations)
    rows = bands[-1].end if bands else 0
    return next((height for most, height in _ROOM if rows <= most), Height.HIGH)


def lay_out(deviations: Sequence[BandValue]) -> tuple[list[tuple[BandValue, float]], list[Band]]:
    """Each with the row in which it stands, and the bands; in the order of the first of each band."""
    placed: list[tuple[BandValue, float]] = []
    bands: list[Band] = []
    for name in dict.fromkeys(each.band for each in deviations):
        of_band = [each for each in deviations if each.band == name]
        start, rows = bands[-1].end if bands else 0.0, max(len(of_band), LEAST_ROWS)
        first = start + (rows - len(of_band) + 1) / 2
        placed += [(each, first + row) for row, each in enumerate(of_band)]
        bands.append(Band(name, start, start + rows))
    return placed, bands


def band_plot(deviations: Sequence[BandValue], title: str, *, linear_to: float) -> dict[str, Any]:
    """The specification: ratios about zero, linear as far as `linear_to` and logarithmic beyond, on both sides."""
    placed, bands = lay_out(deviations)
    reach = _MARGIN * max(linear_to, *(abs(each.value) for each in deviations))
    axis = axis_of(title, CHANGE_TICK, symmetric_ticks(reach, linear_to))
    x = {"type": "quantitative", "scale": symmetric_scale(reach, linear_to) | between_names(NameColumn()), "axis": axis}
    y = down_to(bands[-1].end)
    series = list(dict.fromkeys(each.series for each in deviations))
    return {
        "data": {"values": list(_rows(placed))},
        "layer": [
            _shading(bands, y),
            layer("rule", [{}], x=x | {"datum": 0}, color=INK),
            layer("rule", x=x | {"field": "value"}, x2={"datum": 0}, y=y | {"field": "row"}, color=COLOR),
            layer(
                {"type": "point", "filled": True, "size": 34, "opacity": 1, "strokeWidth": 0.6},
                x=x | {"field": "value"},
                y=y | {"field": "row"},
                fill=COLOR,
                stroke=INK,
                shape=shape_of_series(series),
                tooltip={"field": "told"},
                description={"field": "told"},
            ),
            names_on_the_left(NameColumn(), y | {"field": "row"}, list(_names(bands))),
        ],
    }


def _shading(bands: Iterable[Band], y: dict[str, Any]) -> dict[str, Any]:
    """Every other band."""
    rows = [{"start": band.start, "end": band.end} for place, band in enumerate(bands) if place % 2 == 0]
    mark = {"type": "rect", "aria": False, "opacity": 0.1, "fill": _SHADE}
    ends = {"x": {"value": 0}, "x2": {"value": "width"}}
    return layer(mark, rows, y=y | {"field": "start"}, y2={"field": "end"}, **ends)


def _names(bands: Iterable[Band]) -> Iterable[dict[str, Any]]:
    return ({"name": single_line(band.name), "row": (band.start + band.end) / 2} for band in bands)


def _rows(placed: Iterable[tuple[BandValue, float]]) -> Iterable[dict[str, Any]]:
    for each, row in placed:
        style = palette.STYLES[each.group]
        yield {"row": row, "value": each.value, "color": style.color, "series": each.series, "told": each.told}
