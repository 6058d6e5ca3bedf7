"""fvcore's count of a model. It builds the model and runs it for real: only where nothing is timed."""

from __future__ import annotations

import msgspec
import torch

from zoobench import catalogue
from zoobench.cases import ImageSize, ModelRef
from zoobench.counting.opinion import Opinion
from zoobench.counting.opinion_fvcore import fvcore_opinion
from zoobench.zoo.build import build_model

_REASON_LENGTH = 200


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """fvcore's opinion, or one line on why there is none."""

    opinion: Opinion | None = None
    reason: str = ""


def ask_fvcore(model: ModelRef, picture: ImageSize) -> Answer:
    """What it says of one image's forward pass; never raises for what the model or fvcore does."""
    entry = catalogue.entry_of(model)
    try:
        catalogue.check_image_size(entry, picture)
        images = torch.zeros(1, entry.channels, *picture)
        return Answer(opinion=fvcore_opinion(build_model(model), images))
    except Exception as error:  # noqa: BLE001 - whatever a model and fvcore raise is the answer
        text = " ".join(str(error).split())
        return Answer(reason=f"fvcore raised {type(error).__name__}: {text}"[:_REASON_LENGTH])
