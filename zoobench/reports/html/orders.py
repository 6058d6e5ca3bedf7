"""The order of nets by multiply-accumulates beside that by latency: which pairs change places beyond intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import pandas as pd

from zoobench import metrics
from zoobench.frame import LATENCY
from zoobench.reports.cells import format_interval
from zoobench.reports.charts.ratios import ratio_text
from zoobench.reports.escape import single_line
from zoobench.reports.html.plots.slopes import MOST_ROWS, Crossing, Heads, Slope, height_of, slope_plot
from zoobench.reports.html.section import Chart
from zoobench.reports.pairs import compared, inverted_pairs
from zoobench.reports.selection import NAME, SETTING, Point, View, measured
from zoobench.units import format_count, plural

MOST_PAIRS: Final = 60
"""More rings than these lie on each other."""

_MOST_NAMED = 4
_HEADS = Heads(left="By MACs, fewest first", right="By latency, fastest first", places="place (1: the least)")


def order_charts(view: View, setting: str) -> Iterable[Chart]:
    """At the smallest and at the largest batch of the headline precision, of one setting."""
    if view.point is None:
        return
    for batch in _batches(view, setting):
        nets = compared(view, setting, Point(batch, view.point.precision)).drop_duplicates(NAME)
        if len(nets) > 1:
            yield _chart(nets, Point(batch, view.point.precision), setting if len(view.settings) > 1 else "")


def _batches(view: View, setting: str) -> list[int]:
    """The ends of those that were measured."""
    rows = measured(view.rows[view.rows[SETTING] == setting], LATENCY)
    fitting = rows[(rows["mode"] == "infer") & (rows["precision"] == view.point.precision)] if view.point else rows
    batches = sorted(int(batch) for batch in fitting["batch"].unique())
    return sorted({batches[0], batches[-1]}) if batches else []


def _chart(nets: pd.DataFrame, point: Point, setting: str) -> Chart:
    pairs = inverted_pairs(nets)
    shown = _furthest(nets, pairs)
    drawn = pairs[pairs["light"].isin(shown[NAME]) & pairs["heavy"].isin(shown[NAME])].head(MOST_PAIRS)
    possible = plural(len(nets) * (len(nets) - 1) // 2, "pair")
    cut = f" (the {len(shown)} of {len(nets)} models that are furthest out of order)" if len(shown) < len(nets) else ""
    undrawn = f", of which {len(drawn)} are drawn" if len(drawn) < len(pairs) else ""
    slopes = list(_slopes(shown, pairs))
    return Chart(
        key=f"order-batch-{point.batch}",
        title=f"Order by MACs and by latency ({', '.join(filter(None, (str(point), single_line(setting))))}){cut}",
        alt=(
            "A line a model, from its place by MACs to its place by latency. A ring is a pair of which the net with "
            f"fewer MACs is the slower one beyond both intervals: {len(pairs)} of {possible}{undrawn}. Lines that "
            "cross without a ring are too close to tell."
        ),
        spec=slope_plot(slopes, list(_crossings(drawn)), _HEADS),
        height=height_of(slopes),
    )


def _furthest(nets: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """The nets for which there is room: those that are in a pair first."""
    in_pairs = pairs[["light", "heavy"]].to_numpy().ravel().tolist()
    kept = list(dict.fromkeys([*in_pairs, *nets[NAME]]))[:MOST_ROWS]
    return nets[nets[NAME].isin(kept)]


def _slopes(nets: pd.DataFrame, pairs: pd.DataFrame) -> Iterable[Slope]:
    by_macs, by_latency = (nets[column].rank(method="first").astype(int) for column in ("macs", LATENCY))
    for net, left, right in zip(nets.to_dict("records"), by_macs, by_latency, strict=True):
        name = str(net[NAME])
        yield Slope(name, str(net["group"]), left, right, "\n".join(_lines(net, left, right, pairs)))


def _lines(net: dict[Any, Any], left: int, right: int, pairs: pd.DataFrame) -> Iterable[str]:
    name = str(net[NAME])
    latency = format_interval(net[LATENCY], net["latency_low"], net["latency_high"], metrics.SECONDS)
    yield single_line(name)
    yield f"place {left} by MACs: {format_count(net['macs'])}"
    yield f"place {right} by latency: {latency}"
    for is_side, other, what in (("light", "heavy", "slower than"), ("heavy", "light", "faster than")):
        others = [str(each) for each in pairs.loc[pairs[is_side] == name, other]]
        if others:
            yield f"{what} {_listed(others)} with {'more' if other == 'heavy' else 'fewer'} MACs"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(map(single_line, names[:_MOST_NAMED])) + more


def _crossings(pairs: pd.DataFrame) -> Iterable[Crossing]:
    for pair in pairs.to_dict("records"):
        light, heavy = str(pair["light"]), str(pair["heavy"])
        told = (
            f"{single_line(light)} has {ratio_text(pair['macs_ratio'])} fewer MACs than {single_line(heavy)}, and "
            f"takes {ratio_text(pair['latency_ratio'])} as long"
        )
        yield Crossing(light, heavy, told)
