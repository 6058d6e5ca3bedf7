"""What a run's records say of the nets that a claim speaks of, all called alike; and in words, what they do not say."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence

import msgspec

from zoobench.cases import Case, Mode, ModelRef, unusual_axes
from zoobench.papers import timed
from zoobench.papers.found import Counted, Net, collect_counted
from zoobench.papers.timed import Conditions
from zoobench.records import Breakdown, CaseRecord, LayerKind, Measurement, Severity
from zoobench.records.metrics import LATENCY
from zoobench.stats.estimates import CONFIDENCE, Summary
from zoobench.stats.summaries import summary_of

# A paper's claim and what a run says of it, as data: numbers found beside numbers printed.


class Scale(enum.StrEnum):
    """What a comparison's numbers are: so many times another, a share of a whole, a rank correlation from -1 to 1."""

    TIMES = "times"
    SHARE = "share"
    CORRELATION = "correlation"


class PaperComparison(msgspec.Struct, frozen=True, kw_only=True):
    """One number found beside the one printed; either may be missing.

    `lack` says what the run did not measure of it. `net` is what was measured where `workload`, the paper's own words,
    stands for one net.
    """

    workload: str
    quantity: str
    scale: Scale
    printed: float | None = None
    found: Interval | None = None
    lack: str = ""
    note: str = ""
    net: Net | None = None


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a paper claims, and everything a run has to say on it.

    `setting` is how the times were taken, empty if none were.
    """

    key: str
    title: str
    source: str
    statement: str
    setting: str
    comparisons: tuple[PaperComparison, ...]
    notes: tuple[str, ...] = ()

    def of(self, quantity: str) -> tuple[PaperComparison, ...]:
        """Its comparisons of that quantity."""
        return tuple(comparison for comparison in self.comparisons if comparison.quantity == quantity)

    @property
    def is_complete(self) -> bool:
        """Whether the run measured all that the claim needs."""
        return not any(comparison.lack for comparison in self.comparisons)

    @property
    def is_measured(self) -> bool:
        """Whether the run says anything on it."""
        return any(comparison.found for comparison in self.comparisons)


OPERATOR_TIME = "operator_time"
BY_KIND = "kind"

_MOST_NAMES = 4


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """A value found, with its ends where it is not exact and the samples were enough."""

    value: float
    low: float | None = None
    high: float | None = None


class ClaimEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """The records of a claim's nets under its conditions, in one setting; `setting` is empty if none was called so."""

    conditions: Conditions
    setting: str
    records: dict[Net, CaseRecord]

    def latency(self, net: Net) -> Measurement | None:
        """Its time of a call, None if it was not measured."""
        record = self.records.get(net)
        return record.measurement(LATENCY) if record else None

    def median(self, net: Net) -> float | None:
        """Seconds of a call."""
        latency = self.latency(net)
        return summary_of(latency).median if latency else None

    def speed_up(self, net: Net, reference: Net) -> Interval | None:
        """How many times faster than `reference` the net is."""
        above, below = self.latency(reference), self.latency(net)
        return ratio_of_medians(above, below) if above and below else None

    def time_by_kind(self, net: Net) -> dict[str, float]:
        """Seconds of a call by kind of layer, and between its operators."""
        record = self.records.get(net)
        return {} if record is None else next(map(_values, filter(_is_time_by_kind, record.breakdowns)), {})

    def lack(self, *nets: Net) -> str:
        """Which of the nets has no latency here, and why; empty if all have one."""
        lacking = [net for net in nets if not self.latency(net)]
        failed = [text for net in lacking if (text := self._failure_of(net))]
        absent = [str(net) for net in lacking if not self._failure_of(net)]
        missing = [f"{_listed(absent)} ({describe_conditions(self.conditions)})"] if absent else []
        return f"not measured: {'; '.join([*failed, *missing])}" if lacking else ""

    def doubt(self, *nets: Net) -> str:
        """Which of the nets were measured with a warning, and which; empty if none."""
        codes = {net: self._warnings_of(net) for net in nets}
        warned = [f"{net} ({', '.join(of_net)})" for net, of_net in codes.items() if of_net]
        return f"measured with warnings: {_listed(warned)}" if warned else ""

    def _warnings_of(self, net: Net) -> list[str]:
        findings = self.records[net].findings if self.latency(net) else ()
        return [finding.code for finding in findings if finding.severity is Severity.WARNING]

    def _failure_of(self, net: Net) -> str:
        record = self.records.get(net)
        failure = record.failure if record else None
        return f"{net} failed ({failure.kind.value}: {failure.message})" if failure else ""


def collect_evidence(records: Iterable[CaseRecord], conditions: Conditions, nets: Iterable[Net]) -> ClaimEvidence:
    """The records of these nets in the setting that has the most latencies of them; the first such, if several.

    Latencies of two devices, memory formats or numbers of threads are never put beside each other.
    """
    wanted = set(nets)
    settings: dict[str, dict[Net, CaseRecord]] = {}
    for record in records:
        net = Net(record.case.model, record.case.resolution)
        if net in wanted and conditions.fit(record.case):
            settings.setdefault(_describe_setting(record.case), {}).setdefault(net, record)
    setting, found = max(settings.items(), key=_measured, default=("", {}))
    return ClaimEvidence(conditions=conditions, setting=setting, records=found)


def ratio_of_medians(numerator: Measurement, denominator: Measurement) -> Interval | None:
    """A ratio of two medians, None where the lower one is zero.

    Each median's interval is taken at half the risk, so that both hold, and with them the ratio's, with at least the
    confidence of `zoobench.stats.estimates` (Bonferroni).
    """
    above, below = (summary_of(term, 1 - (1 - CONFIDENCE) / 2) for term in (numerator, denominator))
    return None if below.median <= 0 else _quotient(above, below)


def facts_of(records: Iterable[CaseRecord], metric: str, nets: Iterable[Net]) -> dict[Net, float]:
    """A fact of these nets, from whichever of their cases has it; a model of which none does is left out."""
    wanted = set(nets)
    facts: dict[Net, float] = {}
    for record in records:
        net = Net(record.case.model, record.case.resolution)
        measurement = record.measurement(metric) if net in wanted and net not in facts else None
        if measurement is not None:
            facts[net] = measurement.samples[0]
    return facts


def parameters_of(records: Iterable[CaseRecord], model: ModelRef) -> float | None:
    """They are the same at every size of images."""
    measurements = (record.measurement("parameters") for record in records if record.case.model == model)
    return next((measurement.samples[0] for measurement in measurements if measurement), None)


def shares(values: dict[str, float]) -> dict[str, float]:
    """Each value over their sum; none if there is nothing to divide."""
    total = sum(values.values())
    return {key: value / total for key, value in values.items()} if total > 0 else {}


def macs_by_kind(counted: Counted) -> dict[str, float]:
    """Multiply-accumulates of each kind of layer that has any."""
    return {kind: macs for kind in LayerKind if (macs := counted.of_kind(kind).macs)}


def weights_by_kind(counted: Counted) -> dict[str, float]:
    """Elements of the weights of each kind of layer that has any, without biases and batch norm."""
    return {kind: weights for kind in LayerKind if (weights := counted.of_kind(kind).weights)}


def describe_conditions(conditions: Conditions) -> str:
    """`inference, batch 1, fp32, 1 thread`."""
    mode = {Mode.INFER: "inference", Mode.TRAIN: "training"}[conditions.mode]
    threads = "" if conditions.threads is None else f", {_count(conditions.threads)}"
    return f"{mode}, batch {conditions.batch}, fp32{threads}"


def _describe_setting(case: Case) -> str:
    """`inference, batch 1, fp32, 1 thread, cpu`, and those other axes that are not as they are by default."""
    conditions = describe_conditions(Conditions(case.mode, case.batch, case.threads))
    unusual = [text for text in unusual_axes(case) if text != case.device]
    return ", ".join([conditions, case.device, *unusual])


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - _MOST_NAMES
    return ", ".join(names) if rest <= 1 else f"{', '.join(names[:_MOST_NAMES])} and {rest} more"


def _count(threads: int) -> str:
    return "1 thread" if threads == 1 else f"{threads} threads"


def _measured(setting: tuple[str, dict[Net, CaseRecord]]) -> int:
    return sum(record.measurement(LATENCY) is not None for record in setting[1].values())


def _quotient(above: Summary, below: Summary) -> Interval:
    value = above.median / below.median
    if above.low is None or above.high is None or below.low is None or below.high is None or below.low <= 0:
        return Interval(value=value)
    return Interval(value=value, low=above.low / below.high, high=above.high / below.low)


def _is_time_by_kind(breakdown: Breakdown) -> bool:
    return (breakdown.metric, breakdown.by) == (OPERATOR_TIME, BY_KIND)


def _values(breakdown: Breakdown) -> dict[str, float]:
    return breakdown.values


# Where nets spend their time and where their multiply-accumulates are, by kind of layer, beside each other.


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
