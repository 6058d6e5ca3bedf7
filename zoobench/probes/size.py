"""Parameters, buffers, multiply-accumulates and activations: facts of the model, counted without running it."""

from __future__ import annotations

from collections.abc import Iterable

from zoobench.cases import Budget
from zoobench.counting import Counts, UncountableError, count_state, layers_of, total, trace_pass
from zoobench.devices import Result
from zoobench.metrics import MODEL_METRICS
from zoobench.probes.probe import Probe, Progress
from zoobench.records import Layer, Measurement, Unavailable
from zoobench.subject import Subject


def measure_size(subject: Subject, budget: Budget, progress: Progress) -> Iterable[Result | Layer]:  # noqa: ARG001
    """Counts of the weights, then of one image's forward pass in inference on meta tensors, and its layers."""
    yield from _state(subject)
    yield from _work(subject)


PROBE = Probe(name="size", metrics=MODEL_METRICS, measure=measure_size, makes_calls=False)


def _state(subject: Subject) -> Iterable[Result]:
    state = count_state(subject.module)
    counts = {
        "parameters": state.parameters,
        "trainable_parameters": state.trainable_parameters,
        "buffers": state.buffers,
    }
    for metric, count in counts.items():
        yield Measurement(metric=metric, samples=(float(count),), method="elements, shared tensors once")


def _work(subject: Subject) -> Iterable[Result | Layer]:
    try:
        trace = trace_pass(subject.module, subject.images[:1])
    except UncountableError as error:
        for metric in ("macs", "activations"):
            yield Unavailable(metric=metric, reason=str(error))
        return
    counts = total(trace.operators)
    for metric, count in (("macs", counts.macs), ("activations", counts.activations)):
        yield Measurement(metric=metric, samples=(float(count),), method=_method(counts))
    yield from layers_of(subject.module, trace)


def _method(counts: Counts) -> str:
    """The counter, and what its total leaves out: operators with the number of their calls."""
    left_out = ", ".join(f"{name} × {uncounted.calls}" for name, uncounted in counts.uncounted.items())
    return f"{counts.counter} {counts.counter_version} on meta tensors; not counted: {left_out or 'nothing'}"
