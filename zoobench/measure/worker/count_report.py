"""What one model costs, all of it in one record, without its weights: `zoobench count` prints it."""

from __future__ import annotations

import msgspec
import torch
from torch import Tensor, nn

from zoobench.cases import ImageSize, Mode, ZoobenchError, catalogue
from zoobench.cases.catalogue import Entry
from zoobench.counting import By, Counts, Group, UncountableError, count_state, divide, total, trace_pass
from zoobench.counting.count import StateCounts
from zoobench.counting.memory import Peak, cpu_onednn
from zoobench.measure.worker.prediction import predict_peak
from zoobench.zoo.skeleton import build_skeleton


class CountRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of each model. No image is each model's own; no `by` is its total alone."""

    resolution: ImageSize | None = None
    batch: int = 1
    mode: Mode = Mode.INFER
    by: By | None = None
    depth: int | None = None


class CountReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a pass over `batch` images costs; in training, forward and backward, without loss and optimizer.

    `groups` are the parts that were asked for (`zoobench.counting.divide`). `peak` is of a whole call in fp32 on this
    machine's CPU, a training step with SGD and momentum; None where `no_peak` says why.
    """

    model: str
    image_size: str
    batch: int
    mode: Mode
    state: StateCounts
    counts: Counts
    peak: Peak | None
    no_peak: str = ""
    groups: tuple[Group, ...] = ()


class NoCountError(ZoobenchError):
    """A model whose cost does not follow from its shapes, named with the reason."""

    exit_code = 1


def count_model(entry: Entry, question: CountRequest) -> CountReport:
    """Build the model without weights and count one pass.

    Raises: NoTallyError if it cannot be counted; BadInputError for images that it does not take; as `build_model`.
    """
    resolution = question.resolution or ImageSize(entry.image_size, entry.image_size)
    catalogue.check_image_size(entry, resolution)
    module = build_skeleton(entry.ref)
    try:
        state = count_state(module)
        trace = trace_pass(module, _images(entry, resolution, question), is_training=question.mode is Mode.TRAIN)
    except UncountableError as error:
        raise NoCountError(f"{entry.name}: {error}") from error
    peak, no_peak = _peak(module, _images(entry, resolution, question), question)
    return CountReport(
        model=str(entry.ref),
        image_size=str(resolution),
        batch=question.batch,
        mode=question.mode,
        state=state,
        counts=total(trace.operators),
        peak=peak,
        no_peak=no_peak,
        groups=divide(trace, question.by, depth=question.depth) if question.by else (),
    )


def _images(entry: Entry, resolution: ImageSize, question: CountRequest) -> Tensor:
    return torch.empty((question.batch, entry.channels, *resolution), device="meta")


def _peak(module: nn.Module, images: Tensor, question: CountRequest) -> tuple[Peak | None, str]:
    try:
        return predict_peak(module, images, mode=question.mode, backend=cpu_onednn(threads=torch.get_num_threads())), ""
    except UncountableError as error:
        return None, str(error)
