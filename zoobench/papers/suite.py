"""Everything that the papers' section of the report needs from a run, as plans of a suite."""

from __future__ import annotations

from collections import defaultdict

from zoobench.cases import COUNT_ONLY, ImageSize, Matrix, Mode, ModelRef, Plan, Precision
from zoobench.papers.experiments import counted_models
from zoobench.papers.timed import timed_plans


def plans() -> tuple[Plan, ...]:
    """What is timed, then what is only counted: a case that is in both is timed."""
    return (*timed_plans(), *counted_plans())


def counted_plans() -> tuple[Plan, ...]:
    """One plan for each size of pictures: one image in inference, built and counted, never called."""
    models: defaultdict[ImageSize, list[ModelRef]] = defaultdict(list)
    for model, picture in counted_models():
        models[picture].append(model)
    return tuple(Plan(_matrix(picture, of_size), COUNT_ONLY) for picture, of_size in models.items())


def _matrix(picture: ImageSize, models: list[ModelRef]) -> Matrix:
    return Matrix(
        models=tuple(map(str, models)),
        modes=(Mode.INFER,),
        batch_sizes=(1,),
        image_size=picture.height,
        image_width=picture.width,
        precisions=(Precision.FP32,),
    )
