"""Reproduction of the papers: each printed figure with its verdict, and the claims on speed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import pandas as pd

from zoobench.reports import palette
from zoobench.reports.html.plots.bands import BandValue, band_plot, height_of
from zoobench.reports.html.section import Chart, Section
from zoobench.reports.material import Material
from zoobench.reports.reproduction import COUNTED_BY, METHOD, reproduction_summary
from zoobench.units import format_percent

CLOSE_RATIO: Final = 0.01
_LINEAR_TO: Final = 0.001
"""A tenth of a percent: half a unit of a count's third digit and less."""


def reproduction(material: Material) -> Section:
    """Of the run that has the papers' cases."""
    summary = reproduction_summary(material.runs)
    return Section(
        key="reproduction",
        title="Do the papers' figures reproduce?",
        missing=f"No net of the papers was counted: {COUNTED_BY}",
        answer=(summary,) if summary else (),
        tables=(material.tables["reproduction"], material.tables["claims"]) if summary else (),
        charts=tuple(_printed_against_found(material.tables["reproduction"].frame)) if summary else (),
        method=METHOD if summary else "",
    )


def _printed_against_found(figures: pd.DataFrame) -> Iterable[Chart]:
    """How far each figure that was counted lies from the printed one."""
    counted = figures.dropna(subset=["difference_ratio"])
    if counted.empty:
        return
    deviations = [_deviation(figure) for figure in counted.to_dict("records")]
    close = int((counted["difference_ratio"].abs() <= CLOSE_RATIO).sum())
    yield Chart(
        key="printed-against-found",
        title=f"What was counted against what is printed ({len(deviations)} figures)",
        alt=(
            "A row a figure, in the order of the papers' tables: its distance from the printed one, linear within "
            f"±{format_percent(_LINEAR_TO)} and logarithmic beyond. {close} of {len(deviations)} lie within "
            f"±{format_percent(CLOSE_RATIO, digits=0)}. The table below has the numbers."
        ),
        spec=band_plot(deviations, "found over printed, less 1", linear_to=_LINEAR_TO),
        height=height_of(deviations),
    )


def _deviation(figure: Mapping[Any, Any]) -> BandValue:
    """A paper is drawn as the family that it is about."""
    paper, table = str(figure["paper"]), str(figure["table"])
    lines = (
        f"{paper}, {table}: {figure['row']}, {figure['metric']}",
        f"printed {figure['printed_text']}, found {figure['found_text']} ({figure['difference_text']})",
        str(figure["verdict_text"]),
        str(figure["note"]),
    )
    return BandValue(
        band=f"{paper}, {table}",
        group=palette.group_of(paper.lower()),
        value=float(figure["difference_ratio"]),
        series=str(figure["verdict"]).replace("-", " "),
        told="\n".join(filter(None, lines)),
    )
