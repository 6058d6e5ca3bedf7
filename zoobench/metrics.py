"""One table of everything that is measured: a new metric is a row here."""

from __future__ import annotations

import enum

import msgspec

from zoobench.errors import UnknownNameError


class Better(enum.StrEnum):
    """Which way an improvement goes."""

    LOWER = "lower"
    HIGHER = "higher"
    NEITHER = "neither"


class Comparison(enum.StrEnum):
    """How two values compare: an exact one is a fact of the code, a noisy one a draw from the machine."""

    EXACT = "exact"
    NOISY = "noisy"


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table. `unit` is the base unit of its samples."""

    key: str
    title: str
    unit: str
    better: Better = Better.LOWER
    comparison: Comparison = Comparison.NOISY
    is_of_model: bool = False
    """The same in every case of a model at one image size, so it is found once."""


SECONDS = "s"
BYTES = "bytes"
COUNT = "1"
PER_SECOND = "1/s"
RATIO = "ratio"


def _fact(key: str, title: str) -> Metric:
    return Metric(key=key, title=title, unit=COUNT, comparison=Comparison.EXACT, is_of_model=True)


def _opinion(key: str, title: str) -> Metric:
    """What others say of a fact of ours."""
    return Metric(key=key, title=title, unit=COUNT, better=Better.NEITHER, comparison=Comparison.EXACT)


METRICS: tuple[Metric, ...] = (
    _fact("parameters", "Parameters"),
    _fact("trainable_parameters", "Trainable parameters"),
    _fact("buffers", "Buffer elements"),
    _fact("macs", "Multiply-accumulates of one image's forward pass"),
    _fact("activations", "Elements written by convolutions and matrix products for one image's forward pass"),
    Metric(key="latency", title="Time of a call", unit=SECONDS),
    Metric(key="host_latency", title="Time of a call by the host's clock", unit=SECONDS),
    Metric(key="device_time", title="Time of a call's kernels on the device", unit=SECONDS),
    Metric(key="forward_latency", title="Forward part of a training step", unit=SECONDS),
    Metric(key="backward_latency", title="Backward part of a training step", unit=SECONDS),
    Metric(key="optimizer_latency", title="Optimizer part of a training step", unit=SECONDS),
    Metric(key="first_call", title="Time of the first call", unit=SECONDS),
    Metric(key="build_time", title="Time to build the model", unit=SECONDS),
    Metric(key="throughput", title="Images a second", unit=PER_SECOND, better=Better.HIGHER),
    Metric(key="peak_allocated", title="Peak memory allocated, weights included", unit=BYTES),
    Metric(key="peak_above_weights", title="Peak memory allocated above the weights", unit=BYTES),
    Metric(key="peak_reserved", title="Peak memory reserved by the device's allocator", unit=BYTES),
    Metric(key="operator_time", title="Time inside a call's operators, as profiled", unit=SECONDS),
    Metric(key="profiler_overhead", title="Profiled call over the same call unprofiled", unit=RATIO),
    Metric(
        key="predicted_peak", title="Peak memory predicted, weights included", unit=BYTES, comparison=Comparison.EXACT
    ),
    Metric(
        key="predicted_workspace",
        title="Part of the predicted peak that kernels allocate for themselves",
        unit=BYTES,
        comparison=Comparison.EXACT,
    ),
    _opinion("fvcore_macs", "Multiply-accumulates of one image's forward pass, as fvcore counts them"),
    _opinion("fvcore_unsupported_calls", "Calls of operators that fvcore leaves out"),
    _opinion("published_macs", "Multiply-accumulates that the model's publisher prints"),
    _opinion("published_parameters", "Parameters that the model's publisher prints"),
    Metric(key="process_memory", title="Peak growth of the process's memory", unit=BYTES),
)

_BY_KEY = {metric.key: metric for metric in METRICS}

MODEL_METRICS = tuple(metric.key for metric in METRICS if metric.is_of_model)


def find(key: str) -> Metric:
    """The metric of that key.

    Raises: UnknownNameError.
    """
    try:
        return _BY_KEY[key]
    except KeyError:
        raise UnknownNameError("metric", key, _BY_KEY) from None
