"""The counting audit: our count of a model beside fvcore's and torchvision's own, the difference explained.

It is asked for, never part of a timed case: fvcore runs the model for real, and a case that is only counted has a
process of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import msgspec
import torch
from torchvision import models

from zoobench.cases import Budget, ImageSize, ModelRef, catalogue
from zoobench.counting import By, Counts, UncountableError, count_state, divide, layers_of, total, trace_pass
from zoobench.counting.cross_check import CountDifference, CrossCheck, count_by_fvcore, explain
from zoobench.measure.worker.probes.probe import Probe, ProbeState
from zoobench.measure.worker.workload import Workload
from zoobench.records import Breakdown, Layer, Measurement, MetricResult, Unavailable
from zoobench.records.metrics import MODEL_METRICS
from zoobench.zoo.build import build_model
from zoobench.zoo.skeleton import build_skeleton

# Parameters, buffers, multiply-accumulates and activations: facts of the model, counted without running it.


def measure_size(workload: Workload, budget: Budget, progress: ProbeState) -> Iterable[MetricResult | Layer]:  # noqa: ARG001
    """Counts of the weights, then of one image's forward pass in inference on meta tensors, and its layers."""
    yield from _state(workload)
    yield from _work(workload)


SIZE_PROBE = Probe(name="size", metrics=MODEL_METRICS, measure=measure_size, makes_calls=False)


def _state(workload: Workload) -> Iterable[MetricResult]:
    state = count_state(workload.module)
    counts = {
        "parameters": state.parameters,
        "trainable_parameters": state.trainable_parameters,
        "buffers": state.buffers,
    }
    for metric, count in counts.items():
        yield Measurement(metric=metric, samples=(float(count),), method="elements, shared tensors once")


def _work(workload: Workload) -> Iterable[MetricResult | Layer]:
    try:
        trace = trace_pass(workload.module, workload.images[:1])
    except UncountableError as error:
        for metric in ("macs", "activations"):
            yield Unavailable(metric=metric, reason=str(error))
        return
    counts = total(trace.operators)
    for metric, count in (("macs", counts.macs), ("activations", counts.activations)):
        yield Measurement(metric=metric, samples=(float(count),), method=_method(counts))
    yield from layers_of(workload.module, trace)


def _method(counts: Counts) -> str:
    """The counter, and what its total leaves out: operators with the number of their calls."""
    left_out = ", ".join(f"{name} × {uncounted.calls}" for name, uncounted in counts.uncounted.items())
    return f"{counts.counter} {counts.counter_version} on meta tensors; not counted: {left_out or 'nothing'}"


# What torchvision publishes with its weights: multiply-accumulates and parameters, at the crop size of each.


_GIGA: Final = 10**9


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of one set of weights. `macs` are rounded to 10^6: three decimals of what it prints as GFLOPS."""

    weights: str
    image_size: int
    macs: int
    parameters: int


def published_figures(name: str) -> tuple[Published, ...]:
    """Of a torchvision classification model, one for each crop size, in the order of its weights."""
    figures = [
        Published(
            weights=weights.name,
            image_size=weights.transforms().crop_size[0],
            macs=round(weights.meta["_ops"] * _GIGA),
            parameters=weights.meta["num_params"],
        )
        for weights in models.get_model_weights(name)
    ]
    by_size: dict[int, Published] = {}
    for figure in figures:
        by_size.setdefault(figure.image_size, figure)
    return tuple(by_size.values())


# fvcore's count of a model. It builds the model and runs it for real: only where nothing is timed.


_REASON_LENGTH = 200


class FvcoreReply(msgspec.Struct, frozen=True, kw_only=True):
    """fvcore's cross-check, or one line on why there is none."""

    cross_check: CrossCheck | None = None
    reason: str = ""


def ask_fvcore(model: ModelRef, resolution: ImageSize) -> FvcoreReply:
    """What it says of one image's forward pass; never raises for what the model or fvcore does."""
    entry = catalogue.entry_of(model)
    try:
        catalogue.check_image_size(entry, resolution)
        images = torch.zeros(1, entry.channels, *resolution)
        return FvcoreReply(cross_check=count_by_fvcore(build_model(model), images))
    except Exception as error:  # noqa: BLE001 - whatever a model and fvcore raise is the answer
        text = " ".join(str(error).split())
        return FvcoreReply(reason=f"fvcore raised {type(error).__name__}: {text}"[:_REASON_LENGTH])


FVCORE_MACS = "fvcore_macs"
FVCORE_UNSUPPORTED = "fvcore_unsupported_calls"
PUBLISHED_MACS = "published_macs"
PUBLISHED_PARAMETERS = "published_parameters"
DIFFERENCE = "fvcore-difference"
REMAINDER = "remainder"

PUBLISHER = "torchvision"

Ask = Callable[[ModelRef, ImageSize], FvcoreReply]


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """One image's forward pass as we, fvcore and torchvision count it.

    `uncounted` are our operators without a cost, with their calls. Without a `cross_check`, `no_cross_check` says why,
    and there is no `difference`; without `published` figures, `not_published` says why.
    """

    model: ModelRef
    resolution: ImageSize
    macs: int
    parameters: int
    uncounted: dict[str, int]
    cross_check: CrossCheck | None
    no_cross_check: str
    difference: CountDifference | None
    published: Published | None
    not_published: str


def audit(model: ModelRef, resolution: ImageSize, ask: Ask = ask_fvcore) -> Audit:
    """Count a model three ways; `ask` gives fvcore's cross-check.

    Raises: ZoobenchError for a model or image size that cannot be had; UncountableError if we cannot count it.
    """
    entry = catalogue.entry_of(model)
    catalogue.check_image_size(entry, resolution)
    skeleton = build_skeleton(model)
    trace = trace_pass(skeleton, torch.empty(1, entry.channels, *resolution, device="meta"))
    counts = total(trace.operators)
    answer = ask(model, resolution)
    published, not_published = _published(model, resolution)
    return Audit(
        model=model,
        resolution=resolution,
        macs=counts.macs,
        parameters=count_state(skeleton).parameters,
        uncounted={name: uncounted.calls for name, uncounted in counts.uncounted.items()},
        cross_check=answer.cross_check,
        no_cross_check=answer.reason,
        difference=None if answer.cross_check is None else explain(answer.cross_check, divide(trace, By.OPERATOR)),
        published=published,
        not_published=not_published,
    )


def measure_audit(workload: Workload, budget: Budget, progress: ProbeState) -> Iterable[MetricResult | Breakdown]:  # noqa: ARG001
    """The audit of the workload's model at its image size, in the records' terms."""
    try:
        found = audit(workload.case.model, workload.case.resolution)
    except UncountableError as error:
        return [Unavailable(metric=metric, reason=str(error)) for metric in AUDIT_PROBE.metrics]
    return (*_ask_fvcore(found), *_publication(found))


AUDIT_PROBE = Probe(
    name="audit",
    metrics=(FVCORE_MACS, FVCORE_UNSUPPORTED, PUBLISHED_MACS, PUBLISHED_PARAMETERS),
    measure=measure_audit,
    makes_calls=False,
    is_audit=True,
)


def _published(model: ModelRef, resolution: ImageSize) -> tuple[Published | None, str]:
    if model.source != PUBLISHER:
        return None, f"only {PUBLISHER} prints counts of its models"
    figures = {(figure.image_size, figure.image_size): figure for figure in published_figures(model.name)}
    published = figures.get(resolution)
    return published, "" if published else f"{PUBLISHER} prints no count of this model at this image size"


def _ask_fvcore(found: Audit) -> Iterable[MetricResult | Breakdown]:
    cross_check, difference = found.cross_check, found.difference
    if cross_check is None or difference is None:
        for metric in (FVCORE_MACS, FVCORE_UNSUPPORTED):
            yield Unavailable(metric=metric, reason=found.no_cross_check)
        return
    method = f"{cross_check.counter} {cross_check.version}, one image, where nothing is timed"
    left_out = {operator: float(calls) for operator, calls in cross_check.unsupported.items()}
    yield Measurement(metric=FVCORE_MACS, samples=(float(cross_check.macs),), method=method)
    yield Measurement(metric=FVCORE_UNSUPPORTED, samples=(sum(left_out.values()),), method=method)
    yield Breakdown(metric=FVCORE_UNSUPPORTED, by=By.OPERATOR.value, values=left_out, method=method)
    terms = {operator: float(macs) for operator, macs in difference.terms.items()}
    values = {**terms, REMAINDER: float(difference.remainder)}
    yield Breakdown(metric="macs", by=DIFFERENCE, values=values, method=f"{method}, less our own count")


def _publication(found: Audit) -> Iterable[MetricResult]:
    if found.published is None:
        for metric in (PUBLISHED_MACS, PUBLISHED_PARAMETERS):
            yield Unavailable(metric=metric, reason=found.not_published)
        return
    method = f"{PUBLISHER}, {found.published.weights}"
    yield Measurement(metric=PUBLISHED_MACS, samples=(float(found.published.macs),), method=f"{method}, _ops")
    parameters = (float(found.published.parameters),)
    yield Measurement(metric=PUBLISHED_PARAMETERS, samples=parameters, method=f"{method}, num_params")
