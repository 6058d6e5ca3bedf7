"""The charts of the Reproduction section: each is made from a run's records alone, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from zoobench.papers.claims import shufflenet_speed_up
from zoobench.papers.time_shares import collect_time_shares
from zoobench.papers.verdict import judge_all
from zoobench.records import CaseRecord
from zoobench.reports.charts.printed import printed_against_found
from zoobench.reports.charts.speed_up import theoretical_against_actual
from zoobench.reports.charts.time_share import time_share_by_kind

Records = Sequence[CaseRecord]


class PaperChart(NamedTuple):
    """A chart to be, as `zoobench.reports.charts.Chart`, but made from records."""

    key: str
    title: str
    alt: str
    build: Callable[[Records], Figure | None]
    missing: str


_SUITE = "`pytest suites/bench_papers.py --benchmark-only` measures it"


def _printed_against_found(records: Records) -> Figure | None:
    return printed_against_found(judge_all(records))


def _theoretical_against_actual(records: Records) -> Figure | None:
    return theoretical_against_actual(shufflenet_speed_up(records))


def _time_share_by_kind(records: Records) -> Figure | None:
    return time_share_by_kind(collect_time_shares(records))


PAPER_CHARTS = (
    PaperChart(
        "printed_against_found",
        "Printed figures against what was counted",
        "Scatter plots, both axes logarithmic: the printed figure across, what was counted up, a point a figure; "
        "what is off the diagonal is named.",
        _printed_against_found,
        f"no net of the papers was counted: {_SUITE}",
    ),
    PaperChart(
        "theoretical_against_actual",
        "ShuffleNet Table 8: theoretical against actual speed-up over AlexNet",
        "Scatter plots, both axes logarithmic, a panel a size of pictures: the ratio of MACs across, of latencies up; "
        "measured here and, hollow, printed for an ARM core.",
        _theoretical_against_actual,
        f"no net of ShuffleNet Table 8 was measured beside AlexNet on one thread: {_SUITE}",
    ),
    PaperChart(
        "time_share_by_kind",
        "Share of time against share of MACs, by kind of layer",
        "Paired bars of 100 %: where a net's MACs are, and where its time goes, by kind of layer.",
        _time_share_by_kind,
        f"no compared net has layers and time by kind: {_SUITE}",
    ),
)
