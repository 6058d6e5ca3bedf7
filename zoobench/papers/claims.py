"""The papers' claims on speed, held against a run: ratios and orders on the machine at hand, beside the printed ones.

Times in papers are of other machines, so no time is compared with a printed one: only what a net's time is to another
net's on the same machine. What a run did not measure is said in the claim, never left out.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from zoobench.kinds import LayerKind
from zoobench.papers import timed
from zoobench.papers.comparison import Claim, Comparison, Scale
from zoobench.papers.evidence import (
    Evidence,
    Interval,
    collect_evidence,
    facts_of,
    macs_by_kind,
    parameters_of,
    shares,
    weights_by_kind,
)
from zoobench.papers.experiments import ALEXNET_2012, MOBILENET_V1, NETS, SQUEEZENET
from zoobench.papers.found import Counted, Net, collect_counted
from zoobench.papers.orders import mobilenet_v2_order, shufflenet_v2_order
from zoobench.papers.printed_table import PERCENT, PrintedTable
from zoobench.records import CaseRecord
from zoobench.units import format_percent

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
        _Row(name, Net(NETS["ShuffleNet V1"][name].model, picture), Net(timed.ALEXNET, picture))
        for name, picture in itertools.product(timed.SPED_UP, timed.RESOLUTIONS)
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
    comparison = Comparison(
        subject="Xception ÷ Inception v3",
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
    ratio = Comparison(
        subject="AlexNet ÷ SqueezeNet v1.0",
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


def _printed_accuracies(table: PrintedTable, models: Iterable[str]) -> Iterable[Comparison]:
    for metric, model in itertools.product(("top1_accuracy", "top5_accuracy"), models):
        yield Comparison(
            subject=model,
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
    def subject(self) -> str:
        return f"{self.name}, {self.net.picture}"


def _theoretical(row: _Row, table: PrintedTable, macs: Mapping[Net, float]) -> Comparison:
    printed, size = table.values("macs"), str(row.net.picture)
    own, of_alexnet = macs.get(row.net), macs.get(row.alexnet)
    lacking = [str(net) for net in (row.net, row.alexnet) if not macs.get(net)]
    return Comparison(
        subject=row.subject,
        quantity=THEORETICAL,
        scale=Scale.TIMES,
        printed=printed["AlexNet", size] / printed[row.name, size] if (row.name, size) in printed else None,
        found=Interval(value=of_alexnet / own) if own and of_alexnet else None,
        lack=f"not measured: MACs of {' and '.join(lacking)}" if lacking else "",
        net=row.net,
    )


def _actual(row: _Row, table: PrintedTable, evidence: Evidence) -> Comparison:
    printed, size = table.values("inference_time"), str(row.net.picture)
    return Comparison(
        subject=row.subject,
        quantity=ACTUAL,
        scale=Scale.TIMES,
        printed=printed["AlexNet", size] / printed[row.name, size],
        found=evidence.speed_up(row.net, row.alexnet),
        lack=evidence.lack(row.net, row.alexnet),
        note=evidence.doubt(row.net, row.alexnet),
        net=row.net,
    )


def _shares_by_kind(of: str, found: dict[str, float], printed: dict[str, float]) -> Iterable[Comparison]:
    """The table's rows, then whatever else has a share; a kind that nothing was seen of has none of the whole."""
    for kind in dict.fromkeys([*_TABLE_2_ROWS, *found]):
        subject = _TABLE_2_ROWS.get(kind, kind)
        yield Comparison(
            subject=subject,
            quantity=f"share of {of}",
            scale=Scale.SHARE,
            printed=printed.get(subject),
            found=Interval(value=found.get(kind, 0.0)) if found else None,
            lack="" if found else f"not measured: {of} by kind of layer of {MOBILENET_V1}",
        )
