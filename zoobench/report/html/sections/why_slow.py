"""The order of nets by multiply-accumulates beside that by latency: which pairs change places beyond intervals."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any, Final

import pandas as pd

from zoobench.cases import format_bytes, format_count, format_percent, plural
from zoobench.records import metrics
from zoobench.records.metrics import LATENCY
from zoobench.report import palette
from zoobench.report.answers import of_settings, order
from zoobench.report.diagnosed import Diagnosed, under_one_roof
from zoobench.report.html.plots import NUMBER_TICK, TICKS
from zoobench.report.html.plots.scatter import ScatterPoint, Span, scatter_plot
from zoobench.report.html.plots.slopes import MOST_ROWS, Crossing, Heads, Slope, height_of, slope_plot
from zoobench.report.html.section import Height, PageChart, Section
from zoobench.report.report_data import ReportData
from zoobench.report.selection import NAME, SETTING, Setting, View, measured, ratio_text
from zoobench.report.tables import format_interval
from zoobench.report.text import single_line
from zoobench.report.why import LACKING, METHOD, compared, inverted_pairs
from zoobench.stats.roofline import Roof

MOST_PAIRS: Final = 60
"""More rings than these lie on each other."""

_MOST_NAMED = 4
_HEADS = Heads(left="By MACs, fewest first", right="By latency, fastest first", places="place (1: the least)")


def order_charts(view: View, setting: str) -> Iterable[PageChart]:
    """At the smallest and at the largest batch of the headline precision, of one setting."""
    if view.point is None:
        return
    for batch in _order_batches(view, setting):
        nets = compared(view, setting, Setting(batch, view.point.precision)).drop_duplicates(NAME)
        if len(nets) > 1:
            yield _order_chart(nets, Setting(batch, view.point.precision), setting if len(view.settings) > 1 else "")


def _order_batches(view: View, setting: str) -> list[int]:
    """The ends of those that were measured."""
    rows = measured(view.rows[view.rows[SETTING] == setting], LATENCY)
    fitting = rows[(rows["mode"] == "infer") & (rows["precision"] == view.point.precision)] if view.point else rows
    batches = sorted(int(batch) for batch in fitting["batch"].unique())
    return sorted({batches[0], batches[-1]}) if batches else []


def _order_chart(nets: pd.DataFrame, point: Setting, setting: str) -> PageChart:
    pairs = inverted_pairs(nets)
    shown = _furthest(nets, pairs)
    drawn = pairs[pairs["light"].isin(shown[NAME]) & pairs["heavy"].isin(shown[NAME])].head(MOST_PAIRS)
    possible = plural(len(nets) * (len(nets) - 1) // 2, "pair")
    cut = f" (the {len(shown)} of {len(nets)} models that are furthest out of order)" if len(shown) < len(nets) else ""
    undrawn = f", of which {len(drawn)} are drawn" if len(drawn) < len(pairs) else ""
    slopes = list(_slopes(shown, pairs))
    return PageChart(
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


# Whole nets under the roofs of the machine: what a call computes a byte, and a second.


_ROOM = 1.6
"""Beyond the outermost points."""
_ROOM_ABOVE = 2.5
"""Above the roof, where its names stand."""


def roofline_charts(found: Sequence[Diagnosed]) -> Iterable[PageChart]:
    """One for each precision, since each has a ceiling of its own; a point a case."""
    for precision in dict.fromkeys(each.case.precision for each in found):
        shown = [each for each in under_one_roof(found, precision) if math.isfinite(each.net.intensity)]
        if shown:
            yield _roofline_chart(shown)


def _roofline_chart(shown: Sequence[Diagnosed]) -> PageChart:
    case, roof = shown[0].case, shown[0].roof
    reached = median(each.diagnosis.reached_ratio for each in shown)
    return PageChart(
        key=f"roofline-{case.precision.value}",
        title=f"Roofline of whole nets (inference, {case.precision.value}, {single_line(case.device)})",
        alt=(
            f"Both axes logarithmic, a point a case: {_roofline_batches(shown)}. The dashed roofs are what the machine "
            "can do; "
            f"a call reaches {format_percent(reached, digits=0)} of them in the median. A name that finds no room is "
            "left out; the table of what bounds each net has the numbers."
        ),
        spec=scatter_plot(
            [_spot(each, is_first=each.case.batch == case.batch) for each in shown],
            *_spans(shown, roof),
            line=_roofs(shown, roof),
            notes=_names_of(roof),
        ),
        height=Height.TALL,
        groups=tuple(dict.fromkeys(palette.group_of_model(each.case.model) for each in shown)),
    )


def _roofline_batches(shown: Iterable[Diagnosed]) -> str:
    first, *others = sorted({each.case.batch for each in shown})
    if not others:
        return f"batch {first}"
    return f"filled at batch {first}, hollow at batch {', '.join(map(str, others))}"


def _spans(shown: Sequence[Diagnosed], roof: Roof) -> tuple[Span, Span]:
    """The axes: they hold every point and the ridge."""
    intensities = [roof.ridge, *(each.net.intensity for each in shown)]
    rates = [each.net.macs_per_s for each in shown]
    top = max(roof.macs_per_s, *rates) * _ROOM_ABOVE
    across = Span("MACs a byte moved", NUMBER_TICK, min(intensities) / _ROOM, max(intensities) * _ROOM)
    return across, Span("MACs a second", TICKS[metrics.COUNT], min(rates) / _ROOM, top)


def _roofs(shown: Sequence[Diagnosed], roof: Roof) -> list[tuple[float, float]]:
    """From where the slanting roof enters the plot, over the ridge, to its right edge."""
    across, up = _spans(shown, roof)
    start = max(across.low, up.low / roof.bytes_per_s)
    return [(x, roof.attainable(x)) for x in (start, roof.ridge, across.high)]


def _names_of(roof: Roof) -> tuple[str, ...]:
    return (
        f"flat roof: matrix product, {format_count(roof.macs_per_s)} MACs/s",
        f"slanting roof: copy, {format_bytes(roof.bytes_per_s)}/s",
    )


def _spot(each: Diagnosed, *, is_first: bool) -> ScatterPoint:
    """Names of the same net at other batches would only repeat it."""
    name = f"{single_line(each.case.model.name)}, batch {each.case.batch}"
    rate = f"{format_count(each.net.macs_per_s)} MACs/s, {each.net.intensity:.3g} MACs a byte"
    reached = f"{format_percent(each.diagnosis.reached_ratio, digits=0)} of the ceilings"
    return ScatterPoint(
        name=each.case.model.name,
        group=palette.group_of_model(each.case.model),
        x=each.net.intensity,
        y=each.net.macs_per_s,
        told=f"{name}\n{rate}: {reached}\n{each.diagnosis}",
        is_hollow=not is_first,
        is_named=is_first,
    )


# Why is it slow: nets whose order by multiply-accumulates is not their order by latency, and what bounds each.


def why_slow(report_data: ReportData) -> Section:
    """The pairs, then the diagnoses of the run's nets."""
    why = report_data.why
    tables = (why.pairs, why.diagnoses) if why.found else (why.pairs,)
    return Section(
        key="why-slow",
        title="Why is a net with fewer MACs not faster?",
        missing="No two nets can be compared: `python -m zoobench run --preset quick` measures nine.",
        answer=(*of_settings(report_data.view, order), *why.sentences, *(() if why.found else (LACKING,)))
        if why.sentences
        else (),
        tables=tables if why.sentences else (),
        charts=(*order_charts(report_data.view, why.setting), *roofline_charts(why.found)) if why.sentences else (),
        method=METHOD if why.found and why.sentences else "",
    )
