"""The counting audit: our count of a model beside fvcore's and torchvision's own, the difference explained.

It is asked for, never part of a timed case: fvcore runs the model for real, and a case that is only counted has a
process of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
import torch

from zoobench import catalogue
from zoobench.cases import Budget, ImageSize, ModelRef
from zoobench.counting import By, UncountableError, count_state, divide, total, trace_pass
from zoobench.counting.opinion import Difference, Opinion, explain
from zoobench.counting.opinion_published import Published, published_figures
from zoobench.devices import Result
from zoobench.probes.probe import Probe, Progress
from zoobench.probes.second_opinion import Answer, ask_fvcore
from zoobench.records import Breakdown, Measurement, Unavailable
from zoobench.subject import Subject
from zoobench.zoo.skeleton import build_skeleton

FVCORE_MACS = "fvcore_macs"
FVCORE_UNSUPPORTED = "fvcore_unsupported_calls"
PUBLISHED_MACS = "published_macs"
PUBLISHED_PARAMETERS = "published_parameters"
DIFFERENCE = "fvcore-difference"
REMAINDER = "remainder"

PUBLISHER = "torchvision"

Ask = Callable[[ModelRef, ImageSize], Answer]


class Audit(msgspec.Struct, frozen=True, kw_only=True):
    """One image's forward pass as we, fvcore and torchvision count it.

    `uncounted` are our operators without a cost, with their calls. Without an `opinion`, `no_opinion` says why, and
    there is no `difference`; without `published` figures, `not_published` says why.
    """

    model: ModelRef
    picture: ImageSize
    macs: int
    parameters: int
    uncounted: dict[str, int]
    opinion: Opinion | None
    no_opinion: str
    difference: Difference | None
    published: Published | None
    not_published: str


def audit(model: ModelRef, picture: ImageSize, ask: Ask = ask_fvcore) -> Audit:
    """Count a model three ways; `ask` gives fvcore's opinion.

    Raises: ZoobenchError for a model or image size that cannot be had; UncountableError if we cannot count it.
    """
    entry = catalogue.entry_of(model)
    catalogue.check_image_size(entry, picture)
    skeleton = build_skeleton(model)
    trace = trace_pass(skeleton, torch.empty(1, entry.channels, *picture, device="meta"))
    counts = total(trace.operators)
    answer = ask(model, picture)
    published, not_published = _published(model, picture)
    return Audit(
        model=model,
        picture=picture,
        macs=counts.macs,
        parameters=count_state(skeleton).parameters,
        uncounted={name: uncounted.calls for name, uncounted in counts.uncounted.items()},
        opinion=answer.opinion,
        no_opinion=answer.reason,
        difference=None if answer.opinion is None else explain(answer.opinion, divide(trace, By.OPERATOR)),
        published=published,
        not_published=not_published,
    )


def measure_audit(subject: Subject, budget: Budget, progress: Progress) -> Iterable[Result | Breakdown]:  # noqa: ARG001
    """The audit of the subject's model at its image size, in the records' terms."""
    try:
        found = audit(subject.case.model, subject.case.picture)
    except UncountableError as error:
        return [Unavailable(metric=metric, reason=str(error)) for metric in PROBE.metrics]
    return (*_second_opinion(found), *_publication(found))


PROBE = Probe(
    name="audit",
    metrics=(FVCORE_MACS, FVCORE_UNSUPPORTED, PUBLISHED_MACS, PUBLISHED_PARAMETERS),
    measure=measure_audit,
    makes_calls=False,
    is_audit=True,
)


def _published(model: ModelRef, picture: ImageSize) -> tuple[Published | None, str]:
    if model.source != PUBLISHER:
        return None, f"only {PUBLISHER} prints counts of its models"
    figures = {(figure.image_size, figure.image_size): figure for figure in published_figures(model.name)}
    published = figures.get(picture)
    return published, "" if published else f"{PUBLISHER} prints no count of this model at this image size"


def _second_opinion(found: Audit) -> Iterable[Result | Breakdown]:
    opinion, difference = found.opinion, found.difference
    if opinion is None or difference is None:
        for metric in (FVCORE_MACS, FVCORE_UNSUPPORTED):
            yield Unavailable(metric=metric, reason=found.no_opinion)
        return
    method = f"{opinion.counter} {opinion.version}, one image, where nothing is timed"
    left_out = {operator: float(calls) for operator, calls in opinion.unsupported.items()}
    yield Measurement(metric=FVCORE_MACS, samples=(float(opinion.macs),), method=method)
    yield Measurement(metric=FVCORE_UNSUPPORTED, samples=(sum(left_out.values()),), method=method)
    yield Breakdown(metric=FVCORE_UNSUPPORTED, by=By.OPERATOR.value, values=left_out, method=method)
    terms = {operator: float(macs) for operator, macs in difference.terms.items()}
    values = {**terms, REMAINDER: float(difference.remainder)}
    yield Breakdown(metric="macs", by=DIFFERENCE, values=values, method=f"{method}, less our own count")


def _publication(found: Audit) -> Iterable[Result]:
    if found.published is None:
        for metric in (PUBLISHED_MACS, PUBLISHED_PARAMETERS):
            yield Unavailable(metric=metric, reason=found.not_published)
        return
    method = f"{PUBLISHER}, {found.published.weights}"
    yield Measurement(metric=PUBLISHED_MACS, samples=(float(found.published.macs),), method=f"{method}, _ops")
    parameters = (float(found.published.parameters),)
    yield Measurement(metric=PUBLISHED_PARAMETERS, samples=parameters, method=f"{method}, num_params")
