"""One table of everything that is measured: a new metric is a row here."""

from __future__ import annotations

import enum

import msgspec

from zoobench.cases import UnknownNameError


class Better(enum.StrEnum):
    """Which way an improvement goes."""

    LOWER = "lower"
    HIGHER = "higher"
    NEITHER = "neither"


class Exactness(enum.StrEnum):
    """How two values compare: an exact one is a fact of the code, a noisy one a draw from the machine."""

    EXACT = "exact"
    NOISY = "noisy"


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table. `unit` is the base unit of its samples."""

    key: str
    title: str
    unit: str
    better: Better = Better.LOWER
    comparison: Exactness = Exactness.NOISY
    is_of_model: bool = False
    """The same in every case of a model at one image size, so it is found once."""


LATENCY = "latency"
"""The metric that is asked for first: its key is written here alone."""

SECONDS = "s"
BYTES = "bytes"
COUNT = "1"
PER_SECOND = "1/s"
RATIO = "ratio"


def _fact(key: str, title: str) -> Metric:
    return Metric(key=key, title=title, unit=COUNT, comparison=Exactness.EXACT, is_of_model=True)


def _program(key: str, title: str) -> Metric:
    """What a call asks torch to do; counted where two sides are compared."""
    return Metric(key=key, title=title, unit=COUNT, comparison=Exactness.EXACT)


def _cross_check(key: str, title: str) -> Metric:
    """What others say of a fact of ours."""
    return Metric(key=key, title=title, unit=COUNT, better=Better.NEITHER, comparison=Exactness.EXACT)


def _state(key: str, title: str, unit: str) -> Metric:
    """A fact of the machine, of which more is better."""
    return Metric(key=key, title=title, unit=unit, better=Better.HIGHER, comparison=Exactness.EXACT)


def _error(key: str, title: str, comparison: Exactness) -> Metric:
    """What was read over what is true, less 1."""
    return Metric(key=key, title=title, unit=RATIO, better=Better.NEITHER, comparison=comparison)


_CALIBRATION = (
    Metric(key="other_load", title="Processor time of other processes, as a share of all", unit=RATIO),
    Metric(key="load_average", title="Mean number of runnable threads in the last minute", unit=COUNT),
    _state("performance_governor", "Whether a processor's frequency governor is `performance`", RATIO),
    Metric(key="threads_a_core", title="Usable threads a core", unit=COUNT, comparison=Exactness.EXACT),
    _state("allowed_share", "Processor time that the container may use, as a share of its processors", RATIO),
    Metric(key="timer_resolution", title="Smallest step of the clock", unit=SECONDS),
    Metric(key="timer_cost", title="Time to read the clock", unit=SECONDS),
    _error("known_time_error", "Error in the time of an operation of known duration", Exactness.NOISY),
    Metric(key="round_overhead", title="Time read for a call that does nothing", unit=SECONDS),
    _error("known_macs_error", "Error in the count of a matrix product of known size", Exactness.EXACT),
    Metric(
        key="product_rate",
        title="Multiply-accumulates a second of a matrix product",
        unit=PER_SECOND,
        better=Better.HIGHER,
    ),
    Metric(
        key="thread_efficiency",
        title="Rate of all threads over that of one, a thread",
        unit=RATIO,
        better=Better.HIGHER,
    ),
    _error("known_bytes_error", "Error in the peak memory of an allocation of known size", Exactness.EXACT),
    Metric(key="faults_retained", title="Page faults of a call with the retained heap", unit=COUNT),
    Metric(key="faults_system", title="Page faults of a call with the system's heap", unit=COUNT),
    Metric(key="pace", title="Time of the same work, again and again", unit=SECONDS),
    Metric(key="launch_pace", title="Time of the same launches, again and again", unit=SECONDS),
    Metric(key="steal", title="Time that the hypervisor gave to others, as a share of all", unit=RATIO),
    Metric(key="repeated_latency", title="Time of the same call in several processes", unit=SECONDS),
)
"""What `zoobench doctor` measures, of the machine rather than of a model."""

METRICS: tuple[Metric, ...] = (
    _fact("parameters", "Parameters"),
    _fact("trainable_parameters", "Trainable parameters"),
    _fact("buffers", "Buffer elements"),
    _fact("macs", "Multiply-accumulates of one image's forward pass"),
    _fact("activations", "Elements written by convolutions and matrix products for one image's forward pass"),
    Metric(key="latency", title="Time of a call", unit=SECONDS),
    Metric(key="host_latency", title="Time of a call by the host's clock", unit=SECONDS),
    Metric(key="interval", title="Time of a call among calls back to back", unit=SECONDS),
    Metric(key="device_time", title="Time of a call's kernels on the device", unit=SECONDS),
    Metric(key="forward_latency", title="Forward part of a training step", unit=SECONDS),
    Metric(key="backward_latency", title="Backward part of a training step", unit=SECONDS),
    Metric(key="optimizer_latency", title="Optimizer part of a training step", unit=SECONDS),
    Metric(key="first_call", title="Time of the first call", unit=SECONDS),
    Metric(key="warm_up_calls", title="Calls before times were steady", unit=COUNT),
    Metric(key="warm_up_time", title="Time before times were steady", unit=SECONDS),
    Metric(key="compile_time", title="Time that compiling adds to the first call", unit=SECONDS),
    Metric(key="reference_time", title="Time of a fixed computation when the machine is quiet", unit=SECONDS),
    Metric(key="build_time", title="Time to build the model", unit=SECONDS),
    Metric(key="throughput", title="Images a second", unit=PER_SECOND, better=Better.HIGHER),
    Metric(key="launch_bound_ratio", title="Share of a call in which the device waits for the host", unit=RATIO),
    Metric(key="peak_allocated", title="Peak memory allocated, weights included", unit=BYTES),
    Metric(key="peak_above_weights", title="Peak memory allocated above the weights", unit=BYTES),
    Metric(key="peak_reserved", title="Peak memory reserved by the device's allocator", unit=BYTES),
    Metric(key="operator_time", title="Time inside a call's operators, as profiled", unit=SECONDS),
    Metric(key="profiler_overhead", title="Profiled call over the same call unprofiled", unit=RATIO),
    Metric(
        key="predicted_peak", title="Peak memory predicted, weights included", unit=BYTES, comparison=Exactness.EXACT
    ),
    Metric(
        key="predicted_workspace",
        title="Part of the predicted peak that kernels allocate for themselves",
        unit=BYTES,
        comparison=Exactness.EXACT,
    ),
    _program("operator_calls", "Calls of torch's operators below autograd in a call"),
    _program("graph_breaks", "Places where the compiler hands a forward pass back to Python"),
    _cross_check("fvcore_macs", "Multiply-accumulates of one image's forward pass, as fvcore counts them"),
    _cross_check("fvcore_unsupported_calls", "Calls of operators that fvcore leaves out"),
    _cross_check("published_macs", "Multiply-accumulates that the model's publisher prints"),
    _cross_check("published_parameters", "Parameters that the model's publisher prints"),
    Metric(key="capacity", title="Largest batch that fits the memory limit", unit=COUNT, better=Better.HIGHER),
    Metric(key="memory_slope", title="Peak memory that each further image adds", unit=BYTES),
    Metric(key="memory_intercept", title="Peak memory at no image, by the same line", unit=BYTES),
    Metric(key="memory_limit", title="Memory limit that the capacity is of", unit=BYTES, better=Better.NEITHER),
    Metric(key="process_memory", title="Peak growth of the process's memory", unit=BYTES),
    *_CALIBRATION,
)

_BY_KEY = {metric.key: metric for metric in METRICS}

CALIBRATION_METRICS = tuple(metric.key for metric in _CALIBRATION)
"""Of a machine: no case has them."""

MODEL_METRICS = tuple(metric.key for metric in METRICS if metric.is_of_model)


def get(key: str) -> Metric | None:
    """The metric of that key; None for one that this zoobench does not know, as of a package that is not installed."""
    return _BY_KEY.get(key)


def find(key: str) -> Metric:
    """The metric of that key.

    Raises: UnknownNameError.
    """
    try:
        return _BY_KEY[key]
    except KeyError:
        raise UnknownNameError("metric", key, _BY_KEY) from None
