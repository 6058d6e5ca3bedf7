"""The papers' claims on speed, held against a run: ratios and orders on the machine at hand, beside the printed ones.

Times in papers are of other machines, so no time is compared with a printed one: only what a net's time is to another
net's on the same machine. What a run did not measure is said in the claim, never left out.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from zoobench.cases import format_percent
from zoobench.papers import timed
from zoobench.papers.evidence import (
    Claim,
    ClaimEvidence,
    Interval,
    PaperComparison,
    Scale,
    collect_evidence,
    facts_of,
    macs_by_kind,
    parameters_of,
    shares,
    weights_by_kind,
)
from zoobench.papers.experiments import ALEXNET_2012, MOBILENET_V1, NETS, SQUEEZENET
from zoobench.papers.found import Counted, Net, collect_counted
from zoobench.papers.published import PERCENT, PrintedTable
from zoobench.papers.timed import Conditions
from zoobench.records import CaseRecord, LayerKind

# Whether two lists put the same things in the same order.


FEWEST = 3
"""Two things are in one order or the other: that says nothing."""


class Agreement(msgspec.Struct, frozen=True, kw_only=True):
    """Rank correlations of `n` pairs: 1 is the same order, -1 the opposite one.

    `kendall_p` is the two-sided probability of a tau at least as far from 0 if every order were equally likely: counted
    out where no value occurs twice (`is_exact`), else by the normal distribution. `furthest` is the place, in the lists
    given, of the pair whose ranks are furthest apart, None if the ranks are all the same.
    """

    n: int
    spearman: float
    kendall: float
    kendall_p: float
    is_exact: bool
    furthest: int | None


def rank_agreement(first: Sequence[float], second: Sequence[float]) -> Agreement | None:
    """Spearman's rho and Kendall's tau-b, as in `scipy.stats`; equal values share their mean rank.

    None for fewer than three pairs, and for a list of equal values, which has no order.
    """
    if len(first) < FEWEST or min(len(set(first)), len(set(second))) == 1:
        return None
    from scipy import stats  # noqa: PLC0415  a report without claims need not wait for it

    is_exact = len(set(first)) == len(set(second)) == len(first)
    tau = stats.kendalltau(first, second, method="exact" if is_exact else "asymptotic")
    apart = abs(stats.rankdata(first) - stats.rankdata(second))
    return Agreement(
        n=len(first),
        spearman=float(stats.spearmanr(first, second).statistic),
        kendall=float(tau.statistic),
        kendall_p=float(tau.pvalue),
        is_exact=is_exact,
        furthest=int(apart.argmax()) if apart.any() else None,
    )


# Claims on order: whether nets stand in the same order by time here as on the paper's machine.


_SPEARMAN = "Spearman's rho"
_KENDALL = "Kendall's tau"


class _Column(NamedTuple):
    """A printed column of times (`is_time`) or of speeds, and how its nets are called here."""

    metric: str
    quantity: str
    conditions: Conditions
    is_time: bool


def mobilenet_v2_order(records: Sequence[CaseRecord]) -> Claim:
    """MobileNetV2 Table 4: the order of the nets by time on one core."""
    column = _Column("cpu_time", "order by time on a Pixel 1's core", timed.ONE_THREAD, is_time=True)
    return _order("mobilenet-v2-order", PrintedTable("MobileNetV2", "Table 4"), (column,), records)


def shufflenet_v2_order(records: Sequence[CaseRecord]) -> Claim:
    """ShuffleNetV2 Table 8: the order of the nets by speed on an ARM core and on a GPU."""
    columns = (
        _Column("arm_speed", "order by time on a Snapdragon 810's core", timed.ONE_THREAD, is_time=False),
        _Column("gpu_speed", "order by time on a GTX 1080 Ti, batch 8", timed.BATCH_OF_8, is_time=False),
    )
    return _order("shufflenet-v2-order", PrintedTable("ShuffleNetV2", "Table 8"), columns, records)


def _order(key: str, table: PrintedTable, columns: Iterable[_Column], records: Sequence[CaseRecord]) -> Claim:
    settings: dict[str, None] = {}
    comparisons: list[PaperComparison] = []
    left_out: dict[str, str] = {}
    for column in columns:
        nets = timed.timed_rows(table.paper, column.metric)
        evidence = collect_evidence(records, column.conditions, nets.values())
        settings[evidence.setting] = None
        comparisons += _correlations(column, evidence, nets, _printed_times(table, column))
        left_out |= timed.rows_left_out(table.paper, column.metric)
    return Claim(
        key=key,
        title=f"{table.paper}: the order of the nets by time",
        source=table.source,
        statement="The nets' order by their printed times, held against their order by time here (1: the same).",
        setting="; ".join(filter(None, settings)),
        comparisons=tuple(comparisons),
        notes=tuple(_by_reason(left_out)),
    )


def _printed_times(table: PrintedTable, column: _Column) -> dict[str, float]:
    """In any unit, since only their order counts: a speed's time is its inverse."""
    values = table.values(column.metric)
    return {model: value if column.is_time else 1 / value for (model, _), value in values.items()}


def _correlations(
    column: _Column, evidence: ClaimEvidence, nets: dict[str, Net], printed: dict[str, float]
) -> Iterable[PaperComparison]:
    latencies = {row: median for row, net in nets.items() if (median := evidence.median(net)) is not None}
    rows, lack = list(latencies), evidence.lack(*nets.values())
    agreement = rank_agreement(list(latencies.values()), [printed[row] for row in rows])
    rho, tau, about, chance = None, None, "", ""
    if agreement is not None:
        rho, tau = Interval(value=agreement.spearman), Interval(value=agreement.kendall)
        about = "; ".join(filter(None, (_about_text(agreement, rows), evidence.doubt(*nets.values()))))
        chance = _p_text(agreement)
    for workload, found, note in ((_SPEARMAN, rho, about), (_KENDALL, tau, chance)):
        yield PaperComparison(
            workload=workload,
            quantity=column.quantity,
            scale=Scale.CORRELATION,
            found=found,
            lack="" if note and workload == _KENDALL else lack,
            note=note,
        )


def _about_text(agreement: Agreement, rows: list[str]) -> str:
    if agreement.furthest is None:
        return f"{agreement.n} nets, each in its printed place"
    return f"{agreement.n} nets; furthest from its printed place: {rows[agreement.furthest]}"


def _p_text(agreement: Agreement) -> str:
    how = "exact" if agreement.is_exact else "normal approximation, since values are tied"
    return f"p = {agreement.kendall_p:.2g} if any order were as likely ({how}, two-sided)"


def _by_reason(left_out: dict[str, str]) -> Iterable[str]:
    """A sentence a reason, with the rows it holds for."""
    rows: dict[str, list[str]] = {}
    for row, reason in left_out.items():
        rows.setdefault(reason, []).append(row)
    return (f"Left out, {reason}: {', '.join(of_reason)}." for reason, of_reason in rows.items())


_TABLE_2_ROWS: dict[str, str] = {
    LayerKind.POINTWISE: "Conv 1x1",
    LayerKind.DEPTHWISE: "Conv DW 3x3",
    LayerKind.CONVOLUTION: "Conv 3x3",
    LayerKind.FULLY_CONNECTED: "Fully Connected",
}
"""Of MobileNet Table 2."""

_UNCOMPRESSED = "none, 32 bit"
"""Rows of SqueezeNet Table 2."""

THEORETICAL = "theoretical speed-up over AlexNet"
ACTUAL = "actual speed-up over AlexNet"


def judge_claims(records: Sequence[CaseRecord]) -> tuple[Claim, ...]:
    """Every claim, by the records of one run."""
    return (
        shufflenet_speed_up(records),
        xception_steps(records),
        mobilenet_by_kind(records),
        squeezenet_parameters(records),
        mobilenet_v2_order(records),
        shufflenet_v2_order(records),
    )


def shufflenet_speed_up(records: Sequence[CaseRecord]) -> Claim:
    """ShuffleNet Table 8: fewer multiply-accumulates than AlexNet's, and how much of that becomes speed."""
    table = PrintedTable("ShuffleNet V1", "Table 8")
    rows = [
        _Row(name, Net(NETS["ShuffleNet V1"][name].model, resolution), Net(timed.ALEXNET, resolution))
        for name, resolution in itertools.product(timed.SPED_UP, timed.RESOLUTIONS)
    ]
    nets = [net for row in rows for net in (row.net, row.alexnet)]
    evidence, macs = collect_evidence(records, timed.ONE_THREAD, nets), facts_of(records, "macs", nets)
    return Claim(
        key="shufflenet-speed-up",
        title="ShuffleNet: theoretical and actual speed-up over AlexNet",
        source=table.source,
        statement="ShuffleNet 0.5x, about as accurate as AlexNet, is faster by most of what it saves in MACs.",
        setting=evidence.setting,
        comparisons=(
            *(_theoretical(row, table, macs) for row in rows),
            *(_actual(row, table, evidence) for row in rows),
        ),
        notes=(
            "AlexNet here is torchvision's, which takes pictures of every size.",
            "Theoretical is the ratio of multiply-accumulates, actual the ratio of latencies.",
            "The printed times are of one thread of a Snapdragon 820.",
        ),
    )


def xception_steps(records: Sequence[CaseRecord]) -> Claim:
    """Xception Table 3: training steps a second of Xception over those of Inception v3."""
    table = PrintedTable("Xception", "Table 3")
    xception, inception = timed.XCEPTION, timed.INCEPTION
    evidence = collect_evidence(records, timed.TRAINING, [xception, inception])
    steps = table.values("training_steps_per_second")
    of_xception, of_inception = steps["Xception", "299"], steps["Inception V3", "299"]
    comparison = PaperComparison(
        workload="Xception ÷ Inception v3",
        quantity="training steps a second",
        scale=Scale.TIMES,
        printed=of_xception / of_inception,
        found=evidence.speed_up(xception, inception),
        lack=evidence.lack(xception, inception),
        note=evidence.doubt(xception, inception),
    )
    return Claim(
        key="xception-training",
        title="Xception: training steps a second beside Inception v3's",
        source=table.source,
        statement=f"Xception trains at {of_xception:g} steps a second where Inception v3 trains at {of_inception:g}.",
        setting=evidence.setting,
        comparisons=(comparison,),
        notes=("The printed figures are of 60 K80s with synchronous gradient descent; their batch is not printed.",),
    )


def mobilenet_by_kind(records: Sequence[CaseRecord]) -> Claim:
    """MobileNet Table 2, with the share of time that each kind of layer takes."""
    table = PrintedTable("MobileNet V1", "Table 2")
    printed = {"MACs": table.by_variant("macs_share"), "parameters": table.by_variant("parameters_share")}
    evidence = collect_evidence(records, timed.ONE_THREAD, [MOBILENET_V1])
    counted = collect_counted(records).get(MOBILENET_V1, Counted(()))
    time = evidence.time_by_kind(MOBILENET_V1)
    amounts = {"MACs": macs_by_kind(counted), "parameters": weights_by_kind(counted), "time": time}
    in_macs, in_parameters = (format_percent(column["Conv 1x1"], digits=0) for column in printed.values())
    return Claim(
        key="mobilenet-by-kind",
        title=f"MobileNet: {in_macs} of computation in 1×1 convolutions",
        source=table.source,
        statement=f"1×1 convolutions have {in_macs} of the MACs and {in_parameters} of the parameters.",
        setting=evidence.setting if time else "",
        comparisons=tuple(
            comparison
            for of, amount in amounts.items()
            for comparison in _shares_by_kind(of, shares(amount), printed.get(of, {}))
        ),
        notes=(
            "Parameters are weights of convolutions and of the classifier, without batch norm and biases.",
            "Time is what torch's profiler saw of each operator; the paper prints none.",
        ),
    )


def squeezenet_parameters(records: Sequence[CaseRecord]) -> Claim:
    """SqueezeNet Table 2: AlexNet's accuracy with 50 times fewer parameters; the accuracies are printed ones."""
    table = PrintedTable("SqueezeNet", "Table 2")
    printed = table.value("size_reduction", "SqueezeNet v1.0", _UNCOMPRESSED)
    alexnet, squeezenet = (parameters_of(records, net.model) for net in (ALEXNET_2012, SQUEEZENET))
    ratio = PaperComparison(
        workload="AlexNet ÷ SqueezeNet v1.0",
        quantity="parameters",
        scale=Scale.TIMES,
        printed=printed,
        found=Interval(value=alexnet / squeezenet) if alexnet and squeezenet else None,
        lack="" if alexnet and squeezenet else "not measured: parameters of alexnet_2012 and squeezenet1_0",
    )
    return Claim(
        key="squeezenet-parameters",
        title=f"SqueezeNet: {printed:g} × fewer parameters than AlexNet at equal accuracy",
        source=table.source,
        statement="SqueezeNet is as accurate as AlexNet and that much smaller before any compression.",
        setting="",
        comparisons=(ratio, *_printed_accuracies(table, ("AlexNet", "SqueezeNet v1.0"))),
        notes=("AlexNet here is the net of 2012, with its grouped convolutions.",),
    )


def _printed_accuracies(table: PrintedTable, models: Iterable[str]) -> Iterable[PaperComparison]:
    for metric, model in itertools.product(("top1_accuracy", "top5_accuracy"), models):
        yield PaperComparison(
            workload=model,
            quantity=f"{metric.partition('_')[0]} accuracy",
            scale=Scale.SHARE,
            printed=table.value(metric, model, _UNCOMPRESSED) / PERCENT,
            note="published, not measured here",
        )


class _Row(NamedTuple):
    """A row of ShuffleNet Table 8, and what it is related to."""

    name: str
    net: Net
    alexnet: Net

    @property
    def workload(self) -> str:
        return f"{self.name}, {self.net.resolution}"


def _theoretical(row: _Row, table: PrintedTable, macs: Mapping[Net, float]) -> PaperComparison:
    printed, size = table.values("macs"), str(row.net.resolution)
    own, of_alexnet = macs.get(row.net), macs.get(row.alexnet)
    lacking = [str(net) for net in (row.net, row.alexnet) if not macs.get(net)]
    return PaperComparison(
        workload=row.workload,
        quantity=THEORETICAL,
        scale=Scale.TIMES,
        printed=printed["AlexNet", size] / printed[row.name, size] if (row.name, size) in printed else None,
        found=Interval(value=of_alexnet / own) if own and of_alexnet else None,
        lack=f"not measured: MACs of {' and '.join(lacking)}" if lacking else "",
        net=row.net,
    )


def _actual(row: _Row, table: PrintedTable, evidence: ClaimEvidence) -> PaperComparison:
    printed, size = table.values("inference_time"), str(row.net.resolution)
    return PaperComparison(
        workload=row.workload,
        quantity=ACTUAL,
        scale=Scale.TIMES,
        printed=printed["AlexNet", size] / printed[row.name, size],
        found=evidence.speed_up(row.net, row.alexnet),
        lack=evidence.lack(row.net, row.alexnet),
        note=evidence.doubt(row.net, row.alexnet),
        net=row.net,
    )


def _shares_by_kind(of: str, found: dict[str, float], printed: dict[str, float]) -> Iterable[PaperComparison]:
    """The table's rows, then whatever else has a share; a kind that nothing was seen of has none of the whole."""
    for kind in dict.fromkeys([*_TABLE_2_ROWS, *found]):
        workload = _TABLE_2_ROWS.get(kind, kind)
        yield PaperComparison(
            workload=workload,
            quantity=f"share of {of}",
            scale=Scale.SHARE,
            printed=printed.get(workload),
            found=Interval(value=found.get(kind, 0.0)) if found else None,
            lack="" if found else f"not measured: {of} by kind of layer of {MOBILENET_V1}",
        )
