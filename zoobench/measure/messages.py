"""What a worker sends while it works, and the accumulator that keeps it by kind. It imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Self, assert_never

import msgspec

from zoobench.cases import Budget, Case
from zoobench.records import (
    Breakdown,
    CaseRecord,
    Ceiling,
    Environment,
    Failure,
    Finding,
    Layer,
    Measurement,
    Unavailable,
)


class KnownFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker need not measure: metrics that earlier cases found, and the machine's speed when it was quiet.

    `reference_s` is the shortest time of the speed probe on the case's threads (`zoobench.stats.interference`).
    """

    metrics: frozenset[str] = frozenset()
    reference_s: float | None = None


class Step(msgspec.Struct, frozen=True):
    """The worker begins this step. If it dies, the last step is where."""

    name: str


class InCalls(msgspec.Struct, frozen=True):
    """Seconds spent inside calls of the model, in total."""

    total_s: float


class Settings(msgspec.Struct, frozen=True):
    """Settings as the live process has them when measuring begins."""

    values: dict[str, str]


class MachineFacts(msgspec.Struct, frozen=True):
    """Facts of the machine that a check of `zoobench doctor` found, by name."""

    values: dict[str, str]


class FreeMemory(msgspec.Struct, frozen=True):
    """Bytes that a call on the device may allocate; None where it is not known."""

    size_bytes: int | None


WorkerMessage = (
    Measurement
    | Unavailable
    | Breakdown
    | Layer
    | Finding
    | Failure
    | Step
    | InCalls
    | Settings
    | MachineFacts
    | FreeMemory
    | Environment
    | Ceiling
)
Emit = Callable[[WorkerMessage], None]


class WorkerResults(msgspec.Struct, kw_only=True):
    """The messages of one worker, by kind, in the order in which they came."""

    measurements: list[Measurement] = []
    unavailable: list[Unavailable] = []
    breakdowns: list[Breakdown] = []
    layers: list[Layer] = []
    findings: list[Finding] = []
    failures: list[Failure] = []
    ceilings: list[Ceiling] = []
    settings: dict[str, str] = {}
    facts: dict[str, str] = {}
    step: str = ""
    in_calls_s: float = 0.0
    environment: Environment | None = None
    free_memory_bytes: int | None = None

    @classmethod
    def of(cls, messages: Iterable[WorkerMessage]) -> Self:
        """The results of these messages."""
        results = cls()
        for message in messages:
            results.add(message)
        return results

    def add(self, message: WorkerMessage) -> None:  # noqa: C901, PLR0912 - a case a kind of message
        """Keep one message."""
        match message:
            case Measurement():
                self.measurements.append(message)
            case Unavailable():
                self.unavailable.append(message)
            case Breakdown():
                self.breakdowns.append(message)
            case Layer():
                self.layers.append(message)
            case Finding():
                self.findings.append(message)
            case Failure():
                self.failures.append(message)
            case Ceiling():
                self.ceilings.append(message)
            case Settings(values=values):
                self.settings |= values
            case MachineFacts(values=values):
                self.facts |= values
            case Step(name=name):
                self.step = name
            case InCalls(total_s=total_s):
                self.in_calls_s += total_s
            case Environment():
                self.environment = message
            case FreeMemory(size_bytes=size_bytes):
                self.free_memory_bytes = size_bytes
            case _:
                assert_never(message)

    def extend(self, later: WorkerResults) -> None:
        """Add what another worker sent after this one."""
        for kind in ("measurements", "unavailable", "breakdowns", "layers", "findings", "failures", "ceilings"):
            getattr(self, kind).extend(getattr(later, kind))
        self.settings |= later.settings
        self.facts |= later.facts
        self.step = later.step or self.step
        self.in_calls_s += later.in_calls_s

    @property
    def metrics(self) -> frozenset[str]:
        """Metrics that were measured, or of which it is known why they are unavailable."""
        return frozenset([each.metric for each in self.measurements] + [each.metric for each in self.unavailable])

    def measurement(self, metric: str) -> Measurement | None:
        """The measurement of a metric."""
        return next((each for each in self.measurements if each.metric == metric), None)


def assemble(
    case: Case,
    budget: Budget,
    results: WorkerResults,
    *,
    started_at: str,
    duration_s: float,
    is_planned: bool = False,
) -> CaseRecord:
    """The record of a case from all that was measured of it. The last failure is the case's."""
    return CaseRecord(
        case=case,
        budget=budget,
        started_at=started_at,
        duration_s=round(duration_s, 3),
        in_calls_s=round(results.in_calls_s, 3),
        measurements=tuple(results.measurements),
        unavailable=tuple(results.unavailable),
        findings=tuple(results.findings),
        failure=results.failures[-1] if results.failures else None,
        breakdowns=tuple(results.breakdowns),
        layers=tuple(results.layers),
        is_planned=is_planned,
        settings=results.settings,
    )
