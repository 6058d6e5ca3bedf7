"""The cases that the papers' claims on speed need: which net of the zoo stands for each printed row, called how.

A row that no net of the zoo stands for is in `LEFT_OUT`, with the reason. No torch, no measuring.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from zoobench.cases import COUNT_ONLY, Budget, Case, ImageSize, Matrix, Mode, ModelRef, Plan, Precision
from zoobench.papers.experiments import ALEXNET_2012, MOBILENET_V1, NETS, SQUEEZENET, counted_models
from zoobench.papers.found import Net
from zoobench.papers.published import figures


class Conditions(NamedTuple):
    """How a claim's nets are called, always in fp32; `threads` None leaves their number to the run."""

    mode: Mode
    batch: int
    threads: int | None

    def fit(self, case: Case) -> bool:
        """Whether the case is called so."""
        asked = (self.mode, self.batch, Precision.FP32, self.threads or case.threads)
        return (case.mode, case.batch, case.precision, case.threads) == asked


ONE_THREAD = Conditions(Mode.INFER, 1, 1)
"""ShuffleNet Table 8, MobileNetV2 Table 4 and the ARM column of ShuffleNetV2 Table 8: one core, one image."""

BATCH_OF_8 = Conditions(Mode.INFER, 8, None)
"""The GPU column of ShuffleNetV2 Table 8."""

TRAINING = Conditions(Mode.TRAIN, 8, None)
"""Xception Table 3, whose batch is not printed."""

RESOLUTIONS = (ImageSize(224, 224), ImageSize(480, 640), ImageSize(720, 1280))
"""ShuffleNet Table 8."""

ALEXNET = ModelRef("torchvision", "alexnet")
"""ShuffleNet Table 8's, since its adaptive pooling takes images of every size; the net of 2012 does not."""

SPED_UP = ("ShuffleNet 0.5x (g=3)", "ShuffleNet 1x (g=3)", "ShuffleNet 2x (g=3)", "1.0 MobileNet-224")
"""Rows of ShuffleNet Table 8."""

XCEPTION, INCEPTION = (NETS["Xception"][row] for row in ("Xception", "Inception V3"))

BROKEN_DOWN = (
    SQUEEZENET,
    MOBILENET_V1,
    NETS["ShuffleNet V1"]["ShuffleNet 1x (g=3)"],
    XCEPTION,
    Net(ALEXNET, RESOLUTIONS[0]),
    Net(ModelRef("torchvision", "resnet50"), RESOLUTIONS[0]),
)
"""One net of each compared family, and the two they are compared with: where their time goes, by kind of layer."""

_NOT_IN_THE_ZOO = "not in the zoo"
_PRINTED_TWICE = "the same net and times as the row above"
_LEFT_OUT = {
    "NasNet-A": _NOT_IN_THE_ZOO,
    "NASNet-A": _NOT_IN_THE_ZOO,
    "PNASNet": _NOT_IN_THE_ZOO,
    "IGCV": _NOT_IN_THE_ZOO,
    "DenseNet": "a small net of the authors' own",
    "Xception": "a small net of the same name, not Chollet's",
}
"""By how the row's name begins."""

INFERENCE_BUDGET = Budget(precision_target=0.02, min_rounds=8, min_s=1.0, max_s=5.0, max_warmup_s=1.0)
"""An interval of a ratio needs 7 rounds of each of its two latencies (`zoobench.papers.claims`)."""

TRAINING_BUDGET = Budget(precision_target=0.02, min_rounds=8, min_s=1.0, max_s=45.0, max_warmup_s=1.0)
"""Eight steps of Xception at batch 8 take half a minute on two cores."""


def timed_rows(paper: str, metric: str) -> dict[str, Net]:
    """The rows for which the paper prints that time or speed, each with its net; a net printed twice stands once."""
    nets: dict[Net, str] = {}
    for row in _printed_rows(paper, metric):
        if row in NETS[paper]:
            nets.setdefault(NETS[paper][row], row)
    return {row: net for net, row in nets.items()}


def rows_left_out(paper: str, metric: str) -> dict[str, str]:
    """The other rows of that column, each with the reason.

    Raises: KeyError for a row that nobody gave a reason for.
    """
    kept = timed_rows(paper, metric)
    return {row: _why_left_out(paper, row) for row in _printed_rows(paper, metric) if row not in kept}


def timed_plans() -> tuple[Plan, ...]:
    """Everything that `zoobench.papers.claims` reads from a run, each case once."""
    sped_up = [NETS["ShuffleNet V1"][row].model for row in SPED_UP]
    of_resolutions = [Net(model, resolution) for model in (ALEXNET, *sped_up) for resolution in RESOLUTIONS]
    on_a_core = [*timed_rows("MobileNetV2", "cpu_time").values(), *timed_rows("ShuffleNetV2", "arm_speed").values()]
    return (
        *_plans([*of_resolutions, *on_a_core, *BROKEN_DOWN], ONE_THREAD, INFERENCE_BUDGET),
        *_plans(timed_rows("ShuffleNetV2", "gpu_speed").values(), BATCH_OF_8, INFERENCE_BUDGET),
        *_plans([XCEPTION, INCEPTION], TRAINING, TRAINING_BUDGET),
        *_plans([ALEXNET_2012], ONE_THREAD, COUNT_ONLY),
    )


def _printed_rows(paper: str, metric: str) -> list[str]:
    return [figure.model for figure in figures() if (figure.paper, figure.metric) == (paper, metric)]


def _why_left_out(paper: str, row: str) -> str:
    if row in NETS[paper]:
        return _PRINTED_TWICE
    for beginning, reason in _LEFT_OUT.items():
        if row.startswith(beginning):
            return reason
    raise KeyError(row)


def _plans(nets: Iterable[Net], conditions: Conditions, budget: Budget) -> Iterable[Plan]:
    """A plan a size of images, since a matrix has one."""
    ordered = sorted(dict.fromkeys(nets), key=_resolution)
    for resolution, of_size in itertools.groupby(ordered, key=_resolution):
        matrix = Matrix(
            models=tuple(str(net.model) for net in of_size),
            modes=(conditions.mode,),
            batch_sizes=(conditions.batch,),
            image_size=resolution.height,
            image_width=resolution.width,
            precisions=(Precision.FP32,),
            threads=conditions.threads,
        )
        yield Plan(matrix, budget)


def _resolution(net: Net) -> ImageSize:
    return net.resolution


# Everything that the papers' section of the report needs from a run, as plans of a suite.


def plans() -> tuple[Plan, ...]:
    """What is timed, then what is only counted: a case that is in both is timed."""
    return (*timed_plans(), *counted_plans())


def counted_plans() -> tuple[Plan, ...]:
    """One plan for each size of images: one image in inference, built and counted, never called."""
    models: defaultdict[ImageSize, list[ModelRef]] = defaultdict(list)
    for model, resolution in counted_models():
        models[resolution].append(model)
    return tuple(Plan(_matrix(resolution, of_size), COUNT_ONLY) for resolution, of_size in models.items())


def _matrix(resolution: ImageSize, models: list[ModelRef]) -> Matrix:
    return Matrix(
        models=tuple(map(str, models)),
        modes=(Mode.INFER,),
        batch_sizes=(1,),
        image_size=resolution.height,
        image_width=resolution.width,
        precisions=(Precision.FP32,),
    )
