"""What a worker is told and tells while it measures a case, and how a record is put together from it. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec

from zoobench.cases import Budget, Case
from zoobench.records import Breakdown, CaseRecord, Failure, Finding, Layer, Measurement, Unavailable


class KnownFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What earlier cases of the run leave to a worker: metrics found already, and the machine's pace when quiet.

    `reference_s` is what the device's fixed computation takes on the case's threads (`zoobench.stats.interference`).
    """

    metrics: frozenset[str] = frozenset()
    reference_s: float | None = None


class Step(msgspec.Struct, frozen=True):
    """What the worker begins to do now; where it is, should it die."""

    name: str


class InCalls(msgspec.Struct, frozen=True):
    """Seconds spent inside calls of the model, in all."""

    total_s: float


class Settings(msgspec.Struct, frozen=True):
    """Settings as the live process has them when measuring begins."""

    values: dict[str, str]


WorkerMessage = Measurement | Unavailable | Breakdown | Layer | Finding | Failure | Step | InCalls | Settings
Emit = Callable[[WorkerMessage], None]


def assemble(
    case: Case,
    budget: Budget,
    parts: Sequence[object],
    *,
    started_at: str,
    duration_s: float,
    is_planned: bool = False,
) -> CaseRecord:
    """The record of a case from all that was told about it. The last failure is the case's."""
    failures = of_kind(parts, Failure)
    return CaseRecord(
        case=case,
        budget=budget,
        started_at=started_at,
        duration_s=round(duration_s, 3),
        in_calls_s=round(sum(part.total_s for part in of_kind(parts, InCalls)), 3),
        measurements=tuple(of_kind(parts, Measurement)),
        unavailable=tuple(of_kind(parts, Unavailable)),
        findings=tuple(of_kind(parts, Finding)),
        failure=failures[-1] if failures else None,
        breakdowns=tuple(of_kind(parts, Breakdown)),
        layers=tuple(of_kind(parts, Layer)),
        is_planned=is_planned,
        settings={name: value for part in of_kind(parts, Settings) for name, value in part.values.items()},
    )


AnyMessage = TypeVar("AnyMessage")


def of_kind(parts: Iterable[object], kind: type[AnyMessage]) -> list[AnyMessage]:
    """Those of them."""
    return [part for part in parts if isinstance(part, kind)]
