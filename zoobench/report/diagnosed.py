"""The cases of a run that can be diagnosed: those whose layers' times, and whose machine's ceilings, were measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from zoobench.cases import Case, ModelRef, setting_of
from zoobench.papers.found import Counted, Net, collect_counted
from zoobench.records import CaseRecord, Ceiling, Layer
from zoobench.records.store import StoredRun
from zoobench.stats.diagnosis import Diagnosis, diagnose_case
from zoobench.stats.roofline import Roof, RooflinePoint, points_of, roof_of, whole


class Diagnosed(NamedTuple):
    """A case with its roof and its diagnosis; `net` is the whole call as one point."""

    record: CaseRecord
    layers: tuple[Layer, ...]
    roof: Roof
    net: RooflinePoint
    diagnosis: Diagnosis

    @property
    def case(self) -> Case:
        """What was measured."""
        return self.record.case

    @property
    def points(self) -> tuple[RooflinePoint, ...]:
        """A point for each layer; made when asked for, since a run has a hundred thousand."""
        return points_of(self.record, self.layers)


def collect_diagnosed(stored: StoredRun) -> tuple[Diagnosed, ...]:
    """Every case of the run that can be diagnosed, in the order of the records."""
    ceilings = stored.run.environment.ceilings
    if not ceilings:
        return ()
    counted = collect_counted(stored.records)
    found = []
    for record in stored.records:
        layers = counted.get(Net(record.case.model, record.case.resolution), Counted(())).layers
        if (each := diagnosed(record, layers, ceilings)) is not None:
            found.append(each)
    return tuple(found)


def diagnosed(record: CaseRecord, layers: tuple[Layer, ...], ceilings: Sequence[Ceiling]) -> Diagnosed | None:
    """The case with its diagnosis, where its layers' times and its device's ceilings are known."""
    diagnosis, roof = diagnose_case(record, layers, ceilings), roof_of(ceilings, record.case)
    if diagnosis is None or roof is None:
        return None
    return Diagnosed(record, layers, roof, whole(points_of(record, layers), diagnosis.latency_s), diagnosis)


def diagnosed_run(runs: Sequence[StoredRun]) -> StoredRun | None:
    """The newest run that has ceilings and times of layers, or else the newest; one machine is explained at a time."""
    return max(runs, key=lambda stored: (_can_be_diagnosed(stored), stored.run.run_id), default=None)


def called_alike(found: Iterable[Diagnosed], batch: int, precision: str) -> tuple[Diagnosed, ...]:
    """Those at this batch and precision in the setting that most of them were measured in; one a model.

    Planned cases, which are called as some paper did, only where there are no others.
    """
    fitting = [each for each in found if (each.case.batch, each.case.precision) == (batch, precision)]
    fitting = [each for each in fitting if not each.record.is_planned] or fitting
    settings = Counter(setting_of(each.case) for each in fitting)
    if not settings:
        return ()
    common, _ = settings.most_common(1)[0]
    models: dict[ModelRef, Diagnosed] = {}
    for each in fitting:
        if setting_of(each.case) == common:
            models.setdefault(each.case.model, each)
    return tuple(models.values())


def under_one_roof(found: Iterable[Diagnosed], precision: str) -> tuple[Diagnosed, ...]:
    """Every batch at this precision, the smallest first, as `called_alike` has it; of whole nets that compute at all.

    All are under the roof of the first: one of another device, or of other threads, is left out.
    """
    known = [each for each in found if each.case.precision == precision and each.net.macs > 0]
    batches = sorted({each.case.batch for each in known})
    shown = [each for batch in batches for each in called_alike(known, batch, precision)]
    return tuple(each for each in shown if each.roof == shown[0].roof)


def _can_be_diagnosed(stored: StoredRun) -> bool:
    has_times = any(each.by == "layer" for record in stored.records for each in record.breakdowns)
    return bool(stored.run.environment.ceilings) and has_times
