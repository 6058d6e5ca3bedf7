"""What a worker is given, what it sends, and the accumulator that keeps it by kind. It imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Self, assert_never

import msgspec

from zoobench.cases import Allocator, Budget, Case, Mode, ModelRef, Precision, catalogue
from zoobench.cases.options import usable_threads
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


PEAK = "peak_allocated"
TRIAL = "trial"
"""The step of a capacity trial in which the call is made, and the metric that it sends."""


class Effort(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds for each check; of the case that is measured again and again, in each of an even number of processes."""

    load_s: float
    product_s: float
    paging_s: float
    pace_s: float
    processes: int
    case_s: float


FULL = Effort(load_s=2.0, product_s=1.0, paging_s=2.0, pace_s=6.0, processes=10, case_s=2.0)
"""With its processes' starts, about 45 s on two quiet cores."""

QUICK = Effort(load_s=0.5, product_s=0.2, paging_s=0.4, pace_s=1.5, processes=6, case_s=0.5)
"""About 15 s."""


EXAMPLE = ModelRef("torchvision", "squeezenet1_1")
"""Small enough to be built and called in no time, large enough to page: its first activations are 3 MiB an image."""


def example_case(
    device_name: str, *, batch: int = 1, threads: int | None = None, allocator: Allocator = Allocator.RETAINED
) -> Case:
    """Inference of the example on that device, on all threads that this process may use unless it is said."""
    return Case(
        model=EXAMPLE,
        mode=Mode.INFER,
        batch=batch,
        image_size=catalogue.entry_of(EXAMPLE).image_size,
        precision=Precision.FP32,
        device=device_name,
        threads=threads or usable_threads(),
        allocator=allocator,
    )


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
