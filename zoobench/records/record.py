"""What came out of a measurement: frozen records, raw samples included, nothing that computes.

These records are the whole contract between the measuring side and the reading side. What can be derived from them
(medians, intervals, throughput, verdicts) is never stored.
"""

from __future__ import annotations

import enum
import itertools
import math
from collections.abc import Iterable

import msgspec

from zoobench.cases import Budget, Case, DeviceFacts

# Kinds of layer: the words by which work and time are broken down, in every room.


class LayerKind(enum.StrEnum):
    """What a layer, or one operator, does. The kind of a convolution follows from its weight's shape and its groups."""

    CONVOLUTION = "convolution"
    """Dense, with a kernel larger than 1×1."""

    POINTWISE = "pointwise"
    """Dense, 1×1."""

    GROUPED_POINTWISE = "grouped-pointwise"
    DEPTHWISE = "depthwise"
    """As many groups as input channels."""

    GROUPED = "grouped"
    """Grouped, with a kernel larger than 1×1, fewer groups than input channels."""

    FULLY_CONNECTED = "fully-connected"
    """Any matrix product but attention's."""

    ATTENTION = "attention"
    NORMALISATION = "normalisation"
    ACTIVATION = "activation"
    POOLING = "pooling"
    CHANNEL_SHUFFLE = "channel-shuffle"
    ADD = "add"
    CONCAT = "concat"
    OTHER = "other"


def kind_of_convolution(*, in_channels: int, groups: int, kernel: tuple[int, ...]) -> LayerKind:
    """The kind of a convolution by its input channels, its groups and its kernel's sides."""
    is_pointwise = all(side == 1 for side in kernel)
    if groups == 1:
        return LayerKind.POINTWISE if is_pointwise else LayerKind.CONVOLUTION
    if groups == in_channels:
        return LayerKind.DEPTHWISE
    return LayerKind.GROUPED_POINTWISE if is_pointwise else LayerKind.GROUPED


SCHEMA = 3
"""Version of the layout below; `zoobench.records.store` upgrades older ones and refuses newer ones."""


Facts = dict[str, str]
"""Facts by name, as text."""

Shape = tuple[int, ...]
"""Sizes of a tensor's dimensions."""


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """Raw samples of one metric in its base unit (see `zoobench.records.metrics`).

    A sample is of one call, also where it is the mean of `calls_per_sample` calls timed as one. A covariate has one
    value a sample: what else happened while that sample was taken, over all its calls. `block_sizes` are the numbers of
    consecutive samples taken under one memory layout: blocks are replicates, the samples inside one are not. Empty
    where samples were not taken in blocks. `process_sizes` are those of samples taken in one process, in whole blocks:
    where there are several, they are the replicates. Empty where all samples are of one.
    """

    metric: str
    samples: tuple[float, ...]
    method: str
    calls_per_sample: int = 1
    covariates: dict[str, tuple[float, ...]] = {}
    block_sizes: tuple[int, ...] = ()
    process_sizes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.samples:
            raise ValueError(f"{self.metric}: a measurement has samples; what has none is Unavailable")
        if not all(math.isfinite(sample) for sample in self.samples):
            raise ValueError(f"{self.metric}: a sample is not a finite number")
        if any(len(values) != len(self.samples) for values in self.covariates.values()):
            raise ValueError(f"{self.metric}: a covariate has one value a sample")
        if self.block_sizes and (min(self.block_sizes) < 1 or sum(self.block_sizes) != len(self.samples)):
            raise ValueError(f"{self.metric}: every sample is in one block, and no block is empty")
        if self.process_sizes and (min(self.process_sizes) < 1 or sum(self.process_sizes) != len(self.samples)):
            raise ValueError(f"{self.metric}: every sample is of one process, and none has no sample")
        if self.block_sizes and not _ends(self.process_sizes) <= _ends(self.block_sizes):
            raise ValueError(f"{self.metric}: a block is of one process")


def _ends(sizes: tuple[int, ...]) -> set[int]:
    """Where consecutive parts of these sizes end."""
    return set(itertools.accumulate(sizes))


class Unavailable(msgspec.Struct, frozen=True, kw_only=True):
    """A metric that this case cannot have, and why: never a zero, never NaN."""

    metric: str
    reason: str


MetricResult = Measurement | Unavailable


class Breakdown(msgspec.Struct, frozen=True, kw_only=True):
    """How a metric of a case divides: `values` are in its base unit and add up to what `method` could attribute.

    Those by `batch` do not add up: they are of the same case at other batches, as the search for a capacity tried them.
    """

    metric: str
    by: str
    values: dict[str, float]
    method: str


class Layer(msgspec.Struct, frozen=True, array_like=True):
    """One module as one image's forward pass met it; what belongs to its submodules is theirs alone.

    `path` is the module's name in the model ("" for the model itself), `type` its class, `kind` a `LayerKind`: that of
    its own operator with the most multiply-accumulates, or else the most elements; empty if it only calls others.
    Shapes are of the first tensor that it takes, the first that it gives, and of its weight. `weights` are the
    elements of its convolutions' and matrix products' weights, without bias; `parameters` all of its own.
    A module that is called twice stands here once, with the work of both calls. `bytes_read` and `bytes_written` are
    those of its own operators' tensors in fp32, weights included (0 in records of schema 2 and before).
    """

    path: str
    type: str
    kind: str
    macs: int
    activations: int
    parameters: int
    weights: int
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    weight_shape: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    bytes_read: int = 0
    bytes_written: int = 0


class Severity(enum.StrEnum):
    """How much a finding takes away from the numbers it stands beside."""

    NOTE = "note"
    WARNING = "warning"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something a reader of the numbers must know. Its text is made from `code` and `values` by `findings`."""

    code: str
    severity: Severity
    values: dict[str, float | str] = {}


class FailureKind(enum.StrEnum):
    """Why a case has no result."""

    BUILD = "build"
    OUT_OF_MEMORY = "out-of-memory"
    TIMEOUT = "timeout"
    CRASH = "crash"
    ERROR = "error"
    OVER_BUDGET = "over-budget"


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """How a case failed: `where` is the step it had reached, `message` one line."""

    kind: FailureKind
    message: str
    where: str


class CaseRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known about one finished case. A failed case keeps what it had measured before it failed.

    `layers` are a fact of the model at that image size, recorded with the first of its cases in a run. A case is
    planned if a suite of fixed plans asked for it, for a comparison of its own. `settings` were read back from the
    live process while the case was measured.
    """

    case: Case
    budget: Budget
    started_at: str
    duration_s: float
    in_calls_s: float
    measurements: tuple[Measurement, ...] = ()
    unavailable: tuple[Unavailable, ...] = ()
    findings: tuple[Finding, ...] = ()
    failure: Failure | None = None
    breakdowns: tuple[Breakdown, ...] = ()
    layers: tuple[Layer, ...] = ()
    is_planned: bool = False
    settings: dict[str, str] = {}
    schema: int = SCHEMA

    def measurement(self, metric: str) -> Measurement | None:
        """The measurement of `metric`, if the case has one."""
        return next((m for m in self.measurements if m.metric == metric), None)


MATRIX_PRODUCT = "matrix-product"
COPY = "copy"
"""Kinds of `zoobench.records.record.Ceiling`."""


class Ceiling(msgspec.Struct, frozen=True, kw_only=True):
    """The highest rate that a device was seen to reach, by measurement.

    `kind` is `matrix-product` (multiply-accumulates a second, at one precision) or `copy` (bytes read and written a
    second, no precision). `rate` is the highest of `samples`.
    """

    device: str
    kind: str
    threads: int
    rate: float
    samples: tuple[float, ...]
    method: str
    precision: str = ""


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """What `zoobench doctor` found out about measuring on this machine; `facts` say which machine and which torch."""

    made_at: str
    facts: dict[str, str]
    measurements: tuple[Measurement, ...] = ()
    unavailable: tuple[Unavailable, ...] = ()
    findings: tuple[Finding, ...] = ()
    schema: int = SCHEMA


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run was measured; facts as text, in groups."""

    host: dict[str, str]
    software: dict[str, str]
    settings: dict[str, str]
    commit: dict[str, str]
    devices: tuple[DeviceFacts, ...] = ()
    ceilings: tuple[Ceiling, ...] = ()
    calibration: Calibration | None = None


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The head of a run: what was asked, when and where. Its cases are beside it, one record each."""

    run_id: str
    started_at: str
    label: str
    command: tuple[str, ...]
    environment: Environment
    schema: int = SCHEMA


# Whether a time may be relied upon: every row says `valid`, or why not.


class Flaw(enum.StrEnum):
    """Why a time is not valid (after MLPerf's VALID and INVALID)."""

    TOO_FEW_ROUNDS = "too-few-rounds"
    TOO_FEW_PROCESSES = "too-few-processes"
    UNSTABLE_WARM_UP = "unstable-warm-up"
    SHARED = "shared"
    THROTTLED = "throttled"
    PAGING = "paging"
    NOISY = "noisy"


VALID = "valid"

_OLDER_CODES = {"few-rounds": Flaw.TOO_FEW_ROUNDS}
"""Findings as records of schema 2 and before call them."""


def flaws_of(findings: Iterable[Finding]) -> tuple[Flaw, ...]:
    """The flaws of a case with these findings, the most severe first. A note is no flaw."""
    codes = {finding.code for finding in findings if finding.severity is Severity.WARNING}
    codes |= {_OLDER_CODES[code] for code in codes & _OLDER_CODES.keys()}
    return tuple(flaw for flaw in Flaw if flaw in codes)


def validity_of(findings: Iterable[Finding]) -> str:
    """`valid`, or the flaws by name."""
    return ", ".join(flaws_of(findings)) or VALID
