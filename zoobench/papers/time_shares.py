"""Where nets spend their time and where their multiply-accumulates are, by kind of layer, beside each other."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from zoobench.cases import Mode
from zoobench.papers import timed
from zoobench.papers.evidence import collect_evidence, macs_by_kind, shares
from zoobench.papers.found import Counted, Net, collect_counted
from zoobench.papers.timed import Conditions
from zoobench.records import CaseRecord

_ONE_IMAGE = Conditions(Mode.INFER, 1, None)


class NetShares(msgspec.Struct, frozen=True, kw_only=True):
    """Shares by kind of layer: of one image's multiply-accumulates, and of a call's time."""

    net: Net
    macs: dict[str, float]
    time: dict[str, float]


class TimeShares(msgspec.Struct, frozen=True, kw_only=True):
    """Every compared net of which a run knows both; `setting` is how they were called."""

    setting: str
    nets: tuple[NetShares, ...]


def collect_time_shares(records: Sequence[CaseRecord]) -> TimeShares:
    """Of one net of each compared family, AlexNet and ResNet, in the order of `timed.BROKEN_DOWN`."""
    evidence = collect_evidence(records, _ONE_IMAGE, timed.BROKEN_DOWN)
    counted = collect_counted(records)
    found = (
        NetShares(
            net=net,
            macs=shares(macs_by_kind(counted.get(net, Counted(())))),
            time=shares(evidence.time_by_kind(net)),
        )
        for net in timed.BROKEN_DOWN
    )
    return TimeShares(setting=evidence.setting, nets=tuple(each for each in found if each.macs and each.time))
